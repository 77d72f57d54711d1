"""Real data: what the judge says of a year of flights, and what it keeps silent about."""

from __future__ import annotations

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine.train import dataset, features, source

CODES = ["weekday", "carrier", "origin"]
TILE = 64
CHANGE = 16 * TILE
WITHIN = 1_000


@pytest.fixture(scope="module")
def flights() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, January to June in random order, July to December in theirs."""
    tables = dataset.read_tables(source.locate())
    joined = features.join(tables)
    declared = features.declare(tables.carriers)
    x = features.matrix(joined, declared)
    first = joined["month"].to_numpy() <= 6
    shuffled = np.random.default_rng(0).permutation(x[first])
    return [feature.name for feature in declared], shuffled, x[~first]


def replay(reference: me.drift.Profile, x: np.ndarray) -> list[me.drift.DriftEvent]:
    judge = me.drift.Judge(reference)
    events = []
    for start in range(0, len(x) - TILE + 1, TILE):
        tile = me.drift.Profile.like(reference).update(x[start : start + TILE])
        events += judge.see(tile, time=float(start))
    return events


@pytest.fixture(scope="module")
def reference(flights) -> me.drift.Profile:
    names, first, _ = flights
    return me.drift.Profile.from_array(first, names, categorical=CODES)


def test_no_alarm_on_a_shuffled_replay(flights, reference: me.drift.Profile) -> None:
    assert replay(reference, flights[1][:40_000]) == []


def test_a_swapped_unit_is_named(flights, reference: me.drift.Profile) -> None:
    names, first, _ = flights
    x = first[: CHANGE + WITHIN].copy()
    x[CHANGE:, names.index("distance")] *= 1.609344
    (event,) = replay(reference, x)
    assert event.alert is not None
    assert (event.kind, event.alert.stream, event.alert.cause) == ("raised", "distance", "unit")
    assert event.alert.factor == pytest.approx(1.609344)
    assert event.alert.change_row == CHANGE
    assert min(event.alert.js_distance, event.alert.ks) > 0.1


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_a_column_going_missing_is_named(
    flights, reference: me.drift.Profile, share: float
) -> None:
    names, first, _ = flights
    x = first[: CHANGE + WITHIN].copy()
    gone = np.random.default_rng(1).random(len(x)) < share
    gone[:CHANGE] = False
    x[gone, names.index("temperature")] = np.nan
    (event,) = replay(reference, x)
    assert event.alert is not None
    assert (event.alert.stream, event.alert.cause) == ("temperature", "missing")


def test_a_new_carrier_is_named(flights) -> None:
    """Southwest, 3.6 % of the flights, as if it had not flown before."""
    names, first, _ = flights
    carrier = first[:, names.index("carrier")]
    codes, counts = np.unique(carrier, return_counts=True)
    new = codes[np.argmin(np.abs(counts / len(first) - 0.036))]
    reference = me.drift.Profile.from_array(first[carrier != new], names, categorical=CODES)
    x = np.concatenate([first[carrier != new][:CHANGE], first[-WITHIN:]])
    events = replay(reference, x)
    assert events
    assert events[0].alert is not None
    assert (events[0].alert.stream, events[0].alert.cause) == ("carrier", "new_category")


def test_the_second_half_of_the_year_is_another_season(flights, reference) -> None:
    events = replay(reference, flights[2][:12_800])
    raised = [event.alert.stream for event in events if event.kind == "raised" and event.alert]
    assert {"temperature", "dew_point", "origin_recent_delay"} <= set(raised)
    assert "carrier" not in raised
    assert len(raised) == len(set(raised))
    assert [event.kind for event in events].count("retrain_suggested") == 1
