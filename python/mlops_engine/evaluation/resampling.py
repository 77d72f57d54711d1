"""Intervals by drawing whole blocks of rows again: the errors of one day are not independent.

A draw is a weight for each block, and a metric is a function of weights of rows. Two models judged
under the same draws are a paired comparison. Few blocks make a plain percentile interval too
narrow; the quantiles here are moved outward to where Student's t with blocks - 1 degrees of freedom
puts them (the expanded percentile interval of Hesterberg, 2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats, Ints

__all__ = ["Draws", "Interval", "expanded", "max_t"]

BLOCKS_MIN = 5


@dataclass(frozen=True)
class Interval:
    """An estimate and what it may be, two-sided."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Draws:
    """The same draws of blocks for whoever asks: equal seeds give equal weights.

    Attributes
    ----------
    blocks
        The block of each row, numbered from 0.
    """

    blocks: Ints
    resamples: int
    seed: int

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return int(self.blocks.max()) + 1

    def check(self) -> None:
        """Refuse what no interval can be made of."""
        if self.count < BLOCKS_MIN:
            raise InvalidArgument(
                f"{self.count} blocks are too few for an interval; {BLOCKS_MIN} are the least"
            )

    def __iter__(self) -> Iterator[Floats]:
        """Yield a weight for each row, `resamples` times."""
        random = np.random.default_rng(self.seed)
        blocks = self.count
        for _ in range(self.resamples):
            drawn = np.bincount(random.integers(0, blocks, blocks), minlength=blocks)
            yield drawn.astype(np.float64)[self.blocks]

    def interval(self, value: float, replicates: Floats, alpha: float) -> Interval:
        """Return the interval of confidence 1 - alpha that replicates of a value make."""
        known = replicates[np.isfinite(replicates)]
        # A draw without one of the classes has no AUC; where that is common nothing is known.
        if len(known) < 0.9 * len(replicates) or not math.isfinite(value):
            return Interval(value, -math.inf, math.inf)
        tail = expanded(alpha, self.count)
        low, high = np.quantile(known, [tail, 1 - tail], method="weibull")
        return Interval(value, min(float(low), value), max(float(high), value))


def expanded(alpha: float, blocks: int) -> float:
    """Return the tail of a percentile interval that has confidence 1 - alpha over few blocks.

    >>> round(expanded(0.05, 1_000_000), 4), round(expanded(0.05, 20), 4)
    (0.025, 0.0159)
    """
    from scipy import stats

    t = stats.t.ppf(alpha / 2, blocks - 1)
    return float(stats.norm.cdf(math.sqrt(blocks / (blocks - 1)) * t))


def max_t(values: Floats, replicates: Floats, alpha: float, blocks: int) -> list[Interval]:
    """Return intervals that hold all together with confidence 1 - alpha.

    Each difference is divided by its own standard error; the quantile is that of the largest such
    ratio in a draw, so that what slices have in common is not paid for twice as Bonferroni does.

    Parameters
    ----------
    replicates
        `[draws, values]`; a value that has none in a tenth of the draws gets no bound.
    """
    known = np.isfinite(replicates)
    usable = (known.mean(axis=0) >= 0.9) & np.isfinite(values)
    unknown = [Interval(float(v), -math.inf, math.inf) for v in values]
    if not usable.any():
        return unknown
    filled = np.where(known, replicates, np.nan)[:, usable]
    error = np.nanstd(filled, axis=0)
    scale = np.where(error > 0, error, 1.0)
    largest = np.nanmax(np.abs(filled - values[usable]) / scale, axis=1)
    reach = _studentised(float(np.quantile(largest, 1 - alpha, method="weibull")), blocks) * scale
    reach = np.where(error > 0, reach, 0.0)
    for position, width in zip(np.flatnonzero(usable), reach, strict=True):
        value = float(values[position])
        unknown[position] = Interval(value, value - float(width), value + float(width))
    return unknown


def _studentised(z: float, blocks: int) -> float:
    """Move a quantile out to where Student's t has the tail that the normal has at `z`.

    The largest of many ratios lies far out, where the two differ most: with 30 blocks and 12
    slices, bounds that are not moved accuse an innocent slice nearly twice as often as alpha says.
    """
    from scipy import stats

    t = stats.t.isf(stats.norm.sf(z), blocks - 1)
    return math.sqrt(blocks / (blocks - 1)) * float(t)
