"""Features are what was known an hour before departure, by brute force and by a changed future."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_engine.train import dataset, features, pipeline

WEATHER = {
    "temperature": "temp",
    "dew_point": "dewp",
    "humidity": "humid",
    "wind_direction": "wind_dir",
    "wind_speed": "wind_speed",
    "precipitation": "precip",
    "pressure": "pressure",
    "visibility": "visib",
}


def _matrix(tables: dataset.Tables) -> np.ndarray:
    return features.matrix(features.join(tables), features.declare(tables.carriers))


@pytest.fixture(scope="module")
def matrix(tables: dataset.Tables) -> np.ndarray:
    return _matrix(tables)


def _column(tables: dataset.Tables, name: str) -> int:
    return [f.name for f in features.declare(tables.carriers)].index(name)


def test_a_feature_known_too_late_is_refused(tables: dataset.Tables) -> None:
    declared = features.declare(tables.carriers)
    just_late = dataclasses.replace(declared[0], known_before=timedelta(minutes=59))
    with pytest.raises(features.LeakError, match=declared[0].name):
        features.refuse_leaks([*declared[1:], just_late])


def test_names_are_unique_and_all_have_a_unit(tables: dataset.Tables) -> None:
    declared = features.declare(tables.carriers)
    assert len({f.name for f in declared}) == len(declared)
    assert all(f.unit for f in declared)
    assert all((f.unit == "code") == bool(f.vocabulary) for f in declared)


def test_nothing_after_the_decision_changes_a_feature(
    tables: dataset.Tables, matrix: np.ndarray
) -> None:
    """Rewrite the future of an instant: flights decided by then must not notice.

    Half past, so that some weather and some departures lie within the hour before departures.
    """
    now = datetime(2013, 5, 23, 19, 30, tzinfo=UTC)  # a day of thunderstorms
    weather_columns = [pl.col(c) + 1000 for c in WEATHER.values()]
    after = pl.col("observed_at") > now
    departed_after = pl.col("departed_at") > now
    changed = dataclasses.replace(
        tables,
        weather=tables.weather.with_columns(
            pl.when(after).then(c).otherwise(pl.col(c.meta.output_name())).alias(c.meta.output_name())
            for c in weather_columns
        ),
        flights=tables.flights.with_columns(
            dep_delay=pl.when(departed_after)
            .then(pl.col("dep_delay") + 500)
            .otherwise("dep_delay"),
            departed_at=pl.when(departed_after)
            .then(pl.col("departed_at") + timedelta(minutes=500))
            .otherwise("departed_at"),
            arr_delay=pl.lit(None, pl.Int32),
            late=pl.lit(None, pl.Boolean),
        ),
    )  # fmt: skip
    decided = (tables.flights["scheduled_at"] - features.HORIZON <= now).to_numpy()
    before, rewritten = matrix, _matrix(changed)
    np.testing.assert_array_equal(before[decided], rewritten[decided])
    # The test can fail: those decided after that instant do notice.
    later = ~decided & (tables.flights["scheduled_at"] < now + timedelta(hours=8)).to_numpy()
    assert not np.array_equal(before[later], rewritten[later], equal_nan=True)


def test_weather_is_the_last_observation_by_the_decision(
    tables: dataset.Tables, matrix: np.ndarray
) -> None:
    observed = {
        (row["origin"], row["observed_at"]): row for row in tables.weather.iter_rows(named=True)
    }
    rng = np.random.default_rng(5)
    missing = 0
    for index in rng.choice(tables.flights.height, 400, replace=False):
        flight = tables.flights.row(int(index), named=True)
        decided = flight["scheduled_at"] - timedelta(minutes=60)
        hour = decided.replace(minute=0)
        candidates = [hour - timedelta(hours=h) for h in range(4)]
        fresh = [at for at in candidates if decided - at <= features.WEATHER_AGE_MAX]
        found = (observed.get((flight["origin"], at)) for at in fresh)
        row = next((r for r in found if r is not None), None)
        missing += row is None
        for feature, column in WEATHER.items():
            value = None if row is None else row[column]
            expected = np.float32(np.nan if value is None else value)
            np.testing.assert_equal(matrix[index, _column(tables, feature)], expected)
    assert missing < 10


def test_recent_delays_against_brute_force(tables: dataset.Tables, matrix: np.ndarray) -> None:
    flights = tables.flights
    origin, carrier = flights["origin"].to_numpy(), flights["carrier"].to_numpy()
    delay = flights["dep_delay"].to_numpy()
    departed = flights["departed_at"].dt.epoch("s").to_numpy()  # NaN where it never left
    decided = (flights["scheduled_at"] - features.HORIZON).dt.epoch("s").to_numpy()
    window = features.RECENT.total_seconds()
    rng = np.random.default_rng(6)
    for index in [0, *rng.choice(flights.height, 150, replace=False)]:
        in_time = (departed <= decided[index]) & (departed > decided[index] - window)
        at_origin = in_time & (origin == origin[index])
        for prefix, chosen in (
            ("origin", at_origin),
            ("carrier", at_origin & (carrier == carrier[index])),
        ):
            count = int(chosen.sum())
            mean = np.float32(delay[chosen].mean()) if count else np.float32(np.nan)
            found = matrix[index, _column(tables, f"{prefix}_recent_delay")]
            np.testing.assert_allclose(found, mean, rtol=1e-6)
            assert matrix[index, _column(tables, f"{prefix}_recent_flights")] == count


def test_codes_follow_the_vocabulary(tables: dataset.Tables, matrix: np.ndarray) -> None:
    declared = {f.name: f for f in features.declare(tables.carriers)}
    for name in ("carrier", "origin"):
        codes = matrix[:, _column(tables, name)].astype(int)
        assert np.array(declared[name].vocabulary)[codes].tolist() == tables.flights[name].to_list()


def test_the_timetable_features(tables: dataset.Tables, matrix: np.ndarray) -> None:
    first = tables.flights.row(0, named=True)
    assert first["scheduled_at"] == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    assert matrix[0, _column(tables, "departure_minute")] == 5 * 60 + 15
    assert matrix[0, _column(tables, "weekday")] == 2  # Tuesday
    same_hour = tables.flights.filter(
        (pl.col("origin") == first["origin"]) & (pl.col("time_hour") == first["time_hour"])
    )
    assert matrix[0, _column(tables, "hour_departures")] == same_hour.height


def test_the_matrix_is_what_the_model_takes(prepared: pipeline.Prepared) -> None:
    assert prepared.x.dtype == np.float32
    assert prepared.x.flags.c_contiguous
    assert prepared.x.shape == (327_346, len(prepared.declared))
    assert not np.isinf(prepared.x).any()
    assert not np.isnan(prepared.x).all(axis=0).any()
