"""Joins as of a decision, against the joins that everybody would write if time were no object."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_engine.features import compare
from mlops_engine.features.point_in_time import as_of, window_before

START = datetime(2026, 1, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")
# Few instants and few keys: ties, gaps and nulls are the rule.
minutes = st.none() | st.integers(0, 12)
keys = st.none() | st.sampled_from("ab")
values = st.none() | st.integers(-5, 5)
Rows = list[tuple[str | None, int | None, int | None]]
rows = st.lists(st.tuples(keys, minutes, values), max_size=20)
spans = st.integers(0, 6).map(lambda m: timedelta(minutes=m))


def frame(data: Rows, at: str) -> pl.DataFrame:
    made = [(k, None if m is None else START + timedelta(minutes=m), v) for k, m, v in data]
    return pl.DataFrame(made, schema={"k": pl.String, at: INSTANT, "v": pl.Int64}, orient="row")


@given(rows, rows, st.none() | spans)
def test_it_is_the_last_row_known_by_then(
    left: Rows, right: Rows, max_age: timedelta | None
) -> None:
    decided, other = frame(left, "__decided"), frame(right, "at")
    expected: list[Any] = []
    for key, now, _ in decided.rows():
        known = [
            (at, i, v)
            for i, (k, at, v) in enumerate(other.rows())
            if None not in (k, at, now) and k == key and at <= now
        ]
        at, _, value = max(known, default=(None, 0, None), key=lambda each: each[:2])
        expected.append(value if at and (max_age is None or now - at <= max_age) else None)
    found = as_of(decided, other, by=["k"], at=pl.col("at"), columns=["v"], max_age=max_age)
    assert found["v"].to_list() == expected


@given(rows, rows, spans)
def test_a_window_is_what_became_known_in_its_span(
    left: Rows, right: Rows, span: timedelta
) -> None:
    decided, other = frame(left, "__decided"), frame(right, "at")
    found = window_before(decided, other, by=["k"], at=pl.col("at"), of="v", span=span)
    for (key, now, _), total, count in zip(decided.rows(), *found.get_columns(), strict=True):
        here = [
            v
            for k, at, v in other.rows()
            if None not in (k, at, v, now) and k == key and now - span < at <= now
        ]
        assert (total, count) == (sum(here), len(here))


@given(rows, rows, st.integers(0, 12))
def test_what_comes_later_changes_nothing(left: Rows, right: Rows, now: int) -> None:
    decided = frame([(k, now, v) for k, _, v in left], "__decided")
    past = frame([r for r in right if r[1] is not None and r[1] <= now], "at")
    arguments: dict[str, Any] = {"by": ["k"], "at": pl.col("at")}
    for other in (past, frame(right, "at")):
        found = as_of(decided, other, columns=["v"], **arguments)
        sums = window_before(decided, other, of="v", span=timedelta(minutes=3), **arguments)
        if other is past:
            expected = found, sums
    assert found.equals(expected[0])
    assert sums.equals(expected[1])


def test_parity_sees_one_value_and_one_gap() -> None:
    one = pl.DataFrame({"x": [1.0, None, math.inf], "y": [1, 2, 3]})
    assert compare(one, one.with_columns(pl.col("x").fill_null(math.nan))).ok
    off = compare(one, one.with_columns(y=pl.Series([1, 2, 4])))
    assert (off.differing, off.largest) == (1, {"y": 1.0})
    gone = compare(one, one.with_columns(x=pl.Series([1.0, 0.0, math.inf])))
    assert (gone.differing, gone.largest) == (1, {"x": math.inf})
    with pytest.raises(ValueError, match="rows"):
        compare(one, one.head(2))
