"""Drift that no single feature shows: kernel distance, reconstruction, a classifier.

NumPy, off the path of requests. Rows are finite numbers in two dimensions; missing values are
replaced by the reference's means, so that a column going missing is what the profile's own mass for
it shows, not these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlops_engine.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

__all__ = ["MmdResult", "PcaReconstruction", "RffMmd", "domain_classifier_auroc"]


class _Scaler:
    """Imputes by the reference's means, then scales to its unit variance."""

    def __init__(self, reference: ArrayLike) -> None:
        import numpy as np

        rows = _matrix(reference)
        known = np.isfinite(rows)
        counts = np.maximum(known.sum(axis=0), 1)
        self.mean = np.where(known, rows, 0.0).sum(axis=0) / counts
        centred = np.where(known, rows - self.mean, 0.0)
        spread = np.sqrt((centred**2).sum(axis=0) / rows.shape[0])
        self.spread = np.where(spread > 0, spread, 1.0)

    def __call__(self, rows: ArrayLike) -> Matrix:
        import numpy as np

        matrix = _matrix(rows)
        if matrix.shape[1] != self.mean.size:
            raise InvalidArgument(f"rows have {matrix.shape[1]} columns, not {self.mean.size}")
        scaled: Matrix = (np.where(np.isfinite(matrix), matrix, self.mean) - self.mean) / (
            self.spread
        )
        return scaled


class MmdResult(NamedTuple):
    """A squared distance, and the chance of one as large without drift."""

    distance: float
    p_value: float


class RffMmd:
    """Maximum mean discrepancy by random Fourier features of a Gaussian kernel.

    A window is the mean of each `tile` of rows: a vector of `features` numbers. Windows of replicas
    are merged by putting their tiles together. The null distribution is by permutation of the
    pooled tiles, reference and window alike; a window is compared as it is, whatever its order.

    Parameters
    ----------
    reference
        Rows that are normal. Its median distance between rows is the kernel's width.
    features
        Random features; the error of the distance falls with their square root.
    tile
        Rows in a tile.
    seed
        Of the random features and permutations.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(4000, 2))
    >>> detector = RffMmd(x, seed=1)
    >>> z = rng.normal(size=(2000, 2))
    >>> z[:, 1] = 0.6 * z[:, 0] + 0.8 * z[:, 1]  # each column is as before; together they are not
    >>> detector.compare(detector.tiles(z)).p_value < 0.01
    True
    """

    def __init__(
        self, reference: ArrayLike, *, features: int = 512, tile: int = 64, seed: int = 0
    ) -> None:
        import numpy as np

        if features < 1 or tile < 1:
            raise InvalidArgument("features and tile must be at least 1")
        self.tile = tile
        self._rng = np.random.default_rng(seed)
        self._scaler = _Scaler(reference)
        rows = self._scaler(reference)
        some = rows[self._rng.integers(0, rows.shape[0], 1000)]
        others = rows[self._rng.integers(0, rows.shape[0], 1000)]
        distances = np.sqrt(((some - others) ** 2).sum(axis=1))
        width = float(np.median(distances[distances > 0])) if np.any(distances > 0) else 1.0
        self._weights = self._rng.normal(0, 1 / width, (rows.shape[1], features))
        self._phases = self._rng.uniform(0, 2 * np.pi, features)
        self.reference = self.tiles(reference)

    def tiles(self, rows: ArrayLike) -> Matrix:
        """Return the mean features of each full tile of rows; fewer rows are refused."""
        import numpy as np

        scaled = self._scaler(rows)
        full = scaled.shape[0] // self.tile
        if full == 0:
            raise InvalidArgument(f"{scaled.shape[0]} rows fill no tile of {self.tile}")
        means = np.empty((full, self._phases.size))
        for start in range(0, full, 64):  # bounds the memory of the features
            part = scaled[start * self.tile : min(start + 64, full) * self.tile]
            waves = np.cos(part @ self._weights + self._phases)
            means[start : start + 64] = waves.reshape(-1, self.tile, self._phases.size).mean(axis=1)
        scaled_means: Matrix = means * np.sqrt(2 / self._phases.size)
        return scaled_means

    def compare(self, tiles: Matrix, *, permutations: int = 999) -> MmdResult:
        """Compare a window's tiles with the reference's."""
        import numpy as np

        m, n = len(self.reference), len(tiles)
        pooled = np.concatenate([self.reference, tiles])
        total = pooled.sum(axis=0)
        distance = float(((self.reference.mean(axis=0) - tiles.mean(axis=0)) ** 2).sum())
        beyond = 0
        for _ in range(permutations):
            drawn = pooled[self._rng.choice(m + n, n, replace=False)].sum(axis=0)
            apart = (total - drawn) / m - drawn / n
            beyond += float((apart**2).sum()) >= distance
        return MmdResult(distance, (1 + beyond) / (1 + permutations))


class PcaReconstruction:
    """What is left of a row after the reference's main components are taken out of it.

    `residuals` are a stream of their own: feed them to a profile or a detector. Their mean is the
    reconstruction error of NannyML.

    Parameters
    ----------
    reference
        Rows that are normal.
    variance
        The share of the reference's variance that the kept components explain.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> common = rng.normal(size=(5000, 1))
    >>> x = common + 0.1 * rng.normal(size=(5000, 3))
    >>> pca = PcaReconstruction(x)
    >>> broken = x.copy()
    >>> broken[:, 2] = rng.permutation(x[:, 2])
    >>> bool(pca.residuals(broken).mean() > 5 * pca.residuals(x).mean())
    True
    """

    def __init__(self, reference: ArrayLike, *, variance: float = 0.65) -> None:
        import numpy as np

        if not 0 < variance <= 1:
            raise InvalidArgument("variance must be above 0 and at most 1")
        self._scaler = _Scaler(reference)
        rows = self._scaler(reference)
        self._centre = rows.mean(axis=0)
        centred = rows - self._centre
        values, vectors = np.linalg.eigh(centred.T @ centred / rows.shape[0])
        explained = np.cumsum(values[::-1]) / max(values.sum(), np.finfo(float).tiny)
        kept = int(np.searchsorted(explained, variance - 1e-12)) + 1
        self.components = vectors[:, ::-1][:, :kept]

    def scores(self, rows: ArrayLike) -> Matrix:
        """Return where each row lies along the kept components, the most varied first."""
        along: Matrix = (self._scaler(rows) - self._centre) @ self.components
        return along

    def residuals(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Return the Euclidean length of what is left of each row."""
        import numpy as np

        centred = self._scaler(rows) - self._centre
        left = centred - (centred @ self.components) @ self.components.T
        lengths: NDArray[np.float64] = np.sqrt((left**2).sum(axis=1))
        return lengths


def domain_classifier_auroc(
    reference: ArrayLike, current: ArrayLike, *, folds: int = 5, seed: int = 0
) -> float:
    """Return how well a classifier tells current rows from the reference's: 0.5 is not at all.

    LightGBM and scikit-learn must be installed. Scores are out of fold, folds are stratified. Rows
    are equally many of both: the more numerous side is sampled.
    """
    import numpy as np
    from lightgbm import LGBMClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    a, b = _matrix(reference), _matrix(current)
    if a.shape[1] != b.shape[1]:
        raise InvalidArgument(f"rows have {a.shape[1]} and {b.shape[1]} columns")
    size = min(len(a), len(b))
    if size < folds:
        raise InvalidArgument(f"{folds} folds need as many rows on both sides")
    rng = np.random.default_rng(seed)
    rows = np.concatenate([side[rng.permutation(len(side))[:size]] for side in (a, b)])
    labels = np.repeat([0, 1], size)
    model = LGBMClassifier(verbosity=-1, random_state=seed, n_jobs=1)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, rows, labels, cv=split, method="predict_proba")[:, 1]
    return float(roc_auc_score(labels, scores))


def _matrix(rows: ArrayLike) -> Matrix:
    import numpy as np

    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] == 0:
        raise InvalidArgument("rows must be two-dimensional, and some")
    return matrix
