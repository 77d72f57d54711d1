"""Whether a probability means what it says, and how it is made to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats
from .metrics import Weighted

__all__ = ["Bin", "calibration_error", "calibrator", "reliability"]

PROBABILITY_MIN = 1e-12


class Bin(msgspec.Struct, frozen=True):
    """Rows of similar scores: what was said, and what came."""

    rows: int
    score: float
    rate: float


def _edges(score: Floats, bins: int) -> Floats:
    """Equal numbers of rows in each bin; equal scores are never parted."""
    inner = np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique(inner)


def reliability(y: Floats, score: Floats, bins: int) -> list[Bin]:
    """Return the reliability diagram."""
    place = np.searchsorted(_edges(score, bins), score, side="right")
    found = []
    for each in np.unique(place):
        rows = place == each
        mean, rate = float(score[rows].mean()), float(y[rows].mean())
        found.append(Bin(int(rows.sum()), mean, rate))
    return found


def calibration_error(y: Floats, score: Floats, bins: int) -> Weighted:
    """Return the expected calibration error as a function of row weights.

    Bins of equal numbers of rows, absolute differences, weighted by rows. Noise makes it positive
    for a perfect model too, the more so the more bins there are.
    """
    place = np.searchsorted(_edges(score, bins), score, side="right")
    difference = score - y

    def value(weights: Floats) -> float:
        total = weights.sum()
        gaps = np.bincount(place, weights * difference)
        return float(np.abs(gaps).sum() / total) if total > 0 else np.nan

    return value


def calibrator(
    y: Floats, score: Floats, method: Literal["platt", "isotonic"] = "platt"
) -> Callable[[Floats], Floats]:
    """Fit a map from scores to probabilities, on rows that neither trained nor test the model.

    Parameters
    ----------
    method
        `platt`: a logistic curve over the logit, two numbers, monotone, keeps AUC. `isotonic`: any
        monotone steps; wants a thousand rows and more, and makes ties.
    """
    if len(np.unique(y)) < 2:
        raise InvalidArgument("calibration needs rows of both classes")
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, y)
        return lambda new: np.asarray(steps.predict(new), np.float64)
    from sklearn.linear_model import LogisticRegression

    curve = LogisticRegression(C=np.inf).fit(_logit(score), y)
    return lambda new: np.asarray(curve.predict_proba(_logit(new))[:, 1], np.float64)


def _logit(score: Floats) -> Floats:
    p = np.clip(score, PROBABILITY_MIN, 1 - PROBABILITY_MIN)
    return np.log(p / (1 - p))[:, None]
