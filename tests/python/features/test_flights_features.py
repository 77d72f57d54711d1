"""The plan against features written by hand; what is served against what is built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops_engine.features import FeaturePlan, Snapshot, compare, suspects
from mlops_engine.train import dataset
from mlops_engine.train import features as by_hand

SOAK = os.environ.get("MLOPS_SOAK") == "1"


@pytest.fixture(scope="session")
def built(plan: FeaturePlan, frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return plan.build(frames)


def test_the_plan_is_the_example_on_every_flight(
    built: pl.DataFrame, tables: dataset.Tables
) -> None:
    declared = by_hand.declare(tables.carriers)
    assert built.columns == [feature.name for feature in declared]
    expected = by_hand.matrix(by_hand.join(tables), declared)
    found = built.select(pl.all().cast(pl.Float32).fill_null(float("nan"))).to_numpy()
    assert found.shape == (336_776, 20)
    np.testing.assert_array_equal(found, expected)


def test_the_plan_has_no_leak(plan: FeaturePlan) -> None:
    assert plan.lint() == []


def test_departure_delay_is_suspected_from_the_data_alone(
    built: pl.DataFrame, frames: dict[str, pl.DataFrame]
) -> None:
    late = frames["flights"]["late"]
    assert suspects(built, late) == []
    planted = built.with_columns(frames["flights"]["dep_delay"].alias("queue_length"))
    [suspect] = suspects(planted, late)
    assert suspect.feature == "queue_length"
    assert suspect.auc > 0.85


def events(frames: dict[str, pl.DataFrame]) -> Iterator[tuple[datetime, int, str, dict[str, Any]]]:
    """Yield what becomes known and what is asked, in time order; what is known comes first."""
    flights = frames["flights"].with_row_index("row")
    departed = flights.filter(pl.col("departed_at").is_not_null()).sort("departed_at")
    asked = flights.with_columns(decided=pl.col("scheduled_at") - timedelta(minutes=60))
    by = ("origin", "carrier")
    streams = [
        ("weather", "observed_at", frames["weather"].sort("observed_at", maintain_order=True)),
        ("flights", "departed_at", departed.select("departed_at", "dep_delay", *by)),
        ("ask", "decided", asked.sort("decided", maintain_order=True)),
    ]  # fmt: skip
    merged = [
        (row[instant], order, name, row)
        for order, (name, instant, frame) in enumerate(streams)
        for row in frame.iter_rows(named=True)
    ]
    merged.sort(key=lambda event: event[:2])
    yield from merged


def test_served_features_are_those_of_training(
    plan: FeaturePlan, frames: dict[str, pl.DataFrame], built: pl.DataFrame
) -> None:
    """Replay January (all the year in the long form) through the snapshot, flight by flight."""
    flights = frames["flights"]
    end = datetime(2014, 1, 1) if SOAK else datetime(2013, 2, 1)
    here = (pl.col("scheduled_at").dt.replace_time_zone(None) < end) | SOAK
    some = {**frames, "flights": flights.filter(here)}
    some["weather"] = frames["weather"].filter(
        pl.col("observed_at").dt.replace_time_zone(None) < end
    )
    snapshot = Snapshot(plan)
    for row in frames["airports"].iter_rows(named=True):
        snapshot.observe("airports", row)
    found: list[dict[str, Any]] = []
    for _, _, name, row in events(some):
        if name == "ask":
            found.append(snapshot.look_up(row))
        else:
            snapshot.observe(name, row)
    found.sort(key=lambda row: row["row"])
    schema = {**flights.schema, **frames["weather"].schema, **frames["airports"].schema}
    served = snapshot.evaluate(found, {k: v for k, v in schema.items() if k in found[0]})
    parity = compare(built.filter(flights.select(here).to_series()), served)
    assert parity.rows == (336_776 if SOAK else 26_865)
    assert parity.ok, parity
