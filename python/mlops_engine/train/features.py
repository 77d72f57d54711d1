"""Each feature, declared once: name, unit, and when its value is known.

The decision is made `HORIZON` before scheduled departure. Whatever is joined is joined as of that
instant: the last weather observation made by then, the departure delays that had happened by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import polars as pl

from .dataset import DataError, Tables

HORIZON = timedelta(minutes=60)
RECENT = timedelta(hours=3)
WEATHER_AGE_MAX = timedelta(hours=3)
ORIGINS = ("EWR", "JFK", "LGA")


@dataclass(frozen=True)
class Feature:
    """One column of the model's input.

    Attributes
    ----------
    name, unit
        Unique name; physical unit or `code` for a position in `vocabulary`.
    known_before
        How long before scheduled departure the value is known, at the latest.
    column
        Polars expression over the joined flights.
    vocabulary
        For a `code`: what each number stands for, in order. An unknown value is missing (NaN).
    """

    name: str
    unit: str
    known_before: timedelta
    column: pl.Expr = field(repr=False, compare=False)
    vocabulary: tuple[str, ...] = ()


class LeakError(DataError):
    """A feature is not known when the decision is made."""


def declare(carriers: Sequence[str]) -> tuple[Feature, ...]:
    """Declare the features, in the order of the model's input columns.

    Raises
    ------
    LeakError
        If one is known later than `HORIZON` before departure.
    """
    timetable, live = timedelta(days=7), HORIZON
    local = pl.col("scheduled_at").dt.convert_time_zone("America/New_York")

    def code(column: str, words: Sequence[str]) -> pl.Expr:
        return pl.col(column).replace_strict(list(words), list(range(len(words))), default=None)

    features = (
        Feature("departure_minute", "minute of the local day", timetable,
                pl.col("hour") * 60 + pl.col("minute")),
        Feature("weekday", "1 = Monday", timetable, local.dt.weekday()),
        Feature("distance", "mile", timetable, pl.col("distance")),
        Feature("carrier", "code", timetable, code("carrier", carriers), tuple(carriers)),
        Feature("origin", "code", timetable, code("origin", ORIGINS), ORIGINS),
        Feature("dest_latitude", "degree", timetable, pl.col("dest_latitude")),
        Feature("dest_longitude", "degree", timetable, pl.col("dest_longitude")),
        Feature("hour_departures", "flight", timetable, pl.col("hour_departures")),
        Feature("temperature", "degree Fahrenheit", live, pl.col("temp")),
        Feature("dew_point", "degree Fahrenheit", live, pl.col("dewp")),
        Feature("humidity", "percent", live, pl.col("humid")),
        Feature("wind_direction", "degree", live, pl.col("wind_dir")),
        Feature("wind_speed", "mile per hour", live, pl.col("wind_speed")),
        Feature("precipitation", "inch per hour", live, pl.col("precip")),
        Feature("pressure", "millibar", live, pl.col("pressure")),
        Feature("visibility", "mile", live, pl.col("visib")),
        Feature("origin_recent_delay", "minute", live, pl.col("origin_recent_delay")),
        Feature("origin_recent_flights", "flight", live, pl.col("origin_recent_flights")),
        Feature("carrier_recent_delay", "minute", live, pl.col("carrier_recent_delay")),
        Feature("carrier_recent_flights", "flight", live, pl.col("carrier_recent_flights")),
    )  # fmt: skip
    refuse_leaks(features)
    return features


def refuse_leaks(features: Sequence[Feature]) -> None:
    """Raise `LeakError` for a feature that the decision could not have used."""
    late = [f.name for f in features if f.known_before < HORIZON]
    if late:
        raise LeakError(f"not known {HORIZON} before departure: {', '.join(late)}")


def join(tables: Tables) -> pl.DataFrame:
    """Add to every flight what the features read, as of its decision instant.

    Returns
    -------
    polars.DataFrame
        The flights in their order, with `decided_at` and the joined columns.
    """
    flights = tables.flights.with_columns(
        decided_at=pl.col("scheduled_at") - HORIZON,
        hour_departures=pl.len().over("origin", "time_hour"),
    )
    departed = flights.filter(pl.col("departed_at").is_not_null())
    joined = flights.join(tables.airports, on="dest", how="left", maintain_order="left").join_asof(
        tables.weather,
        left_on="decided_at",
        right_on="observed_at",
        by="origin",
        strategy="backward",
        tolerance=WEATHER_AGE_MAX,
        check_sortedness=False,  # sorted by the instant; polars cannot check that within groups
    )
    for prefix, by in (("origin", ["origin"]), ("carrier", ["origin", "carrier"])):
        joined = _with_recent_delay(joined, departed, by, prefix)
    return joined


def _with_recent_delay(
    flights: pl.DataFrame, departed: pl.DataFrame, by: list[str], prefix: str
) -> pl.DataFrame:
    """Mean departure delay of the group's flights that left in (decision - RECENT, decision].

    Two as-of joins against running totals: what had left by the decision less what had left by
    `RECENT` before it. A flight still waiting at the gate counts for nothing, as on the day.
    """
    totals = (
        departed.sort("departed_at")
        .select(
            *by,
            "departed_at",
            delay=pl.col("dep_delay").cum_sum().over(by),
            count=pl.col("dep_delay").cum_count().over(by),
        )
        .unique([*by, "departed_at"], keep="last", maintain_order=True)
    )
    now = flights.select(*by, at=pl.col("decided_at"))
    earlier = now.with_columns(pl.col("at") - RECENT)
    sums = [
        moment.join_asof(
            totals,
            left_on="at",
            right_on="departed_at",
            by=by,
            strategy="backward",
            check_sortedness=False,
        ).select(pl.col("delay", "count").fill_null(0))
        for moment in (now, earlier)
    ]
    delay = sums[0]["delay"] - sums[1]["delay"]
    count = sums[0]["count"].cast(pl.Int64) - sums[1]["count"].cast(pl.Int64)
    mean = pl.when(pl.col("count") > 0).then(pl.col("delay") / pl.col("count"))
    recent = pl.DataFrame({"delay": delay, "count": count}).select(
        mean.alias(f"{prefix}_recent_delay"), pl.col("count").alias(f"{prefix}_recent_flights")
    )
    return flights.hstack(recent)


def matrix(joined: pl.DataFrame, features: Sequence[Feature]) -> np.ndarray:
    """Evaluate the features: float32 `[flights, features]`, NaN where a value is missing."""
    columns = joined.select(
        f.column.cast(pl.Float32).fill_null(float("nan")).alias(f.name) for f in features
    )
    return np.ascontiguousarray(columns.to_numpy(), dtype=np.float32)
