"""Bandits: what they lose beside the best arm, with rewards at once and late, and their routes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine.routing.bandit import Bandit, in_slots
from mlops_engine.routing.policies import EpsilonGreedy, LinearThompson, Policy, Thompson, Ucb

WORTH = {"stable": 0.10, "b": 0.12}
REQUESTS, EVERY, RUNS = 20_000, 200, 10
MOST = 0.02 * REQUESTS  # lost by whoever never takes the better arm

POLICIES: dict[str, Callable[[int], Policy]] = {
    "thompson": lambda seed: Thompson(list(WORTH), seed=seed),
    "epsilon": lambda _: EpsilonGreedy(list(WORTH), epsilon=0.1),
    "ucb": lambda _: Ucb(list(WORTH)),
}


def regret(policy: Policy, seed: int, delay: int) -> float:
    """What is lost beside the better arm; rewards come `delay` requests later."""
    random = np.random.default_rng(seed)
    best = max(WORTH.values())
    late: deque[list[tuple[str, int, int]]] = deque()
    lost = 0.0
    for _ in range(REQUESTS // EVERY):
        shares = policy.shares()
        counts = random.multinomial(EVERY, [shares[arm] for arm in WORTH])
        given = []
        for arm, count in zip(WORTH, counts, strict=True):
            lost += count * (best - WORTH[arm])
            given.append((arm, int(count), int(random.binomial(count, WORTH[arm]))))
        late.append(given)
        if len(late) * EVERY > delay:
            for arm, count, reward in late.popleft():
                policy.learn(arm, reward, count)
    return lost


@pytest.mark.parametrize("delay", [0, 5000])
@pytest.mark.parametrize("name", POLICIES)
def test_less_is_lost_than_by_halves(name: str, delay: int) -> None:
    lost = [regret(POLICIES[name](seed), seed, delay) for seed in range(RUNS)]
    # Of a rule that never draws, late rewards make little more than a coin.
    assert np.mean(lost) < (1.0 if name == "ucb" else 0.8) * MOST / 2
    assert np.mean(lost) > 0.05 * MOST / 2, "the floor alone loses as much"


@pytest.mark.parametrize("name", POLICIES)
def test_no_arm_is_below_its_floor(name: str) -> None:
    policy = POLICIES[name](0)
    for _ in range(50):
        shares = policy.shares()
        assert set(shares) == set(WORTH)
        assert min(shares.values()) >= 0.05 - 1e-12
        assert sum(shares.values()) == pytest.approx(1)
        policy.learn("stable", 0, 50)
        policy.learn("b", 40, 50)
    assert shares["b"] == pytest.approx(0.95)


def test_what_fades_is_learned_anew() -> None:
    policy = Thompson(["a", "b"], discount=0.9, seed=1)
    policy.learn("a", 900, 1000)
    policy.learn("b", 100, 1000)
    for _ in range(60):
        policy.age()
        policy.learn("a", 1, 10)
        policy.learn("b", 9, 10)
    assert policy.shares()["b"] > 0.9


def test_a_context_has_its_own_best_arm() -> None:
    random = np.random.default_rng(5)
    worth = {"a": {(1.0, 0.0): 0.7, (1.0, 1.0): 0.2}, "b": {(1.0, 0.0): 0.3, (1.0, 1.0): 0.6}}
    policy = LinearThompson(list(worth), features=2, seed=5)
    lost = uniform = 0.0
    for _ in range(100):
        for context in worth["a"]:
            shares = policy.shares(context)
            best = max(worth[arm][context] for arm in worth)
            for arm, share in shares.items():
                count = round(50 * share)
                lost += count * (best - worth[arm][context])
                uniform += 25 * (best - worth[arm][context])
                policy.learn(arm, context, random.binomial(count, worth[arm][context]), count)
    assert policy.shares((1.0, 0.0))["a"] == pytest.approx(0.95, abs=0.01)
    assert policy.shares((1.0, 1.0))["b"] == pytest.approx(0.95, abs=0.01)
    assert lost < 0.25 * uniform


def test_linear_posteriors_are_ridge_regression() -> None:
    random = np.random.default_rng(6)
    x = random.standard_normal((40, 3))
    y = x @ (0.5, -1.0, 2.0) + 0.1 * random.standard_normal(40)
    policy = LinearThompson(["a", "b"], features=3, ridge=2.0, seed=1)
    for row, reward in zip(x, y, strict=True):
        policy.learn("a", row, float(reward))
    solved = np.linalg.solve(policy._precision["a"], policy._weighted["a"])
    augmented = np.vstack([x, np.sqrt(2.0) * np.eye(3)])
    expected = np.linalg.lstsq(augmented, np.concatenate([y, np.zeros(3)]), rcond=None)[0]
    np.testing.assert_allclose(solved, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thompson(["a"]),
        lambda: Thompson(["a", "a"]),
        lambda: Thompson(["a", "b"], floor=0.5),
        lambda: Thompson(["a", "b"], discount=0),
        lambda: Thompson(["a", "b"]).learn("c", 1),
        lambda: Thompson(["a", "b"]).learn("a", 2, 1),
        lambda: LinearThompson(["a", "b"], 2).shares([1.0]),
        lambda: LinearThompson(["a", "b"], 2).learn("a", [1.0, np.nan], 1),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(me.InvalidArgument):
        make()


class Door:
    """A server's route and rewards, written by the test."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.rewards: dict[int, tuple[int, float]] = {}

    def read(self, model: str) -> dict[str, Any]:
        return self.document

    def write(self, model: str, document: Mapping[str, Any]) -> dict[str, Any]:
        self.document = dict(document)
        return self.document

    def remove(self, model: str) -> None: ...

    def explain(self, model: str, unit: str) -> dict[str, Any]:
        return {}

    def quality(self, model: str, version: int) -> dict[str, Any]:
        if version not in self.rewards:
            raise me.NotFound("nothing yet")
        count, total = self.rewards[version]
        return {"rewards": count, "reward_sum": total}


def test_a_bandit_follows_what_feedback_says() -> None:
    door = Door()
    route = me.routing.Route(door, "m")
    versions = {"stable": 1, "b": 2}
    bandit = Bandit(route, versions, Thompson(list(versions), seed=3), door.quality)
    assert bandit.tick()["b"] == pytest.approx(0.5, abs=0.05)
    assert door.document["stable"] == 1
    door.rewards = {1: (1000, 100.0), 2: (1000, 300.0)}
    assert bandit.tick()["b"] == 0.95
    assert door.document["arms"] == [{"name": "b", "version": 2, "share": 0.95}]
    door.rewards = {1: (10, 5.0), 2: (10, 0.0)}  # the server began anew
    bandit.tick()
    assert bandit.tick()["b"] == 0.95, "nothing is unlearned"
    with pytest.raises(me.InvalidArgument):
        Bandit(route, {"a": 1, "b": 2}, Thompson(["a", "b"]), door.quality)


def test_shares_become_slots_that_are_all_there() -> None:
    random = np.random.default_rng(4)
    for _ in range(200):
        drawn = random.dirichlet(np.ones(5))
        slots = in_slots({str(i): float(share) for i, share in enumerate(drawn)})
        assert sum(slots.values()) == 10_000
        assert all(abs(slots[str(i)] - 10_000 * drawn[i]) < 1 for i in range(5))
