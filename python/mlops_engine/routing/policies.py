"""Bandits: policies that learn from rewards which arm should have how much of the traffic.

A policy says shares, not choices. The route draws each request by the shares in force, so the share
of the arm that answered is the propensity of that answer, exactly, and rewards may come whenever
they like: what has come is in the next shares.

>>> policy = Thompson(["a", "b"], seed=1)
>>> policy.learn("a", reward=1.0, count=2), policy.learn("b", reward=60.0, count=100)
(None, None)
>>> shares = policy.shares()
>>> 0.05 <= shares["a"] < 0.95 and round(sum(shares.values()), 9) == 1
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_engine.errors import InvalidArgument

__all__ = ["EpsilonGreedy", "LinearThompson", "Policy", "Thompson", "Ucb"]

_DRAWS = 2000


class Policy(Protocol):
    """What learns sums of rewards, between 0 and 1 each, and says shares."""

    def learn(self, arm: str, reward: float, count: float = 1.0) -> None:
        """Take in the sum of `count` rewards of an arm."""

    def shares(self) -> dict[str, float]:
        """Return the share of each arm; they sum to 1, none is below the floor."""


@dataclass
class _Sums:
    count: float = 0.0
    reward: float = 0.0

    @property
    def mean(self) -> float:
        return self.reward / self.count if self.count > 0 else 0.0


class _Means:
    """What all policies without context remember: number and sum of each arm's rewards."""

    def __init__(self, arms: Sequence[str], floor: float, discount: float) -> None:
        self.arms = _checked(arms, floor)
        if not 0 < discount <= 1:
            raise InvalidArgument("discount is above 0, and 1 at most")
        self.floor = floor
        self.discount = discount
        self._sums = {arm: _Sums() for arm in arms}

    def learn(self, arm: str, reward: float, count: float = 1.0) -> None:
        """Take in the sum of `count` rewards of an arm."""
        if arm not in self._sums:
            raise InvalidArgument(f"no arm is named {arm!r}")
        if not (count >= 0 and -1e-9 <= reward <= count + 1e-9):
            raise InvalidArgument("rewards of bandits are between 0 and 1")
        sums = self._sums[arm]
        sums.count += count
        sums.reward += reward

    def age(self) -> None:
        """Let what was learned fade by the discount: for arms whose worth changes."""
        for sums in self._sums.values():
            sums.count *= self.discount
            sums.reward *= self.discount

    def _mixed(self, wanted: Mapping[str, float]) -> dict[str, float]:
        rest = 1 - self.floor * len(self.arms)
        return {arm: self.floor + rest * wanted.get(arm, 0.0) for arm in self.arms}


class Thompson(_Means):
    """Each arm's share is the chance that it is the best, by Beta posteriors.

    Parameters
    ----------
    arms : sequence of str
        Their names.
    floor : float
        The least share of an arm: so that weights of off-policy estimates are 1 / `floor` at most.
    discount : float
        What `age` multiplies what was learned with.
    seed : int, optional
        Of the draws that estimate the chances.
    """

    def __init__(
        self,
        arms: Sequence[str],
        *,
        floor: float = 0.05,
        discount: float = 1.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(arms, floor, discount)
        self._random = np.random.default_rng(seed)

    def shares(self) -> dict[str, float]:
        """Return the share of each arm."""
        draws = np.column_stack(
            [
                self._random.beta(1 + s.reward, 1 + max(s.count - s.reward, 0), _DRAWS)
                for s in self._sums.values()
            ]
        )
        best = np.bincount(draws.argmax(axis=1), minlength=len(self.arms)) / _DRAWS
        return self._mixed(dict(zip(self.arms, best.tolist(), strict=True)))


class EpsilonGreedy(_Means):
    """The best arm so far has all but `epsilon`, which all arms share."""

    def __init__(self, arms: Sequence[str], *, epsilon: float = 0.1, discount: float = 1.0) -> None:
        super().__init__(arms, epsilon / len(arms) if arms else 0, discount)

    def shares(self) -> dict[str, float]:
        """Return the share of each arm."""
        new = [arm for arm, sums in self._sums.items() if sums.count == 0]
        if new:
            return self._mixed({arm: 1 / len(new) for arm in new})
        return self._mixed({max(self.arms, key=lambda arm: self._sums[arm].mean): 1.0})


class Ucb(_Means):
    """The arm with the greatest upper bound of its mean (UCB1) has all but the others' floors."""

    def __init__(self, arms: Sequence[str], *, floor: float = 0.05, discount: float = 1.0) -> None:
        super().__init__(arms, floor, discount)

    def shares(self) -> dict[str, float]:
        """Return the share of each arm."""
        new = [arm for arm, sums in self._sums.items() if sums.count == 0]
        if new:
            return self._mixed({arm: 1 / len(new) for arm in new})
        total = sum(sums.count for sums in self._sums.values())
        explore = 2 * math.log(max(total, 2.0))

        def bound(arm: str) -> float:
            sums = self._sums[arm]
            return sums.mean + math.sqrt(explore / sums.count)

        return self._mixed({max(self.arms, key=bound): 1.0})


class LinearThompson:
    """Thompson's rule where an arm's mean reward is linear in a context.

    Each arm has a Bayesian ridge regression. A segment of the traffic is a context; its shares
    belong into the route's rule of that segment.

    Parameters
    ----------
    arms : sequence of str
        Their names.
    features : int
        Numbers in a context.
    noise : float
        Standard deviation of a reward about its mean; 0.5 is the most that rewards in 0..1 have.
    """

    def __init__(
        self,
        arms: Sequence[str],
        features: int,
        *,
        floor: float = 0.05,
        noise: float = 0.5,
        ridge: float = 1.0,
        seed: int | None = None,
    ) -> None:
        self.arms = _checked(arms, floor)
        self.floor = floor
        self.noise = noise
        self._precision = {arm: ridge * np.eye(features) for arm in arms}
        self._weighted = {arm: np.zeros(features) for arm in arms}
        self._random = np.random.default_rng(seed)

    def learn(self, arm: str, context: Sequence[float], reward: float, count: float = 1.0) -> None:
        """Take in the sum of `count` rewards of an arm in one context."""
        if arm not in self._precision:
            raise InvalidArgument(f"no arm is named {arm!r}")
        x = self._checked_context(context)
        self._precision[arm] += count * np.outer(x, x)
        self._weighted[arm] += reward * x

    def shares(self, context: Sequence[float]) -> dict[str, float]:
        """Return the share of each arm in this context."""
        x = self._checked_context(context)
        draws = np.empty((_DRAWS, len(self.arms)))
        for i, arm in enumerate(self.arms):
            solved = np.linalg.solve(
                self._precision[arm], np.column_stack([self._weighted[arm], x])
            )
            spread = self.noise * math.sqrt(float(x @ solved[:, 1]))
            draws[:, i] = self._random.normal(float(x @ solved[:, 0]), spread, _DRAWS)
        best = np.bincount(draws.argmax(axis=1), minlength=len(self.arms)) / _DRAWS
        rest = 1 - self.floor * len(self.arms)
        return {
            arm: self.floor + rest * share
            for arm, share in zip(self.arms, best.tolist(), strict=True)
        }

    def _checked_context(self, context: Sequence[float]) -> NDArray[np.float64]:
        x = np.asarray(context, dtype=np.float64)
        size = len(next(iter(self._weighted.values())))
        if x.shape != (size,) or not np.isfinite(x).all():
            raise InvalidArgument(f"a context has {size} finite numbers")
        return x


def _checked(arms: Sequence[str], floor: float) -> list[str]:
    names = list(arms)
    if len(names) < 2 or len(set(names)) != len(names):
        raise InvalidArgument("a bandit has two arms or more, each with a name of its own")
    if not 0 < floor * len(names) < 1:
        raise InvalidArgument("the floors of all arms must leave something")
    return names
