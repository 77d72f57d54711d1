"""The ratio against numpy's own sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlops_engine.quantize.signal_noise import SignalNoise

VALUES = st.floats(-1e3, 1e3, width=32)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_db_is_ten_log_of_the_power_ratio(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=6))
    exact = data.draw(hnp.arrays(np.float32, shape, elements=VALUES))
    other = data.draw(hnp.arrays(np.float32, shape, elements=VALUES))
    ratio = SignalNoise()
    ratio.add(exact, other)
    a, b = exact.astype(np.float64), other.astype(np.float64)
    noise, signal = ((a - b) ** 2).sum(), (a**2).sum()
    if noise == 0:
        assert ratio.db == math.inf
    elif signal == 0:
        assert ratio.db == -math.inf
    else:
        assert ratio.db == pytest.approx(10 * np.log10(signal / noise), abs=1e-6)


def test_batches_add_up() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 40, 3))
    whole, parts = SignalNoise(), SignalNoise()
    whole.add(a, b)
    for at in range(0, 40, 7):
        parts.add(a[at : at + 7], b[at : at + 7])
    assert parts.db == pytest.approx(whole.db)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_variant_that_answers_no_number_has_nothing_left(bad: float) -> None:
    ratio = SignalNoise()
    ratio.add(np.ones(3), np.array([1, bad, 1]))
    assert ratio.db == -math.inf
