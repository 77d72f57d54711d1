"""Quality without labels: what a model's own scores say of it, and what a second model says.

Both are sums over rows, so windows, lanes and replicas combine by `merge`. NumPy, off the path of
requests. What they expect holds as long as the relation of inputs to labels does; where late labels
come, test it with `LabelJoin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from mlops_engine.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Cbpe", "Dle"]


class _Regressor(Protocol):
    def fit(self, x: Any, y: Any) -> Any: ...
    def predict(self, x: Any) -> Any: ...


class Cbpe:
    """Expected accuracy, F1 and AUROC of a binary model, from calibrated scores (CBPE).

    `fit` takes scores and labels of a reference; `like` an empty estimate with the same map. The
    map from scores to chances is monotone and constant within `bins` bins that hold equally many
    rows of the reference; the same bins count scores for AUROC.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> scores = rng.random(20_000)
    >>> labels = rng.random(20_000) < scores**2
    >>> window = Cbpe.fit(scores, labels).like()
    >>> window.update(rng.random(5_000), np.ones(5_000))
    >>> round(window.accuracy, 2)  # a third of the labels is 1, all are predicted so
    0.33
    """

    def __init__(self, edges: ArrayLike, chances: ArrayLike) -> None:
        import numpy as np

        self.edges = np.asarray(edges, dtype=np.float64)
        self.chances = np.asarray(chances, dtype=np.float64)
        ordered = bool(np.all(np.diff(self.edges) > 0))
        if self.chances.shape != (self.edges.size + 1,) or not ordered:
            raise InvalidArgument("edges must ascend, and chances be one more than edges")
        if not np.all((self.chances >= 0) & (self.chances <= 1)):
            raise InvalidArgument("chances must lie between 0 and 1")
        self.rows = 0
        self.missing = 0  # rows that had no score or no prediction; in no other number
        self._confusion = np.zeros((2, 2))  # expected rows of [label][predicted]
        self._scores = np.zeros((2, self.chances.size))  # the same of [label][bin]

    @classmethod
    def fit(cls, scores: ArrayLike, labels: ArrayLike, *, bins: int = 256) -> Cbpe:
        """Return an empty estimate whose map is fitted on a reference."""
        import numpy as np

        score = np.asarray(scores, dtype=np.float64)
        label = np.asarray(labels, dtype=np.float64)
        if score.ndim != 1 or score.shape != label.shape:
            raise InvalidArgument("scores and labels must be two 1-d arrays of one length")
        known = np.isfinite(score) & np.isfinite(label)
        score, label = score[known], label[known]
        if score.size == 0 or not np.all((label == 0) | (label == 1)):
            raise InvalidArgument("a reference has rows, and its labels are 0 or 1")
        if not 2 <= bins <= 65536:
            raise InvalidArgument("bins must be 2 to 65536")
        ranks = np.ceil(np.arange(1, bins) * score.size / bins).astype(np.int64) - 1
        edges = np.unique(np.sort(score)[np.maximum(ranks, 0)])
        place = np.searchsorted(edges, score, side="right")
        counts = np.bincount(place, minlength=edges.size + 1).astype(np.float64)
        ones = np.bincount(place, weights=label, minlength=edges.size + 1).astype(np.float64)
        return cls(edges, _monotone(ones, counts))

    def like(self) -> Cbpe:
        """Return an empty estimate with the same map."""
        return Cbpe(self.edges, self.chances)

    def calibrate(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the chances of class 1 that scores mean."""
        import numpy as np

        place = np.searchsorted(self.edges, np.asarray(scores, dtype=np.float64), side="right")
        chances: NDArray[np.float64] = self.chances[place]
        return chances

    def update(
        self, scores: ArrayLike, predicted: ArrayLike, chances: ArrayLike | None = None
    ) -> None:
        """Add rows: scores, predicted classes (0 or 1), and chances where another map gave them."""
        import numpy as np

        score = np.asarray(scores, dtype=np.float64)
        guess = np.asarray(predicted, dtype=np.float64)
        chance = self.calibrate(score) if chances is None else np.asarray(chances, dtype=float)
        if score.ndim != 1 or score.shape != guess.shape or score.shape != chance.shape:
            raise InvalidArgument("scores, predicted and chances must be 1-d, of one length")
        known = np.isfinite(score) & np.isfinite(guess) & np.isfinite(chance)
        score, guess, chance = score[known], guess[known], chance[known]
        if not np.all((guess == 0) | (guess == 1)):
            raise InvalidArgument("predicted classes are 0 or 1")
        if not np.all((chance >= 0) & (chance <= 1)):
            raise InvalidArgument("chances must lie between 0 and 1")
        self.rows += score.size
        self.missing += int(known.size - score.size)
        place = np.searchsorted(self.edges, score, side="right")
        for label, weight in ((0, 1 - chance), (1, chance)):
            for guessed in (0, 1):
                self._confusion[label, guessed] += weight[guess == guessed].sum()
            self._scores[label] += np.bincount(place, weight, minlength=self.chances.size)

    def merge(self, other: Cbpe) -> None:
        """Add the rows of another estimate with the same map."""
        import numpy as np

        same = np.array_equal(self.edges, other.edges)
        if not same or not np.array_equal(self.chances, other.chances):
            raise InvalidArgument("the two estimates have different maps")
        self.rows += other.rows
        self.missing += other.missing
        self._confusion += other._confusion
        self._scores += other._scores

    @property
    def confusion(self) -> NDArray[np.float64]:
        """Expected rows of [label][predicted]."""
        return self._confusion.copy()

    @property
    def accuracy(self) -> float:
        """Expected share of right predictions; NaN of no rows."""
        return _share(self._confusion[0, 0] + self._confusion[1, 1], self.rows)

    @property
    def precision(self) -> float:
        """Expected precision of class 1."""
        return _share(self._confusion[1, 1], self._confusion[:, 1].sum())

    @property
    def recall(self) -> float:
        """Expected recall of class 1."""
        return _share(self._confusion[1, 1], self._confusion[1].sum())

    @property
    def f1(self) -> float:
        """Expected F1 of class 1."""
        right = self._confusion[1, 1]
        return _share(2 * right, 2 * right + self._confusion[0, 1] + self._confusion[1, 0])

    @property
    def auroc(self) -> tuple[float, float]:
        """Bounds of the expected AUROC: pairs within one bin counted as lost, and as won."""
        import numpy as np

        zeros, ones = self._scores
        below = np.concatenate([[0.0], np.cumsum(zeros)[:-1]])
        won, pairs = float((ones * below).sum()), float(zeros.sum() * ones.sum())
        return _share(won, pairs), _share(won + float((ones * zeros).sum()), pairs)


class Dle:
    """Expected error of a regression, by a second model that predicts it (direct loss estimation).

    Parameters
    ----------
    model
        Anything with ``fit`` and ``predict``; LightGBM's regressor when it is not given.
    loss
        What the second model learns: the ``"absolute"`` or ``"squared"`` error.
    """

    def __init__(
        self, model: _Regressor | None = None, *, loss: Literal["absolute", "squared"] = "absolute"
    ) -> None:
        if loss not in {"absolute", "squared"}:
            raise InvalidArgument("loss must be 'absolute' or 'squared'")
        if model is None:
            from lightgbm import LGBMRegressor

            model = LGBMRegressor(verbosity=-1)
        self.model = model
        self.loss = loss
        self.rows = 0
        self._sum = 0.0

    def fit(self, features: ArrayLike, predictions: ArrayLike, labels: ArrayLike) -> Dle:
        """Learn the error of a reference from its features and predictions."""
        import numpy as np

        rows, predicted = _with_predictions(features, predictions)
        error = predicted - np.asarray(labels, dtype=np.float64)
        self.model.fit(rows, np.abs(error) if self.loss == "absolute" else error**2)
        return self

    def update(self, features: ArrayLike, predictions: ArrayLike) -> NDArray[np.float64]:
        """Add rows and return the expected loss of each, which is never below 0."""
        import numpy as np

        rows, _ = _with_predictions(features, predictions)
        expected = np.maximum(0.0, np.asarray(self.model.predict(rows), dtype=np.float64))
        self.rows += expected.size
        self._sum += float(expected.sum())
        return expected

    def like(self) -> Dle:
        """Return an empty estimate with the same second model."""
        return Dle(self.model, loss=self.loss)

    def merge(self, other: Dle) -> None:
        """Add the rows of another estimate with the same second model."""
        if other.model is not self.model or other.loss != self.loss:
            raise InvalidArgument("the two estimates have different models")
        self.rows += other.rows
        self._sum += other._sum

    @property
    def expected_loss(self) -> float:
        """Mean expected loss: MAE or MSE; NaN of no rows."""
        return _share(self._sum, self.rows)


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _monotone(ones: NDArray[np.float64], counts: NDArray[np.float64]) -> list[float]:
    """Shares of ones, made non-decreasing by pooling neighbours that are not (isotonic)."""
    pools: list[list[float]] = []  # ones, rows, bins
    for one, count in zip(ones, counts, strict=True):
        pools.append([float(one), float(count), 1])
        while len(pools) > 1:
            (one0, count0, bins0), (one1, count1, bins1) = pools[-2:]
            # Shares as products: a bin without rows pools with what is below it.
            if count0 and count1 and one0 * count1 <= one1 * count0:
                break
            pools[-2:] = [[one0 + one1, count0 + count1, bins0 + bins1]]
    return [one / count if count else 0.5 for one, count, bins in pools for _ in range(int(bins))]


def _with_predictions(
    features: ArrayLike, predictions: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    rows = np.asarray(features, dtype=np.float64)
    predicted = np.asarray(predictions, dtype=np.float64)
    if rows.ndim != 2 or predicted.shape != (rows.shape[0],):
        raise InvalidArgument("features must be 2-d, predictions one for each row")
    return np.column_stack([rows, predicted]), predicted
