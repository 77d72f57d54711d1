"""Metrics as functions of row weights, so that every interval is made by the same draws.

What does not change with the weights (the order of scores, the loss of each row) is computed once;
a draw then costs one pass over the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats

__all__ = ["METRICS", "Metric", "metric", "names"]

Weighted: TypeAlias = Callable[[Floats], float]
# Losses of probabilities of exactly 0 and 1 stay finite.
SMALLEST = 1e-15


@dataclass(frozen=True)
class Metric:
    """One way to compare scores with labels.

    Attributes
    ----------
    higher_is_better
        The sign of every comparison.
    prepare
        Labels and scores to a function of row weights; NaN where it has no value.
    """

    name: str
    task: str
    higher_is_better: bool
    prepare: Callable[[Floats, Floats], Weighted]

    def __call__(self, y: Floats, score: Floats) -> float:
        """Return the value over rows of equal weight."""
        return self.prepare(y, score)(np.ones(len(y)))


def mean_of(rows: Floats) -> Weighted:
    """Return the weighted mean of what each row has."""

    def value(weights: Floats) -> float:
        total = weights.sum()
        return float(weights @ rows / total) if total > 0 else np.nan

    return value


def _ranked(y: Floats, score: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return what sums positive and negative weight at each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    positive = y[order]

    def sums(weights: Floats) -> tuple[Floats, Floats]:
        w = weights[order]
        yes = np.add.reduceat(w * positive, begins)
        return yes, np.add.reduceat(w, begins) - yes

    return sums


def _auc(y: Floats, score: Floats) -> Weighted:
    sums = _ranked(y, score)

    def value(weights: Floats) -> float:
        yes, no = sums(weights)
        pairs = yes.sum() * no.sum()
        # A positive beats the negatives below it, and half of those of its own score.
        below = no.sum() - np.cumsum(no) + no / 2
        return float(yes @ below / pairs) if pairs > 0 else np.nan

    return value


def _average_precision(y: Floats, score: Floats) -> Weighted:
    sums = _ranked(y, score)

    def value(weights: Floats) -> float:
        yes, no = sums(weights)
        total = yes.sum()
        if total <= 0:
            return np.nan
        found, seen = np.cumsum(yes), np.cumsum(yes + no)
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        return float(yes @ precision / total)

    return value


def _log_loss(y: Floats, score: Floats) -> Weighted:
    p = np.clip(score, SMALLEST, 1 - SMALLEST)
    return mean_of(-(y * np.log(p) + (1 - y) * np.log1p(-p)))


def _brier(y: Floats, score: Floats) -> Weighted:
    return mean_of((score - y) ** 2)


def _mae(y: Floats, score: Floats) -> Weighted:
    return mean_of(np.abs(score - y))


def _rmse(y: Floats, score: Floats) -> Weighted:
    squared = mean_of((score - y) ** 2)
    return lambda weights: float(np.sqrt(squared(weights)))


def _bias(y: Floats, score: Floats) -> Weighted:
    error = mean_of(score - y)
    return lambda weights: abs(error(weights))


def _r2(y: Floats, score: Floats) -> Weighted:
    squared = mean_of((score - y) ** 2)
    mean, square = mean_of(y), mean_of(y**2)

    def value(weights: Floats) -> float:
        variance = square(weights) - mean(weights) ** 2
        return 1 - squared(weights) / variance if variance > 0 else np.nan

    return value


METRICS = {
    each.name: each
    for each in (
        Metric("auc", "binary", True, _auc),
        Metric("average_precision", "binary", True, _average_precision),
        Metric("log_loss", "binary", False, _log_loss),
        Metric("brier", "binary", False, _brier),
        Metric("mae", "regression", False, _mae),
        Metric("rmse", "regression", False, _rmse),
        Metric("bias", "regression", False, _bias),
        Metric("r2", "regression", True, _r2),
    )
}


def names(task: str) -> list[str]:
    """Return the names of a task's metrics."""
    return [each.name for each in METRICS.values() if each.task == task]


def metric(name: str, task: str) -> Metric:
    """Return a metric; `InvalidArgument` lists what there is."""
    if name not in names(task):
        raise InvalidArgument(f"no {task} metric is named {name!r}; there are {names(task)}")
    return METRICS[name]
