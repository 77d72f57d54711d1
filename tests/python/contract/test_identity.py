"""Digests of data, pointers of other tools, and events of runs."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlops_engine as me
from mlops_engine.contract import Contract, lineage
from mlops_engine.contract.identity import dataset_digest, delta_snapshot, dvc_pointer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "sha256:2b4a73e939dae63fce56c26b9e1ff13c8bc8e3e182a6f0a6fca0b67408deadbc"
FRAME = pl.DataFrame(
    {
        "i": [1, None, 3],
        "f": [0.5, float("nan"), None],
        "s": ["a", None, "bc"],
        "b": [True, None, False],
        "t": [NOW, None, NOW],
        "d": [date(2026, 1, 1), None, date(2026, 1, 2)],
    }
)
# Each is other data.
OTHERS = {
    "a value": FRAME.with_columns(i=pl.Series([1, None, 4])),
    "null is not zero": FRAME.with_columns(pl.col("i").fill_null(0)),
    "null is not NaN": FRAME.with_columns(pl.col("f").fill_null(float("nan"))),
    "null is not empty": FRAME.with_columns(pl.col("s").fill_null("")),
    "texts cut elsewhere": FRAME.with_columns(s=pl.Series(["ab", None, "c"])),
    "order of rows": FRAME.reverse(),
    "order of columns": FRAME.select(reversed(FRAME.columns)),
    "a name": FRAME.rename({"i": "j"}),
    "a type": FRAME.with_columns(pl.col("i").cast(pl.Int32)),
    "a zone": FRAME.with_columns(pl.col("t").dt.convert_time_zone("Europe/Vienna")),
    "a row less": FRAME.head(2),
    "a boolean": FRAME.with_columns(b=pl.Series([True, None, True])),
    "a day": FRAME.with_columns(pl.col("d").dt.offset_by("1d")),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_data_has_another_digest(what: str) -> None:
    assert dataset_digest(OTHERS[what]) != dataset_digest(FRAME)


def test_the_same_data_has_the_same_digest(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet", compression="zstd")
    FRAME.write_parquet(tmp_path / "b.parquet", compression="uncompressed", row_group_size=1)
    for name in "ab":
        assert dataset_digest(pl.read_parquet(tmp_path / f"{name}.parquet")) == dataset_digest(
            FRAME
        )
    assert dataset_digest(pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)) == dataset_digest(FRAME)
    assert dataset_digest(FRAME.with_columns(pl.col("s").cast(pl.Categorical))) == dataset_digest(
        FRAME
    )
    minus = pl.DataFrame({"x": [-0.0]})
    assert dataset_digest(minus) == dataset_digest(pl.DataFrame({"x": [0.0]}))


def test_a_digest_stays_what_it_was() -> None:
    # It is in lineage records: another library version, or machine, must find the same.
    assert dataset_digest(FRAME) == DIGEST
    with pytest.raises(me.InvalidArgument, match="has no digest"):
        dataset_digest(pl.DataFrame({"x": [[1]]}))


@given(st.permutations(range(4)))
def test_the_order_of_partitions_changes_nothing(order: list[int]) -> None:
    parts = [pl.DataFrame({"x": [i, i + 1]}) for i in (0, 0, 1, 2)]
    assert dataset_digest(parts[i] for i in order) == dataset_digest(parts)
    assert dataset_digest(parts) != dataset_digest(parts[1:])


def test_pointers_of_dvc_are_read(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.dvc"
    path.write_text(f"outs:\n- md5: {'a' * 32}\n  size: 12\n  hash: md5\n  path: data.csv\n")
    found = dvc_pointer(path)
    assert (found.path, found.md5, found.size) == ("data.csv", "a" * 32, 12)
    two = f"- md5: {'a' * 32}\n  path: x\n" * 2
    for text in ("", "outs:\n", "outs:\n- md5: zz\n  path: x\n", f"outs:\n{two}", "\xff\x00"):
        path.write_text(text)
        with pytest.raises(me.InvalidArgument):
            dvc_pointer(path)
    with pytest.raises(me.NotFound):
        dvc_pointer(tmp_path / "none.dvc")


def test_snapshots_of_delta_are_read(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    with pytest.raises(me.NotFound):
        delta_snapshot(tmp_path)
    (log / f"{0:020}.json").write_text('{"protocol":{}}\n{"metaData":{"id":"table-1"}}\n')
    (log / f"{1:020}.json").write_text('{"add":{"path":"x"}}\n')
    assert (delta_snapshot(tmp_path).table, delta_snapshot(tmp_path).version) == ("table-1", 1)
    for text in ("{", "[]", '{"metaData":1}'):
        (log / f"{1:020}.json").write_text(text)
        if text != "[]":
            with pytest.raises(me.InvalidArgument, match="commit"):
                delta_snapshot(tmp_path)


def test_events_are_lines_that_name_data_by_digest(tmp_path: Path) -> None:
    contract = Contract.from_toml({"name": "c", "columns": {"x": {"type": "integer", "min": 0}}})
    frame = pl.DataFrame({"x": [1, -1]})
    report = contract.check(frame, NOW)
    data = lineage.dataset("file", "flights", dataset_digest(frame), report)
    run, path = uuid.UUID(int=1), tmp_path / "events.jsonl"
    lineage.write_event(path, "START", run=run, job=("mlops", "train"), at=NOW)
    lineage.write_event(
        path, "COMPLETE", run=run, job=("mlops", "train"), at=NOW, inputs=[data], outputs=[data]
    )
    first, last = [json.loads(line) for line in path.read_text().splitlines()]
    assert first["run"] == last["run"] == {"runId": str(run)}
    assert last["inputs"][0]["facets"]["version"]["datasetVersion"] == dataset_digest(frame)
    facet = last["inputs"][0]["inputFacets"]["dataQualityAssertions"]
    assert {"assertion": "x.min", "success": False} in facet["assertions"]
    assert "inputFacets" not in last["outputs"][0]
