"""What another policy would have earned, by records of what was done: no traffic is needed.

A record is the arm that answered, the share that the arm had (``route_share`` of the answer), and
the reward. Weights are how much more often the other policy would have chosen that arm.

>>> import numpy as np
>>> value = ips(reward=[1, 0, 1], propensity=[0.5, 0.5, 0.25], target=[1.0, 0.0, 1.0])
>>> round(value.mean, 3)
2.0
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_engine.errors import InvalidArgument

__all__ = ["Estimate", "doubly_robust", "ips", "snips"]


class Estimate(NamedTuple):
    """A mean reward, its standard error, and how many equal weights its weights are worth."""

    mean: float
    standard_error: float
    effective: float


def ips(reward: ArrayLike, propensity: ArrayLike, target: ArrayLike) -> Estimate:
    """Weigh each reward by target over propensity: unbiased, whatever the rewards.

    Parameters
    ----------
    reward : array
        Of each record.
    propensity : array
        The chance that its arm had, when it was chosen.
    target : array
        The chance that the other policy gives that arm there.
    """
    r, w = _weighed(reward, propensity, target)
    return _estimate(w * r, w)


def snips(reward: ArrayLike, propensity: ArrayLike, target: ArrayLike) -> Estimate:
    """As `ips`, over the sum of the weights: a little biased, with less variance."""
    r, w = _weighed(reward, propensity, target)
    if w.sum() == 0:
        return Estimate(float("nan"), float("nan"), 0.0)
    mean = float((w * r).sum() / w.sum())
    around = w * (r - mean) / w.mean()
    return _estimate(mean + around, w)


def doubly_robust(
    reward: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    expected: ArrayLike,
    expected_target: ArrayLike,
) -> Estimate:
    """Weigh only what a model of rewards did not expect: right if the model or the weights are.

    Parameters
    ----------
    reward, propensity, target
        As of `ips`.
    expected : array
        What the model expects of each record's own arm.
    expected_target : array
        What it expects there of the other policy: over all arms, by that policy's chances.
    """
    r, w = _weighed(reward, propensity, target)
    q, v = (np.asarray(each, dtype=np.float64) for each in (expected, expected_target))
    if q.shape != r.shape or v.shape != r.shape:
        raise InvalidArgument("every record has what was expected of it")
    return _estimate(v + w * (r - q), w)


def _weighed(
    reward: ArrayLike, propensity: ArrayLike, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r, p, t = (np.asarray(each, dtype=np.float64) for each in (reward, propensity, target))
    if r.ndim != 1 or r.shape != p.shape or r.shape != t.shape or r.size == 0:
        raise InvalidArgument("records are rewards, propensities and targets, one of each")
    if not ((p > 0) & (p <= 1)).all():
        raise InvalidArgument("a propensity is above 0, and 1 at most: what was done was possible")
    if not ((t >= 0) & (t <= 1)).all():
        raise InvalidArgument("a target is a chance")
    return r, t / p


def _estimate(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Estimate:
    n = values.size
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    squares = float((weights**2).sum())
    effective = float(weights.sum() ** 2 / squares) if squares > 0 else 0.0
    return Estimate(float(values.mean()), error, effective)
