"""Statistics that may be looked at all the time.

Evidence is the log of an e-value: under the null hypothesis an e-value is above 1/alpha, ever, in
at most alpha of all rollouts (Ville), so it may be read after every request. E-values of disjoint
data multiply (their logs add); those of different metrics are averaged (`log_mean_e`).
docs/adr/0061.

>>> round(discordance_log_e(worse=20, better=3), 2)
6.29
>>> round(split_log_e(arm=600, stable=9400, share=0.05), 2)
7.42
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "LabelRace",
    "asymptotic_half_width",
    "bounded_mean_bounds",
    "difference_bounds",
    "discordance_log_e",
    "log_mean_e",
    "mean_log_e",
    "split_log_e",
]

# Odds, so many times stable's: what is bet on when the null hypothesis is "no worse", and when it
# is "worse than the margin".
_WORSE = tuple(1.1 * (20 / 1.1) ** (i / 11) for i in range(12))
_NO_WORSE = tuple(0.5 * 2 ** (i / 11) for i in range(12))


def log_mean_e(logs: Iterable[float]) -> float:
    """Return the log of the mean of e-values given as logs: an e-value again.

    >>> round(log_mean_e([math.log(300), 0.0, 0.0]), 3)
    4.612
    """
    each = list(logs)
    if not each:
        return 0.0
    most = max(each)
    if math.isinf(most):
        return most
    return most + math.log(sum(math.exp(log - most) for log in each) / len(each))


def discordance_log_e(*, worse: int, better: int) -> float:
    """Return the evidence that the candidate is wrong more often, where both saw the same requests.

    Only pairs count of which one was right: `worse` had the candidate wrong, `better` had it right.
    Under "no worse", each is a coin with a chance of at most a half (McNemar's test, sequential).
    """
    bets = []
    for odds in _WORSE:
        p = odds / (1 + odds)
        bets.append(worse * math.log(2 * p) + better * math.log(2 * (1 - p)))
    return log_mean_e(bets)


def split_log_e(*, arm: int, stable: int, share: float, weight: float = 100.0) -> float:
    """Return the evidence that the arm does not get its share of the two arms' requests.

    A Beta mixture against the coin of the share: whatever is true, it is found. Requests must be
    drawn one by one: those of one user are no coins.
    """
    if not 0 < share < 1:
        return 0.0
    a, b = weight * share, weight * (1 - share)
    mixture = _log_beta(a + arm, b + stable) - _log_beta(a, b)
    return mixture - arm * math.log(share) - stable * math.log1p(-share)


def asymptotic_half_width(
    n: float, variance: float, alpha: float, best_at: float = 1000.0
) -> float:
    """Return half the width of a confidence sequence of a mean, tightest about `best_at` values.

    Asymptotic (arXiv 2103.06476, theorem 2.2): for values of any size with a variance, to be used
    from some 200 values on. Before it is infinite.
    """
    if n < 200:
        return math.inf
    log_alpha = -2 * math.log(alpha)
    rho2 = (log_alpha + math.log(log_alpha + 1)) / best_at
    scale = n * rho2 + 1
    return math.sqrt(variance * 2 * scale / (n * n * rho2) * math.log(math.sqrt(scale) / alpha))


def mean_log_e(n: float, total: float, mean: float) -> float:
    """Return the evidence that values in 0..1 do not have this mean, from their number and sum.

    The Beta(1, 1) mixture of binomial likelihoods, which for values between 0 and 1 is at most what
    a bet on each of them would hold: so it is a supermartingale, whatever their distribution.
    """
    return _log_beta(1 + total, 1 + n - total) - _log_likelihood(mean, total, n)


def bounded_mean_bounds(n: float, total: float, alpha: float) -> tuple[float, float]:
    """Return a confidence sequence of the mean of values in 0..1: what `mean_log_e` leaves.

    >>> [round(bound, 3) for bound in bounded_mean_bounds(1000, 500, 0.01)]
    [0.438, 0.562]
    """
    if n <= 0:
        return 0.0, 1.0
    total = min(max(total, 0.0), n)
    mean = total / n
    limit = math.log(1 / alpha)

    def excluded(m: float) -> bool:
        return mean_log_e(n, total, m) >= limit

    return _edge(0.0, mean, excluded), _edge(1.0, mean, excluded)


def difference_bounds(
    candidate: tuple[float, float], stable: tuple[float, float], alpha: float
) -> tuple[float, float]:
    """Return a confidence sequence of the difference of two means of values in 0..1.

    Each of (number, sum); candidate less stable, each at half of `alpha`.
    """
    low, high = bounded_mean_bounds(*candidate, alpha / 2)
    stable_low, stable_high = bounded_mean_bounds(*stable, alpha / 2)
    return low - stable_high, high - stable_low


@dataclass
class LabelRace:
    """Whether the candidate's predictions are wrong more often, by labels as they come.

    Labels of both arms that came in the same time are one stratum. Given how many were wrong
    altogether, how many of them are the candidate's is hypergeometric, and tilted by the ratio of
    the odds when one arm is worse. The likelihood ratio of the two is an e-value whatever the rate
    of wrong labels is then; over the strata they multiply. So neither a rate that changes nor a
    share that does turns the comparison upside down.

    Parameters
    ----------
    margin : float
        What "no worse" allows: so many times stable's odds of being wrong.
    """

    margin: float = 1.5
    worse: list[float] = field(default_factory=lambda: [0.0] * len(_WORSE))
    no_worse: list[float] = field(default_factory=lambda: [0.0] * len(_NO_WORSE))

    def add(self, *, labels: int, wrong: int, stable_labels: int, stable_wrong: int) -> None:
        """Count a stratum: the candidate's labels and how many were wrong, and stable's."""
        all_wrong = wrong + stable_wrong
        lowest = max(0, all_wrong - stable_labels)
        highest = min(all_wrong, labels)
        if lowest == highest:
            return  # it could not have come otherwise
        weights = [
            _log_choose(labels, x) + _log_choose(stable_labels, all_wrong - x)
            for x in range(lowest, highest + 1)
        ]

        def log_chance(odds: float) -> float:
            tilt = math.log(odds)
            logs = [w + (lowest + i) * tilt for i, w in enumerate(weights)]
            return logs[wrong - lowest] - log_mean_e(logs) - math.log(len(logs))

        null, edge = log_chance(1.0), log_chance(self.margin)
        self.worse = [
            wealth + log_chance(odds) - null
            for wealth, odds in zip(self.worse, _WORSE, strict=True)
        ]
        self.no_worse = [
            wealth + log_chance(odds) - edge
            for wealth, odds in zip(self.no_worse, _NO_WORSE, strict=True)
        ]

    @property
    def log_e(self) -> float:
        """The evidence that the candidate is worse."""
        return log_mean_e(self.worse)

    @property
    def log_e_no_worse(self) -> float:
        """The evidence that it is not, by the margin."""
        return log_mean_e(self.no_worse)

    def to_json(self) -> dict[str, Any]:
        """Return what `LabelRace(**...)` takes."""
        return {"margin": self.margin, "worse": self.worse, "no_worse": self.no_worse}


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_likelihood(m: float, total: float, n: float) -> float:
    log = 0.0
    for count, chance in ((total, m), (n - total, 1 - m)):
        if count > 0:
            log += count * math.log(chance) if chance > 0 else -math.inf
    return log


def _edge(outside: float, inside: float, excluded: Any) -> float:
    """Bisect for where what is excluded ends."""
    if not excluded(outside):
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        if excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside
