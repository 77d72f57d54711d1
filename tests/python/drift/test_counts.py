"""`_core.DriftProfile` and `_core.DriftWindow`: what mlops_engine.drift stands on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlops_engine import _core
from mlops_engine.errors import InvalidArgument

MISSING, NEGATIVE, POSITIVE, BELOW, ABOVE, OTHER, NEW = range(7)


def numbers(label: str, column: int, values: Any) -> Any:
    return ("input", "x", column, label, False, values, None)


def categories(label: str, values: Any, missing: Any = None) -> Any:
    return ("input", label, 0, label, True, values, missing)


def build(*columns: Any, bins: int = 32) -> _core.DriftProfile:
    return _core.DriftProfile.build(columns, bins=bins, categories=256)


@pytest.fixture
def x() -> Any:
    return np.random.default_rng(1).normal(size=(5000, 3)).astype(np.float32)


@pytest.fixture
def profile(x: Any) -> _core.DriftProfile:
    return build(*(numbers(f"f{i}", i, x[:, i]) for i in range(3)))


def test_edges_and_counts_are_those_of_numpy(profile: _core.DriftProfile, x: Any) -> None:
    y = np.random.default_rng(2).normal(0.3, 1.2, size=(10_000, 3)).astype(np.float32)
    y[5] = [np.nan, np.inf, -np.inf]
    window = _core.DriftWindow(profile)
    window.update_rows(y)
    for i, (stream, counts) in enumerate(zip(profile.streams(), window.counts(), strict=True)):
        ordered = np.sort(x[:, i])
        ranks = [-(-5000 * k // 32) - 1 for k in range(1, 32)]
        np.testing.assert_array_equal(stream["edges"], ordered[ranks])
        inside = y[(y[:, i] >= ordered[0]) & (y[:, i] <= ordered[-1]), i]
        expected = np.bincount(np.searchsorted(stream["edges"], inside, "right"), minlength=32)
        np.testing.assert_array_equal(counts["masses"][:32], expected)
        own = counts["masses"][32:]
        assert own[BELOW] == np.sum((y[:, i] < ordered[0]) & np.isfinite(y[:, i]))
        assert own[ABOVE] == np.sum((y[:, i] > ordered[-1]) & np.isfinite(y[:, i]))
        assert own[[MISSING, POSITIVE, NEGATIVE][i]] == 1
        finite = y[np.isfinite(y[:, i]), i].astype(np.float64)
        assert counts["n"] == finite.size
        assert counts["sum"] == pytest.approx(np.sum(finite - stream["median"]), rel=1e-5)
        assert (counts["min"], counts["max"]) == (finite.min(), finite.max())


def test_bytes_hold_profile_and_counts(profile: _core.DriftProfile, x: Any) -> None:
    assert _core.DriftProfile.from_bytes(profile.to_bytes()).id == profile.id
    window = _core.DriftWindow(profile)
    window.update_rows(x[:700])
    again = _core.DriftWindow.from_bytes(window.to_bytes())
    assert again.profile.id == profile.id
    assert again.to_bytes() == window.to_bytes()
    with pytest.raises(InvalidArgument):
        _core.DriftWindow.from_bytes(window.to_bytes()[:-1])


def test_merging_adds_and_subtracting_restores(profile: _core.DriftProfile, x: Any) -> None:
    a, b, both = (_core.DriftWindow(profile) for _ in range(3))
    a.update_rows(x[:1000])
    b.update_rows(x[1000:])
    both.update_rows(x)
    kept = a.copy()
    a.merge(b)
    for one, other in zip(a.counts(), both.counts(), strict=True):
        np.testing.assert_array_equal(one["masses"], other["masses"])
    a.subtract(b)
    for one, other in zip(a.counts(), kept.counts(), strict=True):
        np.testing.assert_array_equal(one["masses"], other["masses"])
    with pytest.raises(InvalidArgument, match="more would be subtracted"):
        kept.subtract(both)
    with pytest.raises(InvalidArgument, match="different references"):
        a.merge(_core.DriftWindow(build(numbers("f", 0, x[:, 0]))))


def test_columns_of_numbers_strings_and_holes() -> None:
    carrier = np.array(["UA", "AA", "UA", "DL"], dtype=object)
    hole = np.array([False, False, False, True])
    profile = build(
        numbers("delay", 0, np.array([1.0, 2.0, 3.0, 4.0])),
        categories("carrier", carrier, hole),
        categories("hub", np.array([1, 1, 2, 2], dtype=np.int64)),
    )
    streams = profile.streams()
    assert streams[1]["categories"] == ["UA", "AA"]
    assert streams[2]["categories"] == [1.0, 2.0]
    window = _core.DriftWindow(profile)
    window.update_columns(
        [
            (np.array([1e300, -5.0, 2.5]), None),
            (np.array(["AA", "ZZ", ""], dtype=object), np.array([False, False, True])),
            (np.array([2, 3, 1], dtype=np.int32), None),
        ]
    )
    delay, name, hub = (counts["masses"].tolist() for counts in window.counts())
    assert delay[-7:] == [0, 0, 0, 1, 1, 0, 0]
    assert name == [0, 1, 1, 0, 0, 0, 0, 0, 1]
    assert hub == [1, 1, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (np.zeros((4, 2), np.float32), "2 columns"),
        (np.zeros((2, 3, 1), np.float32), "3 dimensions"),
        (np.array([["a", "b", "c"]], dtype=object), "columns"),
    ],
)
def test_rows_that_do_not_fit(profile: _core.DriftProfile, rows: Any, match: str) -> None:
    with pytest.raises(InvalidArgument, match=match):
        _core.DriftWindow(profile).update_rows(rows)


def test_columns_that_do_not_fit(profile: _core.DriftProfile) -> None:
    window = _core.DriftWindow(profile)
    one = (np.zeros(3), None)
    for columns, match in [
        ([one, one], "2 columns"),
        ([one, one, (np.zeros(4), None)], "equally long"),
        ([one, one, (np.zeros(3), np.zeros(2, bool))], "mask"),
        ([one, one, (np.array(["a", "b", "c"], dtype=object), None)], "strings"),
    ]:
        with pytest.raises(InvalidArgument, match=match):
            window.update_columns(columns)
    assert sum(window.counts()[0]["masses"]) == 0
    with pytest.raises(InvalidArgument, match="2 to 256 bins"):
        build(numbers("f", 0, np.zeros(3)), bins=1)
    with pytest.raises(InvalidArgument, match="twice"):
        build(numbers("f", 0, np.zeros(3)), numbers("g", 0, np.zeros(3)))
