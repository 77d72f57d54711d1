"""Whether a model treats groups alike: rates of each group, and the gaps between them.

The gaps are fairlearn's: `selection_rate` is demographic parity difference, `equalized_odds` the
larger of the gaps of true and false positive rates. Their intervals are over all pairs of groups at
once, because the largest of many noisy differences is large without any unfairness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats, groups_of
from .measures import Measure
from .resampling import Draws, Interval, max_t
from .settings import EvaluationSettings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Fairness", "GroupRates", "fairness"]

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
GROUPS_MAX = 50


class GroupRates(msgspec.Struct, frozen=True):
    """One group's rates; a rate over no rows is NaN."""

    rows: int
    selection_rate: float
    true_positive_rate: float
    false_positive_rate: float
    accuracy: float


class Fairness(msgspec.Struct, frozen=True):
    """Groups of one column, and the gaps between them.

    Attributes
    ----------
    small
        Groups of too few rows to be judged.
    """

    groups: dict[str, GroupRates]
    gaps: dict[str, Measure]
    small: list[str] = []


def fairness(
    y: Floats,
    score: Floats,
    frame: pl.DataFrame,
    name: str,
    *,
    draws: Draws,
    settings: EvaluationSettings,
) -> Fairness:
    """Judge the groups of one column."""
    decided = (score >= settings.threshold).astype(np.float64)
    groups = dict(groups_of(frame, name, GROUPS_MAX))
    small = [g for g, rows in groups.items() if rows.sum() < settings.slice_rows_min]
    judged = {g: rows for g, rows in groups.items() if g not in small}
    if len(judged) < 2:
        raise InvalidArgument(
            f"column {name!r} has fewer than two groups of {settings.slice_rows_min} rows"
        )
    member = np.stack([rows.astype(np.float64) for rows in judged.values()])
    # Each rate is a sum over a sum; both are linear in the weights of rows.
    parts = np.concatenate(
        [
            member * column
            for column in (decided, np.ones_like(y), decided * y, y, decided * (1 - y), 1 - y,
                           (decided == y).astype(np.float64))
        ]
    )  # fmt: skip
    rates = _rates(parts @ np.ones(len(y)), len(judged))
    replicates = np.stack([_rates(parts @ w, len(judged)) for w in draws])
    described = {
        g: GroupRates(int(rows.sum()), *(float(rates[r, i]) for r in range(len(RATES))))
        for i, (g, rows) in enumerate(judged.items())
    }
    gaps = {
        rate: _gap(list(judged), rates[r], replicates[:, r], settings.alpha, draws.count)
        for r, rate in enumerate(RATES)
    }
    odds = [gaps["true_positive_rate"], gaps["false_positive_rate"]]
    gaps["equalized_odds"] = max(odds, key=lambda gap: gap.value)
    return Fairness(described, gaps, small)


def _rates(sums: Floats, groups: int) -> Floats:
    """Return `[rates, groups]` of the sums of `fairness`."""
    decided, rows, true_yes, yes, false_yes, no, right = sums.reshape(-1, groups)
    pairs = ((decided, rows), (true_yes, yes), (false_yes, no), (right, rows))
    return np.stack([np.divide(a, b, out=np.full(groups, np.nan), where=b > 0) for a, b in pairs])


def _gap(names: list[str], rates: Floats, replicates: Floats, alpha: float, blocks: int) -> Measure:
    first, second = np.triu_indices(len(names), 1)
    pairs = max_t(
        rates[first] - rates[second], replicates[:, first] - replicates[:, second], alpha, blocks
    )
    folded = [_absolute(pair) for pair in pairs]
    known = [i for i, pair in enumerate(folded) if np.isfinite(pair.value)]
    if not known:
        return Measure(float("nan"))
    widest = max(known, key=lambda i: folded[i].value)
    low = max(folded[i].low for i in known)
    high = max(folded[i].high for i in known)
    between = f"{names[first[widest]]} and {names[second[widest]]}"
    return Measure(folded[widest].value, low, high, between)


def _absolute(pair: Interval) -> Interval:
    low = max(pair.low, -pair.high, 0.0)
    return Interval(abs(pair.value), low, max(abs(pair.low), abs(pair.high)))
