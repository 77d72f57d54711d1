"""Thirty faults that data has had, each planted in January's flights: each is caught, by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mlops_engine.contract import Contract

NOW = datetime(2013, 2, 1, 12, tzinfo=UTC)
Damage = Callable[[pl.DataFrame], pl.DataFrame]
col, lit = pl.col, pl.lit


def some(column: str, value: pl.Expr, rows: int = 7) -> Damage:
    """Put a value into some rows that flew."""

    def damage(frame: pl.DataFrame) -> pl.DataFrame:
        flew = col("air_time").is_not_null() & (pl.int_range(pl.len()) % 100 == 50)
        here = flew & (flew.cum_sum() <= rows)
        return frame.with_columns(pl.when(here).then(value).otherwise(col(column)).alias(column))

    return damage


def every(column: str, value: pl.Expr) -> Damage:
    return lambda frame: frame.with_columns(value.alias(column))


# What went wrong, how, and the rule that has to say so.
FAULTS: list[tuple[str, Damage, str]] = [
    ("a column is gone", lambda f: f.drop("distance"), "distance.column"),
    ("a column is renamed", lambda f: f.rename({"dest": "destination"}), "dest.column"),
    ("a column nobody declared", every("dep_delay_2", lit(1)), "other_columns"),
    ("numbers read as text", every("distance", col("distance").cast(pl.String)), "distance.type"),
    (
        "instants without a zone",
        every("time_hour", col("time_hour").dt.replace_time_zone(None)),
        "time_hour.type",
    ),
    ("text read as numbers", every("carrier", lit(3)), "carrier.type"),
    ("nulls where none may be", some("carrier", lit(None)), "carrier.null"),
    ("NaN for missing", some("distance", lit(float("nan"))), "distance.null"),
    ("infinity", some("distance", lit(float("inf"))), "distance.finite"),
    (
        "too many nulls",
        every("arr_delay", pl.when(col("day") > 3).then("arr_delay")),
        "arr_delay.null_share",
    ),
    ("negative distances", some("distance", -col("distance")), "distance.min"),
    ("kilometres for miles, one row", some("distance", lit(9000)), "distance.max"),
    ("minute 61", some("minute", lit(61)), "minute.max"),
    ("hour 24", some("hour", lit(24)), "hour.max"),
    ("a month that is a day", some("month", lit(27)), "month.max"),
    (
        "an epoch for an instant",
        some("time_hour", lit(datetime(1970, 1, 1, tzinfo=UTC))),
        "time_hour.min",
    ),
    ("a carrier that there is not", some("carrier", lit("ZZ")), "carrier.enum"),
    ("lower case codes", some("carrier", col("carrier").str.to_lowercase()), "carrier.enum"),
    ("an airport of another city", some("origin", lit("SFO")), "origin.enum"),
    ("a cut tail number", some("tailnum", lit("N1")), "tailnum.regex"),
    ("trailing spaces", some("dest", col("dest") + " "), "dest.length"),
    (
        "rows delivered twice",
        lambda f: pl.concat([f, f.head(40)]),
        "unique.time_hour+carrier+flight+origin+dest",
    ),
    ("arrived without leaving", some("dep_time", lit(None)), "relation.departed_before_it_arrived"),
    ("local hours shifted by one", some("hour", (col("hour") + 1) % 24), "relation.clock"),
    ("seconds for minutes", some("air_time", lit(990)), "relation.speed"),
    ("origin copied to destination", some("dest", col("origin")), "relation.goes_somewhere"),
    ("stale: nothing of the last week", lambda f: f.filter(col("day") < 24), "freshness.lag"),
    (
        "a day is missing",
        lambda f: f.filter(col("time_hour").dt.day() != 12),
        "freshness.partitions",
    ),
    (
        "an airport went silent for a day",
        lambda f: f.filter((col("time_hour").dt.day() != 9) | (col("origin") != "LGA")),
        "completeness.origin",
    ),
    ("a source delivered half", lambda f: f.gather_every(2), "completeness.rows_min"),
    ("rows from the future", some("time_hour", lit(NOW + timedelta(days=9))), "freshness.skew"),
    ("a carrier is missing", lambda f: f.filter(col("carrier") != "DL"), "completeness.carrier"),
    (
        "every distance in kilometres",
        every("distance", (col("distance") * 1.609344).round().cast(pl.Int64)),
        "distance.statistics",
    ),
    (
        "delays in seconds",
        every("dep_delay", (col("dep_delay") * 4).clip(-60, 1440)),
        "dep_delay.statistics",
    ),
]


def test_there_are_thirty_and_more() -> None:
    assert len({name for name, _, _ in FAULTS}) == len(FAULTS) >= 30


def test_january_keeps_the_contract(contract: Contract, january: pl.DataFrame) -> None:
    report = contract.check(january, NOW)
    assert report.rules == set()
    assert report.ok
    assert report.good.height == january.height
    assert report.score == 1


@pytest.mark.parametrize(("name", "damage", "rule"), FAULTS, ids=[name for name, _, _ in FAULTS])
def test_a_planted_fault_is_caught(
    name: str, damage: Damage, rule: str, contract: Contract, january: pl.DataFrame
) -> None:
    damaged = damage(january)
    assert not damaged.equals(january)
    report = contract.check(damaged, NOW)
    assert rule in report.rules, report.rules
    assert report.score < 1 or not report.ok
    broken = {r for row in report.quarantined["quarantined_by"] for r in row}
    severity = {f.rule: f.severity for f in (*report.errors, *report.warnings)}[rule]
    assert (rule in broken) == (severity == "quarantine")
    assert report.good.height + report.quarantined.height == damaged.height
