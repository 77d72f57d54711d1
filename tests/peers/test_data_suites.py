"""Suites of Pandera and Great Expectations: what the real libraries refuse, the import refuses."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from environment import ask, python_with

from mlops_engine.contract import Contract
from mlops_engine.contract.suites import from_great_expectations, from_pandera

FOLDER = Path(__file__).parent / "suites"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "miles": [0.0, 5000.0, -0.5, 5000.5],
    "hour": [0, 23, 24],
    "carrier": ["AA", None, "UA"],
    "code": ["ABC", "abc", "ABCde", "xABC", "ABCdef"],
}
ROWS = [dict(zip(VALUES, row, strict=True)) for row in itertools.product(*VALUES.values())]
TYPES = {"miles": pl.Float64, "hour": pl.Int64, "carrier": pl.String, "code": pl.String}


def refused(table: dict[str, Any]) -> list[bool]:
    contract = Contract.from_toml(table)
    return [not contract.check(pl.DataFrame([row], schema=TYPES), NOW).ok for row in ROWS]


def test_a_schema_of_pandera_refuses_what_pandera_refuses() -> None:
    python = python_with("pandera[io]==0.35.0", "pandas==2.3.3")
    said = ask(python, FOLDER / "pandera_schema.py", stdin=json.dumps(ROWS))
    imported = from_pandera(said["schema"])
    assert imported.left_out == ["str_startswith of 'note'"]
    assert refused(imported.table) == said["refused"]
    assert 0 < sum(said["refused"]) < len(ROWS)


def test_a_suite_of_great_expectations_refuses_what_it_refuses() -> None:
    python = python_with("great_expectations==1.24.0")
    said = ask(python, FOLDER / "gx_suite.py", stdin=json.dumps(ROWS))
    imported = from_great_expectations(said["suite"], types={"hour": "integer"})
    assert imported.left_out == ["expect_column_mean_to_be_between of 'hour'"]
    assert refused(imported.table) == said["refused"]
    assert 0 < sum(said["refused"]) < len(ROWS)
