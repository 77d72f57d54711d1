"""Whether two AUCs on the same rows differ (DeLong, DeLong and Clarke-Pearson, 1988).

The components come from midranks (Sun and Xu, 2014), which is a sort instead of all pairs. The test
takes rows for independent: where days are not, the block bootstrap of `compare` decides, and this
stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats

__all__ = ["DeLong", "delong", "mcnemar"]


@dataclass(frozen=True)
class DeLong:
    """Two AUCs, the standard error of their difference, and how often chance alone does as much."""

    champion: float
    challenger: float
    error: float
    z: float
    p: float


def delong(y: Floats, champion: Floats, challenger: Floats) -> DeLong:
    """Compare two scores of the same rows; `p` is two-sided."""
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if m < 2 or n < 2:
        raise InvalidArgument(f"DeLong's test needs two rows of each class; there are {m} and {n}")
    components = [
        _components(score[positive], score[~positive]) for score in (champion, challenger)
    ]
    aucs = [float(of_positive.mean()) for of_positive, _ in components]
    between = [components[1][side] - components[0][side] for side in (0, 1)]
    variance = between[0].var(ddof=1) / m + between[1].var(ddof=1) / n
    difference = aucs[1] - aucs[0]
    error = math.sqrt(variance)
    if error == 0:
        z = 0.0 if difference == 0 else math.copysign(math.inf, difference)
    else:
        z = difference / error
    return DeLong(aucs[0], aucs[1], error, z, math.erfc(abs(z) / math.sqrt(2)))


def mcnemar(y: Floats, champion: Floats, challenger: Floats) -> float:
    """Return how often chance alone makes decisions differ in quality as much, two-sided, exact.

    Parameters
    ----------
    champion, challenger
        Decisions, 0 or 1.
    """
    from scipy import stats

    only_champion = int(((champion == y) & (challenger != y)).sum())
    only_challenger = int(((champion != y) & (challenger == y)).sum())
    together = only_champion + only_challenger
    if not together:
        return 1.0
    return float(stats.binomtest(only_challenger, together, 0.5).pvalue)


def _components(yes: Floats, no: Floats) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative that of positives above.

    Ties count half.
    """
    from scipy.stats import rankdata

    together = rankdata(np.concatenate([yes, no]))
    of_yes = (together[: len(yes)] - rankdata(yes)) / len(no)
    of_no = 1 - (together[len(yes) :] - rankdata(no)) / len(yes)
    return of_yes, of_no
