"""Rules about the whole: how old, how many, which keys, how much is missing, how different."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from mlops_engine.errors import InvalidArgument

from .document import Completeness, Document, Freshness, Keys, Statistics
from .report import Finding
from .tables import duration, near

if TYPE_CHECKING:
    from mlops_engine.drift import Profile

__all__ = ["check_whole", "prepare_whole"]

_SHOWN = 3
_PERIODS_MAX = 1_000_000
Verdict = tuple[str, Finding | None]


def prepare_whole(document: Document) -> None:
    """Refuse what could only be seen to be wrong when data is there.

    Raises
    ------
    InvalidArgument
        Says what.
    """
    fresh = document.freshness
    if fresh is not None:
        duration(fresh.skew_max, "[freshness] skew_max")
        if fresh.lag_max is not None:
            duration(fresh.lag_max, "[freshness] lag_max")
        if fresh.partition is not None:
            duration(fresh.partition, "[freshness] partition")
        _is_column(document, fresh.column, "[freshness]")
        if document.columns[fresh.column].type != "instant":
            raise InvalidArgument(f"[freshness]: column {fresh.column!r} is not of type instant")
    for keys in (document.completeness or Completeness()).keys:
        _is_column(document, keys.column, "[[completeness.keys]]")
        if keys.every is not None:
            duration(keys.every, "[[completeness.keys]] every")
            if fresh is None:
                raise InvalidArgument("[[completeness.keys]] every: periods are of [freshness]")
    if document.statistics is not None:
        for column in document.statistics.columns or ():
            _is_column(document, column, "[statistics]")


def _is_column(document: Document, column: str, where: str) -> None:
    if column not in document.columns:
        hint = near(column, document.columns)
        raise InvalidArgument(f"{where}: no declared column {column!r}{hint}")


def check_whole(
    document: Document, rows: pl.DataFrame, now: datetime, profile: Profile | None
) -> list[Verdict]:
    """Judge the rows that are left; each rule by its name, with a finding if it does not hold."""
    verdicts: list[Verdict] = list(_null_shares(document, rows))
    fresh = document.freshness
    if fresh is not None and fresh.column in rows.columns:
        verdicts += _freshness(fresh, rows, now)
    if document.completeness is not None:
        verdicts += _completeness(document.completeness, fresh, rows)
    if document.statistics is not None and profile is not None:
        verdicts += _statistics(document.statistics, rows, profile)
    return verdicts


def _verdict(rule: str, severity: str, wrong: str | None) -> Verdict:
    if wrong is None:
        return rule, None
    return rule, Finding(rule=rule, severity=severity, message=wrong)


def _null_shares(document: Document, rows: pl.DataFrame) -> Iterator[Verdict]:
    for name, column in document.columns.items():
        if column.null_share_max is None or name not in rows.columns or not rows.height:
            continue
        missing = rows[name].is_null()
        if rows[name].dtype.is_float():
            missing |= rows[name].is_nan().fill_null(False)
        share = missing.sum() / rows.height
        said = f"{share:.2%} are missing, at most {column.null_share_max:.2%} may be"
        severity = column.severities.get("null", "fail")
        severity = "fail" if severity == "quarantine" else severity
        yield _verdict(
            f"{name}.null_share", severity, said if share > column.null_share_max else None
        )


def _freshness(fresh: Freshness, rows: pl.DataFrame, now: datetime) -> Iterator[Verdict]:
    newest = rows[fresh.column].max()
    if fresh.lag_max is not None:
        allowed = duration(fresh.lag_max, "lag_max")
        wrong = "there is no row"
        if isinstance(newest, datetime):
            lag = now - newest
            wrong = f"the newest row is {lag} old, at most {allowed} are allowed"
        late = not isinstance(newest, datetime) or now - newest > allowed
        yield _verdict("freshness.lag", fresh.severity, wrong if late else None)
    if fresh.partition is not None:
        present = _periods(rows[fresh.column], fresh.partition)
        missing = sorted(_expected(present, fresh.partition) - present)
        wrong = f"{len(missing)} periods of {fresh.partition} have no row: " + ", ".join(
            each.isoformat(timespec="minutes") for each in missing[:_SHOWN]
        )
        over = len(missing) > fresh.partitions_missing_max
        yield _verdict("freshness.partitions", fresh.severity, wrong if over else None)


def _periods(column: pl.Series, every: str) -> set[datetime]:
    """Return the beginnings of the periods that have a row, in UTC."""
    seconds = int(duration(every, "period").total_seconds())
    instants = column.drop_nulls().dt.epoch("s").unique()
    starts = (instants // seconds * seconds).unique()
    return {datetime.fromtimestamp(start, UTC) for start in starts}


def _expected(present: set[datetime], every: str) -> set[datetime]:
    if not present:
        return set()
    step = duration(every, "period")
    first, last = min(present), max(present)
    count = int((last - first) / step) + 1
    if count > _PERIODS_MAX:
        raise InvalidArgument(f"from {first} to {last} are {count} periods of {every}")
    return {first + step * i for i in range(count)}


def _completeness(
    complete: Completeness, fresh: Freshness | None, rows: pl.DataFrame
) -> Iterator[Verdict]:
    for rule, limit in (("rows_min", complete.rows_min), ("rows_max", complete.rows_max)):
        if limit is not None:
            wrong = rows.height < limit if rule == "rows_min" else rows.height > limit
            said = f"{rows.height} rows are left, {rule} is {limit}"
            yield _verdict(f"completeness.{rule}", complete.severity, said if wrong else None)
    for keys in complete.keys:
        if keys.column in rows.columns:
            yield _keys(keys, fresh, rows)


def _keys(keys: Keys, fresh: Freshness | None, rows: pl.DataFrame) -> Verdict:
    rule = f"completeness.{keys.column}"
    if keys.every is None or fresh is None:
        absent = [str(v) for v in keys.values if v not in set(rows[keys.column].unique())]
    else:
        periods = _expected(_periods(rows[fresh.column], keys.every), keys.every)
        absent = []
        for value in keys.values:
            here = rows.filter(pl.col(keys.column) == value)[fresh.column]
            gone = sorted(periods - _periods(here, keys.every))
            absent += [f"{value} at {each.isoformat(timespec='minutes')}" for each in gone]
    said = f"{len(absent)} expected keys have no row: {', '.join(absent[:_SHOWN])}"
    return _verdict(rule, keys.severity, said if len(absent) > keys.missing_max else None)


def _statistics(stats: Statistics, rows: pl.DataFrame, profile: Profile) -> Iterator[Verdict]:
    from mlops_engine import drift

    wanted = [n for n in profile.names if stats.columns is None or n in stats.columns]
    absent = [name for name in profile.names if name not in rows.columns]
    if absent:
        said = f"the reference has {', '.join(absent[:_SHOWN])}, which the data lacks"
        yield _verdict("statistics.columns", stats.severity, said)
        return
    report = drift.compare(profile, drift.Profile.like(profile).update(rows))
    alerts = {a.stream: a for a in report.alerts if a.effect > stats.effect_max}
    for name in wanted:
        alert = str(alerts[name]) if name in alerts else None
        yield _verdict(f"{name}.statistics", stats.severity, alert)


def as_utc(now: datetime) -> datetime:
    """Refuse a clock that does not say where it is."""
    if now.tzinfo is None or now.utcoffset() is None:
        raise InvalidArgument("now has no time zone; datetime.now(UTC) has one")
    return now.astimezone(UTC)
