"""The flights example's tables, and the plan that declares its features."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops_engine.features import FeaturePlan
from mlops_engine.pipeline import examples
from mlops_engine.train import dataset
from mlops_engine.train.source import locate

PLAN = Path(examples.__file__).parent / "flights_features.toml"


@pytest.fixture(scope="session")
def tables() -> dataset.Tables:
    return dataset.read_tables(locate())


@pytest.fixture(scope="session")
def frames(tables: dataset.Tables) -> dict[str, pl.DataFrame]:
    flights = tables.flights.with_columns(
        hour_departures=pl.len().over("origin", "time_hour").cast(pl.Int64)
    )
    return {"flights": flights, "weather": tables.weather, "airports": tables.airports}


@pytest.fixture(scope="session")
def plan() -> FeaturePlan:
    return FeaturePlan.from_toml(PLAN)


@pytest.fixture
def table() -> dict[str, Any]:
    return tomllib.loads(PLAN.read_text())
