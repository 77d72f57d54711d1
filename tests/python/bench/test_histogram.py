"""The histogram against NumPy's exact quantiles."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlops_engine.bench.histogram import VALUE_MAX_NS, Histogram, cell_of

values_ns = st.lists(st.integers(0, 10**11), min_size=1, max_size=200)


@given(st.integers(0, VALUE_MAX_NS))
def test_a_value_is_inside_its_cell_to_three_digits(value: int) -> None:
    lower, width = cell_of(value)
    assert lower <= value < lower + width
    assert width <= max(1, lower / 1000)


@given(values_ns, st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
def test_quantiles_are_those_of_the_sorted_values(values: list[int], q: float) -> None:
    exact = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
    got = Histogram.from_values(values).quantile_ns(q)
    assert got is not None
    assert abs(got - exact) <= exact / 1000


@given(values_ns, values_ns)
def test_merging_is_recording_both(a: list[int], b: list[int]) -> None:
    merged = Histogram.from_values(a)
    merged.merge(Histogram.from_values(b))
    both = Histogram.from_values(a + b)
    assert merged.cells == both.cells
    assert merged.mean_ns == both.mean_ns


def test_a_tail_without_samples_behind_it_is_not_reported() -> None:
    latencies = np.random.default_rng(1).integers(1, 10**6, 100_000).tolist()
    assert Histogram.from_values(latencies[:9_999]).quantile_ns(0.99) is None
    assert Histogram.from_values(latencies[:10_000]).quantile_ns(0.99) is not None
    assert Histogram.from_values(latencies[:99_999]).quantile_ns(0.999) is None
    assert Histogram.from_values(latencies).quantile_ns(0.999) is not None
    assert Histogram().quantile_ns(0.5) is None
    assert Histogram().mean_ns is None
