"""Tails, distinct values and new categories, against exact answers of NumPy."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest

import mlops_engine as me

pytestmark = pytest.mark.native

RNG = np.random.default_rng(7)
MILES = RNG.lognormal(6, 1.5, size=60_000).astype(np.float32)
TAIL_NUMBERS = np.array([f"N{i}" for i in RNG.integers(0, 4_000, size=60_000)], dtype=object)
CARRIERS = np.array(["UA", "DL", "AA"], dtype=object)[RNG.integers(0, 3, size=60_000)]
FRAME = {"miles": MILES, "tail": TAIL_NUMBERS, "carrier": CARRIERS}


@pytest.fixture(scope="module")
def reference() -> me.drift.Profile:
    kinds = ["tail", "carrier"]
    first = {name: column[:5_000] for name, column in FRAME.items()}
    return me.drift.Profile.from_columns(first, categorical=kinds)


def test_tails_and_distinct_values(reference: me.drift.Profile) -> None:
    sketches = me.drift.Sketches(reference).update(FRAME)
    levels = [0.001, 0.01, 0.5, 0.99, 0.999]
    for level, value in zip(levels, sketches.quantile("miles", levels), strict=True):
        assert abs((value >= MILES).mean() - level) < 0.014
        assert sketches.rank("miles", value) == pytest.approx(level, abs=0.014)
    assert sketches.quantile("miles", 1) == MILES.max()
    assert sketches.quantile("miles", 0) == MILES.min()
    for name, column in FRAME.items():
        assert sketches.rows(name) == 60_000
        assert sketches.distinct(name) == pytest.approx(len(set(column)), rel=5 * 0.0163)


def test_new_categories_come_by_name(reference: me.drift.Profile) -> None:
    changed = FRAME | {"carrier": CARRIERS.copy()}
    changed["carrier"][::50] = "ZZ"
    changed["carrier"][1::500] = "Ünbekannt"
    changed["carrier"][2::500] = None
    sketches = me.drift.Sketches(reference).update_batches(pl.DataFrame(changed))
    assert sketches.new_categories("carrier") == [
        me.drift.NewCategory("ZZ", 1_200, 1_200),
        me.drift.NewCategory("Ünbekannt", 120, 120),
    ]
    assert sketches.rows("carrier") == 60_000 - 120
    known = {name for name, _ in Counter(TAIL_NUMBERS[:5_000]).items()}
    exact = Counter(name for name in TAIL_NUMBERS if name not in known)
    for category in sketches.new_categories("tail"):
        assert category.rows_min <= exact[category.name] <= category.rows_max


def test_parts_merge_and_travel_as_bytes(reference: me.drift.Profile) -> None:
    whole = me.drift.Sketches(reference)
    for start in range(0, 60_000, 6_000):
        part = {name: column[start : start + 6_000] for name, column in FRAME.items()}
        data = me.drift.Sketches(reference).update(part).to_bytes()
        assert len(data) < 16_384
        read = me.drift.Sketches.from_bytes(data, reference)
        assert read.to_bytes() == data
        whole.merge(read)
    once = me.drift.Sketches(reference).update(FRAME)
    for name in FRAME:
        assert whole.distinct(name) == once.distinct(name)
        assert whole.rows(name) == 60_000
    assert (whole.quantile("miles", 0.99) >= MILES).mean() == pytest.approx(0.99, abs=0.014)


def test_what_is_no_sketch_of_this_reference_is_refused(reference: me.drift.Profile) -> None:
    other = me.drift.Profile.from_array(np.arange(10, dtype=np.float32), ["miles"])
    sketches = me.drift.Sketches(other).update({"miles": np.arange(5, dtype=np.float32)})
    with pytest.raises(me.InvalidArgument, match="different references"):
        me.drift.Sketches.from_bytes(sketches.to_bytes(), reference)
    with pytest.raises(me.InvalidArgument, match="damaged"):
        me.drift.Sketches.from_bytes(sketches.to_bytes()[:-1], other)
    with pytest.raises(me.InvalidArgument, match="lack"):
        sketches.update({"delay": np.arange(5, dtype=np.float32)})
    with pytest.raises(me.InvalidArgument, match="no stream"):
        sketches.quantile("delay", 0.5)
    assert np.isnan(me.drift.Sketches(reference).quantile("miles", 0.5))
