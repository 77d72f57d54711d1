"""A route whose shares follow a policy, by the rewards that feedback brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlops_engine.errors import InvalidArgument, NotFound
from mlops_engine.routing.document import Document
from mlops_engine.routing.policies import Policy
from mlops_engine.routing.route import Route

__all__ = ["Bandit", "in_slots"]

_SLOTS = 10_000


class Bandit:
    """Looks at rewards, and says who gets what; `tick` as often as you like.

    Parameters
    ----------
    route : Route
        Of the model.
    versions : mapping
        The arms' versions by name; one of them is ``stable``.
    policy : Policy
        With the same arms.
    quality_of : callable
        What feedback says of a version (``rewards``, ``reward_sum``); `NotFound`: nothing yet.
        `mlops_engine.rollout.quality_of` gives a server's, or an engine's.
    salt : str, optional
        Of the route. By the request's id, units are drawn anew with each request.

    Notes
    -----
    Rewards are between 0 and 1. Every answer carries the share that its arm had, ``route_share``:
    log it, and off-policy estimates (`mlops_engine.routing.offpolicy`) are exact. What a bandit
    has learned does not compare versions: it stops giving traffic to what looks bad. Use a rollout
    for that.
    """

    def __init__(
        self,
        route: Route,
        versions: Mapping[str, int],
        policy: Policy,
        quality_of: Callable[[str, int], Mapping[str, Any]],
        *,
        salt: str = "bandit",
    ) -> None:
        if "stable" not in versions:
            raise InvalidArgument("one of a bandit's arms is 'stable'")
        self._route = route
        self._versions = dict(versions)
        self._policy = policy
        self._quality_of = quality_of
        self._salt = salt
        self._last: dict[str, tuple[float, float]] = {}

    def tick(self) -> dict[str, float]:
        """Learn what came since the last look, put new shares in force, and return them."""
        for arm, version in self._versions.items():
            self._learn(arm, version)
        slots = in_slots(self._policy.shares())
        self._route.put(self._document(slots))
        return {arm: count / _SLOTS for arm, count in slots.items()}

    # A server that began anew, or whose window slid, has lost what it had: nothing is unlearned.
    def _learn(self, arm: str, version: int) -> None:
        try:
            quality = self._quality_of(self._route.model, version)
        except NotFound:
            return
        now = (float(quality.get("rewards") or 0), float(quality.get("reward_sum") or 0))
        before = self._last.get(arm, (0.0, 0.0))
        self._last[arm] = now
        count, reward = now[0] - before[0], now[1] - before[1]
        if count > 0 and 0 <= reward <= count:
            self._policy.learn(arm, reward, count)

    def _document(self, slots: Mapping[str, int]) -> Document:
        arms = [
            {"name": arm, "version": version, "share": slots[arm] / _SLOTS}
            for arm, version in self._versions.items()
            if arm != "stable"
        ]
        return {"stable": self._versions["stable"], "salt": self._salt, "arms": arms}


def in_slots(shares: Mapping[str, float]) -> dict[str, int]:
    """Return shares that sum to 1 as slots that sum to 10,000.

    >>> in_slots({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    {'a': 3334, 'b': 3333, 'c': 3333}
    """
    slots = {arm: int(share * _SLOTS) for arm, share in shares.items()}
    left = _SLOTS - sum(slots.values())
    by_rest = sorted(shares, key=lambda arm: -(shares[arm] * _SLOTS - slots[arm]))
    for arm in by_rest[:left]:
        slots[arm] += 1
    return slots
