"""What a contract refuses to be, what it says of edges, and what it keeps to itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mlops_engine as me
from mlops_engine.contract import Contract, History

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def contract(columns: dict[str, Any], **rest: Any) -> Contract:
    return Contract.from_toml({"name": "test", "columns": columns, **rest}, key=b"k" * 16)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colums": {}}, "did you mean 'columns'"),
        ({"columns": {"x": {"type": "integer", "nulable": True}}}, "did you mean 'nullable'"),
        ({"columns": {"x": {"type": "intger"}}}, "did you mean 'integer'"),
        ({"columns": {"x": {"type": "integer", "regex": "a"}}}, "regex is not for"),
        ({"columns": {"x": {"type": "string", "regex": "("}}}, "regex"),
        ({"columns": {"x": {"type": "string", "min": 1}}}, "min is 1"),
        ({"columns": {"x": {"type": "string", "enum": [1]}}}, "enum"),
        ({"columns": {"x": {"type": "integer", "severities": {"maximum": "warn"}}}}, "no rule"),
        ({"columns": {"x": {"type": "integer", "severity": "ignore"}}}, "severity"),
        ({"columns": {"x": {"type": "integer", "null_share_max": 0.1}}}, "not nullable"),
        ({"columns": {"x": {"type": "instant", "min": "2013-01-01"}}}, "zone"),
        ({"relations": [{"name": "r", "holds": "y > 0"}]}, "no declared column"),
        ({"relations": [{"name": "r", "hold": "x > 0"}]}, "did you mean 'holds'"),
        ({"relations": [{"name": "r", "holds": "x > 0"}] * 2}, "two rules"),
        ({"unique": [{"columns": ["xx"]}]}, "did you mean 'x'"),
        ({"freshness": {"column": "x"}}, "not of type instant"),
        ({"freshness": {"column": "x", "lag_max": "soon"}}, "like 90m"),
        ({"completeness": {"key": []}}, "did you mean 'keys'"),
        ({"completeness": {"keys": [{"column": "x", "values": []}]}}, "length"),
        ({"statistics": {}}, "no reference"),
        ({"statistics": {"reference": "nowhere"}}, "nowhere"),
        ({"guards": {"ranges": "reject"}}, "did you mean 'range'"),
        ({"columns": {}}, "no column"),
        ({"columns": []}, "not a table"),
    ],
)
def test_a_contract_that_means_nothing_is_refused(change: dict[str, Any], said: str) -> None:
    table = {"name": "test", "columns": {"x": {"type": "integer"}}, **change}
    with pytest.raises(me.InvalidArgument, match=said):
        Contract.from_toml(table)


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xff = 1")
    with pytest.raises(me.InvalidArgument, match=r"c\.toml"):
        Contract.from_toml(path)


def test_severities_part_the_rows() -> None:
    rules = {"type": "integer", "min": 0, "max": 9, "severities": {"max": "warn"}}
    report = contract({"x": rules}).check(pl.DataFrame({"x": [1, -1, 10, None]}), NOW)
    assert report.good["x"].to_list() == [1, 10]
    assert report.quarantined["quarantined_by"].to_list() == [["x.min"], ["x.null"]]
    assert report.ok
    assert report.score == 0.25
    failing = contract({"x": {**rules, "severity": "fail"}})
    report = failing.check(pl.DataFrame({"x": [1, -1]}), NOW)
    assert [str(e) for e in report.errors] == ["fail: x.min: is below 0 (1 rows), such as -1"]


def test_an_empty_frame_is_judged_too() -> None:
    of = contract({"x": {"type": "integer"}}, completeness={"rows_min": 1})
    report = of.check(pl.DataFrame({"x": []}, schema={"x": pl.Int64}), NOW)
    assert report.rules == {"completeness.rows_min"}


def test_bounds_are_allowed_values() -> None:
    report = contract({"x": {"type": "float", "min": 0, "max": 1}}).check(
        pl.DataFrame({"x": [0.0, 1.0]}), NOW
    )
    assert report.score == 1


def test_columns_that_are_not_there_may_be_optional() -> None:
    of = contract({"x": {"type": "integer"}, "y": {"type": "integer", "optional": True, "max": 1}})
    assert of.check(pl.DataFrame({"x": [1]}), NOW).score == 1
    assert of.check(pl.DataFrame({"x": [1], "y": [2]}), NOW).rules == {"y.max"}


def test_a_relation_of_a_null_decides_nothing() -> None:
    of = contract(
        {n: {"type": "integer", "nullable": True} for n in "ab"},
        relations=[{"name": "order", "holds": "a <= b"}],
    )
    report = of.check(pl.DataFrame({"a": [1, None, 3], "b": [2, 2, 2]}), NOW)
    assert report.quarantined["a"].to_list() == [3]


@pytest.mark.parametrize("holds", ["a + 1", "lower(a) == 'x'", "matches(s, '(')", "a and s"])
def test_a_relation_that_cannot_be_asked_fails(holds: str) -> None:
    of = contract(
        {"a": {"type": "integer"}, "s": {"type": "string"}},
        relations=[{"name": "odd", "holds": holds}],
    )
    report = of.check(pl.DataFrame({"a": [1], "s": ["x"]}), NOW)
    assert [e.rule for e in report.errors] == ["relation.odd"]


@pytest.mark.parametrize(("lag", "stale"), [(59, False), (60, False), (61, True)])
def test_freshness_is_measured_by_the_given_clock(lag: int, stale: bool) -> None:
    of = contract({"t": {"type": "instant"}}, freshness={"column": "t", "lag_max": "1h"})
    here = timezone(timedelta(hours=2))
    newest = (NOW - timedelta(minutes=lag)).astimezone(here)
    rows = pl.DataFrame({"t": [newest]})
    assert ("freshness.lag" in of.check(rows, NOW).rules) == stale
    with pytest.raises(me.InvalidArgument, match="no time zone"):
        of.check(rows, NOW.replace(tzinfo=None))


def test_a_row_of_the_future_does_not_make_data_fresh() -> None:
    fresh = {"column": "t", "lag_max": "1h", "skew_max": "5m"}
    of = contract({"t": {"type": "instant"}}, freshness=fresh)
    rows = pl.DataFrame({"t": [NOW - timedelta(hours=2), NOW + timedelta(minutes=6)]})
    assert of.check(rows, NOW).rules == {"freshness.lag", "freshness.skew"}


def test_personal_columns_never_leave_the_check(tmp_path: Path) -> None:
    columns = {
        "name": {"type": "string", "regex": "[A-Z]+", "personal": "hash"},
        "mail": {"type": "string", "personal": "drop"},
        "x": {"type": "integer"},
    }
    frame = pl.DataFrame({"name": ["ANNA", "ANNA", "bob"], "mail": ["a@b"] * 3, "x": [1, 2, 3]})
    report = contract(columns).check(frame, NOW)
    assert "mail" not in report.good.columns + report.quarantined.columns
    assert report.good["name"].n_unique() == 1
    history = History(tmp_path / "history.db")
    history.add(report)
    history.close()
    kept = (
        b"".join(path.read_bytes() for path in tmp_path.iterdir()) + str(report.to_dict()).encode()
    )
    kept += report.good.write_csv().encode() + report.quarantined.write_ndjson().encode()
    for word in (b"ANNA", b"bob", b"a@b"):
        assert word not in kept
    other = Contract.from_toml({"name": "test", "columns": columns}, key=b"j" * 16)
    assert other.check(frame, NOW).good["name"][0] != report.good["name"][0]
    with pytest.raises(me.InvalidArgument, match="key"):
        Contract.from_toml({"name": "test", "columns": columns})


def test_history_is_a_trend(tmp_path: Path) -> None:
    of = contract({"x": {"type": "integer", "min": 0}})
    with_history = History(tmp_path / "history.db")
    for day, bad in enumerate((0, 1, 2)):
        rows = pl.DataFrame({"x": [-1] * bad + [1] * (4 - bad)})
        with_history.add(of.check(rows, NOW + timedelta(days=day)), f"sha256:{day}")
    with_history.close()
    again = History(tmp_path / "history.db")
    assert [(score, share) for _, score, share in again.trend("test")] == [
        (1.0, 0.0),
        (0.75, 0.25),
        (0.5, 0.5),
    ]
    newest = again.of("test", last=1)[0]
    assert newest["dataset"] == "sha256:2"
    assert newest["warnings"][0]["rule"] == "x.min"
    again.close()


def test_a_report_is_json_and_a_digest_is_of_what_is_checked() -> None:
    one = contract({"x": {"type": "integer", "min": 0}})
    assert json.loads(json.dumps(one.check(pl.DataFrame({"x": [1]}), NOW).to_dict()))["good"] == 1
    assert one.digest == contract({"x": {"min": 0, "type": "integer"}}).digest
    assert one.digest != contract({"x": {"type": "integer", "min": 1}}).digest


def test_too_much_quarantine_is_an_error() -> None:
    of = contract({"x": {"type": "integer", "min": 0}}, quality={"quarantine_share_max": 0.2})
    assert of.check(pl.DataFrame({"x": [1, 1, 1, 1, -1]}), NOW).ok
    assert not of.check(pl.DataFrame({"x": [1, 1, -1, -1]}), NOW).ok
