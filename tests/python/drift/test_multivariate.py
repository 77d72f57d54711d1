"""Multivariate drift: the null holds, a change that no column shows is seen, refusals."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import mlops_engine as me
from mlops_engine.drift import PcaReconstruction, RffMmd, domain_classifier_auroc, multivariate


def _rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4)) * [1, 10, 0.1, 1000] + [0, 5, 1, 1e4]


def _twisted(n: int, seed: int) -> np.ndarray:
    """Return rows whose columns are as before, and the first two of which go together now."""
    rows = _rows(n, seed)
    rows[:, 1] = 5 + 8 * rows[:, 0] + 0.6 * (rows[:, 1] - 5)
    return rows


def test_mmd_holds_its_level_and_sees_dependence() -> None:
    mmd = RffMmd(_rows(4000, 0), features=128)
    null = [
        mmd.compare(mmd.tiles(_rows(1000, seed)), permutations=99).p_value for seed in range(1, 61)
    ]
    assert sum(p <= 0.05 for p in null) <= 9  # 3 expected; 9 or fewer with a chance of 0.999
    assert np.mean(null) > 0.3
    assert mmd.compare(mmd.tiles(_twisted(1000, 99))).p_value <= 0.01


def test_mmd_is_the_kernels_own_within_the_error_of_random_features() -> None:
    x, z = _rows(640, 0), _twisted(640, 1)
    mmd = RffMmd(x, features=4096)
    scaled = [mmd._scaler(rows) for rows in (x, z)]
    # A row of weights is a draw from N(0, 1 / width^2), which tells the width.
    width = 1 / mmd._weights.std()

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return float(np.exp(-squared / (2 * width**2)).mean())

    exact = kernel(scaled[0], scaled[0]) + kernel(scaled[1], scaled[1])
    exact -= 2 * kernel(scaled[0], scaled[1])
    assert mmd.compare(mmd.tiles(z), permutations=1).distance == pytest.approx(exact, abs=0.005)


def test_tiles_of_parts_are_the_tiles_of_the_whole() -> None:
    mmd = RffMmd(_rows(1000, 0), tile=50)
    rows = _rows(400, 1)
    parts = [mmd.tiles(rows[:150]), mmd.tiles(rows[150:])]
    np.testing.assert_allclose(np.concatenate(parts), mmd.tiles(rows), rtol=1e-12)


def test_pca_residuals_are_scikit_learns() -> None:
    x, z = _twisted(3000, 0), _rows(1000, 1)
    scaler = StandardScaler().fit(x)
    pca = PCA(n_components=0.65, svd_solver="full").fit(scaler.transform(x))
    ours = PcaReconstruction(x)
    assert ours.components.shape[1] == pca.n_components_
    scaled = scaler.transform(z)
    left = scaled - pca.inverse_transform(pca.transform(scaled))
    np.testing.assert_allclose(ours.residuals(z), np.linalg.norm(left, axis=1), rtol=1e-6)


def test_missing_values_are_the_references_means() -> None:
    x = _rows(1000, 0)
    missing = x[:10].copy()
    missing[:, 2] = np.nan
    filled = missing.copy()
    filled[:, 2] = x[:, 2].mean()
    pca = PcaReconstruction(x)
    np.testing.assert_allclose(pca.residuals(missing), pca.residuals(filled), rtol=1e-9)
    constant = PcaReconstruction(np.ones((10, 3)))
    assert np.all(constant.residuals(np.ones((2, 3))) == 0)


def test_a_classifier_tells_only_what_differs() -> None:
    assert domain_classifier_auroc(_rows(1500, 0), _rows(1200, 1), folds=3) == pytest.approx(
        0.5, abs=0.05
    )
    assert domain_classifier_auroc(_rows(1500, 0), _twisted(1500, 2), folds=3) > 0.65


def test_what_makes_no_sense_is_refused() -> None:
    x = _rows(100, 0)
    mmd = RffMmd(x)
    for wrong in (
        lambda: mmd.tiles(x[:10]),
        lambda: mmd.tiles(x[:, :3]),
        lambda: RffMmd(x, features=0),
        lambda: PcaReconstruction(x, variance=0),
        lambda: PcaReconstruction([]),
        lambda: domain_classifier_auroc(x, x[:, :2]),
        lambda: domain_classifier_auroc(x, x[:3]),
    ):
        with pytest.raises(me.InvalidArgument):
            wrong()


def test_the_examples_run() -> None:
    failed, tried = doctest.testmod(multivariate)
    assert tried > 10
    assert failed == 0
