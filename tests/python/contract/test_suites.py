"""What is read of other libraries' suites, and what is said to be left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mlops_engine as me
from mlops_engine.contract import Contract
from mlops_engine.contract.suites import from_great_expectations, from_pandera

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def expectation(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": arguments}


def test_a_suite_is_a_contract_and_a_list_of_the_rest() -> None:
    suite = {
        "name": "trips",
        "expectations": [
            expectation("column_values_to_be_between", column="miles", min_value=0, max_value=9),
            expectation("column_values_to_not_be_null", column="miles"),
            expectation("column_values_to_match_regex", column="code", regex="[A-Z]{3}"),
            expectation(
                "column_values_to_be_in_set", column="code", value_set=["xABC"], mostly=0.9
            ),
            expectation("column_values_to_be_between", column="x", min_value=0, strict_min=True),
            expectation("compound_columns_to_be_unique", column_list=["miles", "code"]),
            expectation("table_row_count_to_be_between", min_value=2),
            expectation("column_mean_to_be_between", column="miles", min_value=1),
        ],
    }
    imported = from_great_expectations(suite)
    assert imported.left_out == [
        "expect_column_values_to_be_in_set of 'code'",
        "expect_column_values_to_be_between of 'x'",
        "expect_column_mean_to_be_between of 'miles'",
    ]
    contract = Contract.from_toml(imported.table)
    good = pl.DataFrame({"miles": [0.0, 9.0], "code": ["xABC", None]})
    assert contract.check(good, NOW).ok
    for broken, rule in (
        (good.with_columns(miles=pl.Series([0.0, None])), "miles.null"),
        (good.with_columns(miles=pl.Series([0.0, 10.0])), "miles.max"),
        (good.with_columns(code=pl.Series(["AB", "ABC"])), "code.regex"),
        (good.head(1), "completeness.rows_min"),
        (pl.concat([good, good]), "unique.miles+code"),
    ):
        report = contract.check(broken, NOW)
        assert not report.ok
        assert report.rules == {rule}


def test_suites_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    for text in ("", "[]", "[" * 5000):
        path.write_text(text)
        for read in (from_great_expectations, from_pandera):
            with pytest.raises(me.InvalidArgument):
                read(path)
    with pytest.raises(me.InvalidArgument, match="type and kwargs"):
        from_great_expectations({"expectations": [1]})
    with pytest.raises(me.InvalidArgument, match="pass types="):
        from_great_expectations({"expectations": [expectation("column_to_exist", column="x")]})
    with pytest.raises(me.InvalidArgument, match="of type 'complex128'"):
        from_pandera({"columns": {"x": {"dtype": "complex128"}}})
