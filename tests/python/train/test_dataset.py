"""What the package ships is read as it is: counts, clocks, labels."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mlops_engine.train import dataset, source


def test_every_flight_is_read_and_the_unlabelled_are_counted(tables: dataset.Tables) -> None:
    kept, dropped = dataset.drop_unlabelled(tables.flights)
    assert tables.flights.height == 336_776
    assert dropped == dataset.Dropped(cancelled=8_255, diverted=1_175)
    assert kept.height == 336_776 - 8_255 - 1_175
    assert kept["late"].null_count() == 0


def test_late_means_more_than_fifteen_minutes(tables: dataset.Tables) -> None:
    minutes = tables.flights.group_by("arr_delay").agg(pl.col("late").unique()).sort("arr_delay")
    by_minute = dict(zip(minutes["arr_delay"], minutes["late"].to_list(), strict=True))
    assert by_minute[15] == [False]
    assert by_minute[16] == [True]
    assert by_minute[None] == [None]


@pytest.mark.parametrize(
    ("month", "day", "offset_hours"),
    [(1, 1, 5), (3, 9, 5), (3, 10, 4), (11, 2, 4), (11, 3, 5)],
)
def test_instants_are_utc_on_both_sides_of_the_clock_changes(
    tables: dataset.Tables, month: int, day: int, offset_hours: int
) -> None:
    midnight = datetime(2013, month, day, tzinfo=UTC)
    local_day = pl.col("scheduled_at").dt.convert_time_zone("America/New_York").dt.date()
    flights = tables.flights.filter(local_day == midnight.date(), pl.col("hour") >= 6)
    assert flights.height > 600
    for flight in flights.head(50).iter_rows(named=True):
        local = midnight + timedelta(hours=flight["hour"], minutes=flight["minute"])
        assert flight["scheduled_at"] == local + timedelta(hours=offset_hours)


def test_a_delayed_flight_departs_that_much_later(tables: dataset.Tables) -> None:
    row = tables.flights.filter(pl.col("dep_delay") == 1301).row(0, named=True)
    assert row["departed_at"] - row["scheduled_at"] == timedelta(minutes=1301)


def test_impossible_wind_is_missing(tables: dataset.Tables) -> None:
    assert tables.weather["wind_speed"].max() < 60
    assert tables.weather["wind_speed"].null_count() == 5  # four in the data, one of 1048 mph


def _with(tables: dataset.Tables, **changes: pl.DataFrame) -> dataset.Tables:
    return dataclasses.replace(tables, **changes)


def test_other_data_is_refused(tables: dataset.Tables) -> None:
    flights, weather = tables.flights, tables.weather
    broken = {
        "336775": _with(tables, flights=flights.tail(-1)),
        "contradicts": _with(
            tables, flights=flights.with_columns(pl.col("scheduled_at") + timedelta(hours=1))
        ),
        "two weather observations": _with(tables, weather=pl.concat([weather, weather.head(1)])),
        "airlines table": dataclasses.replace(tables, carriers=("AA", "UA")),
    }
    for message, changed in broken.items():
        with pytest.raises(dataset.DataError, match=message):
            dataset.check_tables(changed)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PACKAGE", "no_such_flights")
    with pytest.raises(source.MissingExtraError, match=r"no_such_flights.*mlops-engine\[train\]"):
        source.locate()
