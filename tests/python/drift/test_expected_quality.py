"""CBPE and DLE: sums by hand, scikit-learn's calibration and metrics, merging, refusals."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

import mlops_engine as me
from mlops_engine.drift import Cbpe, Dle, expected_quality


def _reference(rows: int = 30_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.beta(2, 2, rows)
    return scores, (rng.random(rows) < scores**2).astype(float)


def test_expected_sums_are_what_the_definition_says() -> None:
    estimate = Cbpe([0.5], [0.2, 0.8])
    scores, predicted = np.array([0.1, 0.6, 0.9, 0.4]), np.array([0, 1, 1, 1])
    estimate.update(scores, predicted)
    p = np.array([0.2, 0.8, 0.8, 0.2])
    right = (p * predicted).sum()
    wrong = ((1 - p) * predicted).sum()
    missed = (p * (1 - predicted)).sum()
    assert estimate.accuracy == pytest.approx((right + 0.8) / 4, rel=1e-12)
    assert estimate.precision == pytest.approx(right / (right + wrong), rel=1e-12)
    assert estimate.recall == pytest.approx(right / (right + missed), rel=1e-12)
    assert estimate.f1 == pytest.approx(2 * right / (2 * right + wrong + missed), rel=1e-12)


def test_the_map_is_close_to_isotonic_regression() -> None:
    scores, labels = _reference()
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    ours = Cbpe.fit(scores, labels).calibrate(scores)
    assert np.abs(ours - theirs.predict(scores)).mean() < 0.01
    order = np.argsort(scores)
    assert np.all(np.diff(ours[order]) >= 0)
    assert ours.mean() == pytest.approx(labels.mean(), rel=1e-9)


def test_expected_quality_is_the_realised_one_where_nothing_changed() -> None:
    window = Cbpe.fit(*_reference()).like()
    scores, labels = _reference(seed=1)
    predicted = (scores > 0.7).astype(float)
    window.update(scores, predicted)
    assert window.accuracy == pytest.approx((predicted == labels).mean(), abs=0.01)
    low, high = window.auroc
    assert low - 0.01 < roc_auc_score(labels, scores) < high + 0.01
    assert high - low < 0.01


def test_auroc_bounds_hold_the_exact_one() -> None:
    scores, _ = _reference(2000)
    chances = scores**2
    window = Cbpe.fit(*_reference(), bins=64).like()
    window.update(scores, scores > 0.5, chances)
    order = np.argsort(scores)
    p = chances[order]
    below = np.cumsum(1 - p) - (1 - p)
    exact = (p * (below + (1 - p) / 2)).sum() / (p.sum() * (1 - p).sum())
    low, high = window.auroc
    assert low <= exact <= high
    assert high - low < 2 / 64


def test_merged_windows_are_one() -> None:
    reference = Cbpe.fit(*_reference())
    scores, _ = _reference(999, seed=2)
    predicted = scores > 0.5
    whole, parts = reference.like(), [reference.like() for _ in range(3)]
    whole.update(scores, predicted)
    for i, part in enumerate(parts):
        part.update(scores[i::3], predicted[i::3])
    parts[2].merge(parts[0])
    parts[2].merge(parts[1])
    assert parts[2].rows == whole.rows
    np.testing.assert_allclose(parts[2].confusion, whole.confusion, rtol=1e-12)
    np.testing.assert_allclose(parts[2].auroc, whole.auroc, rtol=1e-12)
    with pytest.raises(me.InvalidArgument, match="different maps"):
        whole.merge(Cbpe([0.5], [0.2, 0.8]))


def test_missing_rows_are_counted_and_nothing_else() -> None:
    window = Cbpe([0.5], [0.2, 0.8])
    assert np.isnan(window.accuracy)
    assert np.isnan(window.auroc[0])
    window.update([0.1, np.nan, 0.9, np.inf], [0, 1, np.nan, 1])
    assert (window.rows, window.missing) == (1, 3)
    assert window.accuracy == pytest.approx(0.8)


def test_atoms_keep_a_bin_and_separated_labels_their_order() -> None:
    scores = np.repeat([0.0, 0.25, 0.5, 1.0], [500, 3, 100, 400])
    labels = np.repeat([0.0, 1.0, 0.0, 1.0], [500, 3, 100, 400])
    chances = Cbpe.fit(scores, labels).calibrate([0.0, 0.25, 0.5, 1.0])
    np.testing.assert_allclose(chances, [0, 3 / 103, 3 / 103, 1])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Cbpe([0.5, 0.5], [0.1, 0.2, 0.3]),
        lambda: Cbpe([0.5], [0.1]),
        lambda: Cbpe([0.5], [0.1, 1.2]),
        lambda: Cbpe.fit([0.1, 0.2], [0, 2]),
        lambda: Cbpe.fit([], []),
        lambda: Cbpe.fit([0.1], [0, 1]),
        lambda: Cbpe.fit([0.1], [0], bins=1),
        lambda: Cbpe([0.5], [0.1, 0.2]).update([0.1], [2]),
        lambda: Cbpe([0.5], [0.1, 0.2]).update([0.1], [1], [1.5]),
        lambda: Dle(LinearRegression(), loss="cubic"),  # type: ignore[arg-type]
        lambda: Dle(LinearRegression()).update([1.0], [1.0]),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(me.InvalidArgument):
        wrong()  # type: ignore[operator]


def test_dle_expects_the_error_of_other_rows() -> None:
    rng = np.random.default_rng(0)

    def rows(n: int, noisy: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = np.column_stack([rng.normal(size=n), rng.random(n) < noisy])
        y = x[:, 0] + rng.normal(size=n) * (1 + 4 * x[:, 1])
        return x, x[:, 0], y

    dle = Dle(LinearRegression()).fit(*rows(20_000, 0.5))
    calm, noisy = dle.like(), dle.like()
    x, predicted, y = rows(20_000, 0.9)
    noisy.update(x, predicted)
    assert noisy.expected_loss == pytest.approx(np.abs(predicted - y).mean(), rel=0.05)
    x, predicted, y = rows(20_000, 0.1)
    assert calm.update(x, predicted).min() >= 0
    assert calm.expected_loss == pytest.approx(np.abs(predicted - y).mean(), rel=0.05)
    calm.merge(noisy)
    assert calm.rows == 40_000
    with pytest.raises(me.InvalidArgument, match="different models"):
        calm.merge(Dle(LinearRegression()))


def test_the_examples_run() -> None:
    failed, tried = doctest.testmod(expected_quality)
    assert tried > 5
    assert failed == 0
