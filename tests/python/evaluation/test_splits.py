"""Splits keep their promises: nothing later trains, nothing shared is on two sides."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_rows import BEGIN, days

from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation import SplitSettings, folds, split

DAY = 86_400.0


def test_time_parts_follow_each_other_whatever_the_order_of_rows() -> None:
    frame = days(50, 4)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    made = split(shuffled, SplitSettings(time="at", gap_s=DAY))
    at = shuffled["at"].to_numpy()
    assert at[made.train].max() + np.timedelta64(24, "h") < at[made.validation].min()
    assert at[made.validation].max() + np.timedelta64(24, "h") < at[made.test].min()
    assert len(made.test) == 40
    for part in (made.train, made.validation, made.test):
        assert (np.diff(part) > 0).all()


@settings(max_examples=60, deadline=None)
@given(
    hours=st.lists(st.integers(0, 400), min_size=30, max_size=80),
    gap=st.integers(0, 20),
    wait=st.integers(0, 30),
)
def test_no_training_row_knows_what_came_later(hours: list[int], gap: int, wait: int) -> None:
    frame = pl.DataFrame(
        {
            "at": [BEGIN + timedelta(hours=h) for h in hours],
            "known": [BEGIN + timedelta(hours=h + wait) for h in hours],
        }
    )
    try:
        made = split(frame, SplitSettings(time="at", label_at="known", gap_s=gap * 3600.0))
    except InvalidArgument:
        return  # nothing was left of a part, and it says so
    at, known = frame["at"].to_numpy(), frame["known"].to_numpy()
    gap_h = np.timedelta64(gap, "h")
    assert known[made.train].max() < at[made.validation].min()
    assert known[made.validation].max() < at[made.test].min()
    assert at[made.train].max() < at[made.validation].min() - gap_h
    parts = np.concatenate([made.train, made.validation, made.test])
    assert len(np.unique(parts)) == len(parts)


def test_boundaries_may_be_written() -> None:
    frame = days(30, 2)
    made = split(
        frame,
        SplitSettings(time="at", validation_from="2024-01-11", test_from="2024-01-21T00:00+00:00"),
    )
    assert (len(made.train), len(made.validation), len(made.test)) == (20, 20, 20)


@pytest.mark.parametrize("rolling", [False, True])
def test_time_folds_have_their_gap_and_whole_days(rolling: bool) -> None:
    frame = days(60, 3)
    day = np.arange(frame.height) // 3
    settings_ = SplitSettings(time="at", gap_s=2 * DAY)
    made = list(folds(frame, settings_, 5, rolling=rolling))
    assert len(made) == 5
    for train, validation in made:
        assert day[train].max() + 3 == day[validation].min()
        assert not set(day[train]) & set(day[validation])
    lengths = [len(train) for train, _ in made]
    assert (len(set(lengths)) == 1) is rolling


def test_groups_are_on_one_side_and_strata_keep_their_share() -> None:
    random = np.random.default_rng(3)
    frame = pl.DataFrame(
        {"who": random.integers(0, 60, 900).astype(str), "late": random.random(900) < 0.2}
    )
    by_group = split(frame, SplitSettings(kind="group", group="who"))
    who = frame["who"].to_numpy()
    sides = [set(who[part]) for part in (by_group.train, by_group.validation, by_group.test)]
    assert sum(map(len, sides)) == len(set().union(*sides))
    for train, validation in folds(frame, SplitSettings(kind="group", group="who", label="late")):
        assert not set(who[train]) & set(who[validation])
    strata = split(frame, SplitSettings(kind="stratified", label="late"))
    late = frame["late"].to_numpy()
    for part in (strata.train, strata.validation, strata.test):
        assert late[part].mean() == pytest.approx(late.mean(), abs=0.01)
    for _, validation in folds(frame, SplitSettings(kind="stratified", label="late")):
        assert late[validation].mean() == pytest.approx(late.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (SplitSettings(), "must name a column of instants"),
        (SplitSettings(time="who"), "no column 'who'"),
        (SplitSettings(time="n"), "not a date or an instant"),
        (SplitSettings(time="at", gap_s=90 * DAY), "no rows are left"),
        (SplitSettings(time="at", validation=0.6, test=0.5), "leave nothing to train"),
        (SplitSettings(kind="group", group="n", validation=0.6, test=0.5), "leave nothing"),
        (SplitSettings(time="at", test_from="soon"), "Invalid isoformat"),
    ],
)
def test_what_cannot_be_split_is_refused(given_: SplitSettings, said: str) -> None:
    frame = days(10, 2).with_columns(n=pl.int_range(pl.len()))
    with pytest.raises(InvalidArgument, match=said):
        split(frame, given_)
