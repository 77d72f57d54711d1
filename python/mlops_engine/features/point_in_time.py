"""Joins that never see what was not known: as of each row's decision, and not a moment later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

__all__ = ["as_of", "window_before"]

_ROW, _DECIDED, _AT = "__row", "__decided", "__at"
# Before every instant that data has: a row without a decision finds nothing.
_NEVER = pl.lit(datetime(1, 1, 1, tzinfo=UTC)).dt.cast_time_unit("us")


def as_of(
    decided: pl.DataFrame,
    other: pl.DataFrame,
    *,
    by: Sequence[str],
    at: pl.Expr,
    columns: Sequence[str],
    max_age: timedelta | None = None,
) -> pl.DataFrame:
    """Find for each row the last row of `other` that was known at its decision.

    Of several that became known at one instant the last one in `other`'s order is taken. A null key
    is equal to nothing.

    Parameters
    ----------
    decided
        `by` and `__decided`, the instant of the decision (UTC).
    at
        When a row of `other` was known.
    max_age
        Older ones are not taken; exactly as old is.

    Returns
    -------
    polars.DataFrame
        `columns`, in the order of `decided`.
    """
    keys = [f"__by_{i}" for i in range(len(by))]
    left = decided.select(
        *(pl.col(b).alias(k) for b, k in zip(by, keys, strict=True)),
        pl.col(_DECIDED).fill_null(_NEVER),
    ).with_row_index(_ROW)
    right = (
        other.select(
            *(pl.col(b).alias(k) for b, k in zip(by, keys, strict=True)),
            at.alias(_AT),
            *columns,
        )
        .filter(pl.all_horizontal(pl.col(_AT, *keys).is_not_null()))
        .sort(_AT, maintain_order=True)
        # What stands last at an instant is what was known at it, whatever the join does with ties.
        .unique([*keys, _AT], keep="last", maintain_order=True)
    )
    joined = left.sort(_DECIDED, maintain_order=True).join_asof(
        right,
        left_on=_DECIDED,
        right_on=_AT,
        by=keys,
        strategy="backward",
        tolerance=max_age,
        check_sortedness=False,  # sorted above; polars cannot check that within groups
    )
    return joined.sort(_ROW).select(columns)


def window_before(
    decided: pl.DataFrame,
    other: pl.DataFrame,
    *,
    by: Sequence[str],
    at: pl.Expr,
    of: str,
    span: timedelta,
) -> pl.DataFrame:
    """Sum and count the values of `of` that became known in (decision - span, decision].

    Running totals as of the decision less those as of `span` before: exact for integers. Returns
    `sum` and `count` in the order of `decided`.
    """
    value = pl.col(of)
    if other.schema[of].is_float():
        value = value.fill_nan(None)
    wide = pl.Float64 if other.schema[of].is_float() else pl.Int64
    totals = (
        other.select(*by, at.alias(_AT), value.cast(wide).alias("__value"))
        .filter(pl.col(_AT).is_not_null() & pl.col("__value").is_not_null())
        .sort(_AT, maintain_order=True)
        .with_columns(
            sum=pl.col("__value").cum_sum().over(by),
            count=pl.col("__value").cum_count().over(by).cast(pl.Int64),
        )
    )
    keys = [*by, _DECIDED]
    now, before = (
        as_of(rows, totals, by=by, at=pl.col(_AT), columns=["sum", "count"]).fill_null(0)
        for rows in (
            decided.select(keys),
            decided.select(*by, pl.col(_DECIDED) - pl.lit(span)),
        )
    )
    return pl.DataFrame(
        {"sum": now["sum"] - before["sum"], "count": now["count"] - before["count"]}
    )
