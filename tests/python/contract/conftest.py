"""January's flights, as the package has them, and the contract they keep."""

from __future__ import annotations

import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops_engine import drift
from mlops_engine.contract import Contract
from mlops_engine.train.source import locate

FOLDER = Path(__file__).parent
NOW = datetime(2013, 2, 1, 12, tzinfo=UTC)
KEY = b"sixteen bytes or more"
WATCHED = ["dep_delay", "distance", "carrier", "hour"]


def read_flights() -> pl.DataFrame:
    with zipfile.ZipFile(locate().directory / "flights.csv.zip") as archive:
        raw = pl.read_csv(archive.read("flights.csv"), null_values=["NA"], infer_schema_length=None)
    hour = pl.col("time_hour").str.to_datetime(
        "%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"
    )
    return raw.with_columns(hour)


@pytest.fixture(scope="session")
def all_flights() -> pl.DataFrame:
    return read_flights()


@pytest.fixture(scope="session")
def january(all_flights: pl.DataFrame) -> pl.DataFrame:
    return all_flights.filter(pl.col("month") == 1)


@pytest.fixture(scope="session")
def profile(january: pl.DataFrame) -> drift.Profile:
    return drift.Profile.from_polars(january.select(WATCHED), categorical=["carrier"])


@pytest.fixture
def table() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "flights.toml").read_text())


@pytest.fixture(scope="session")
def contract(profile: drift.Profile) -> Contract:
    return Contract.from_toml(FOLDER / "flights.toml", profile=profile, key=KEY)
