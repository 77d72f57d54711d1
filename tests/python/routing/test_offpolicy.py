"""Off-policy estimates over records of a bandit, beside the truth and a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine.routing.offpolicy import doubly_robust, ips, snips
from mlops_engine.routing.policies import Thompson

WORTH = np.array([[0.10, 0.30], [0.12, 0.25]])  # by segment, then arm
NAMES = ["a", "b"]


def records(seed: int, batches: int = 40, each: int = 250) -> dict[str, np.ndarray]:
    """Requests of a bandit that learns, so shares change all the time."""
    random = np.random.default_rng(seed)
    policy = Thompson(NAMES, seed=seed)
    columns: dict[str, list[np.ndarray]] = {"segment": [], "arm": [], "share": [], "reward": []}
    for _ in range(batches):
        shares = np.array(list(policy.shares().values()))
        segment = random.integers(0, 2, each)
        arm = (random.random(each) < shares[1]).astype(int)
        reward = (random.random(each) < WORTH[segment, arm]).astype(float)
        for i, name in enumerate(NAMES):
            policy.learn(name, float(reward[arm == i].sum()), int((arm == i).sum()))
        for key, column in zip(columns, (segment, arm, shares[arm], reward), strict=True):
            columns[key].append(column)
    return {key: np.concatenate(parts) for key, parts in columns.items()}


@pytest.mark.parametrize("arm", [0, 1])
def test_estimates_are_right_within_their_errors(arm: int) -> None:
    """Always this arm: what it is worth is known, and the errors are as large as said."""
    truth = WORTH[:, arm].mean()
    wrong_model = np.full(2, 0.9)
    z: dict[str, list[float]] = {"ips": [], "snips": [], "dr": [], "dr_wrong": []}
    for seed in range(20):
        seen = records(seed)
        target = (seen["arm"] == arm).astype(float)
        triple = (seen["reward"], seen["share"], target)
        q, v = WORTH[seen["segment"], seen["arm"]], WORTH[seen["segment"], arm]
        found = {"ips": ips(*triple), "snips": snips(*triple), "dr": doubly_robust(*triple, q, v)}
        bad = wrong_model[seen["arm"]]
        found["dr_wrong"] = doubly_robust(*triple, bad, np.full(len(bad), wrong_model[arm]))
        for name, estimate in found.items():
            z[name].append((estimate.mean - truth) / estimate.standard_error)
    for name, scores in z.items():
        assert abs(np.mean(scores)) < 4 / np.sqrt(20), name
        assert 0.5 < np.std(scores) < 1.6, name


def test_a_model_of_rewards_narrows_the_estimate_and_mends_wrong_weights() -> None:
    seen = records(1)
    target = (seen["arm"] == 0).astype(float)
    q, v = WORTH[seen["segment"], seen["arm"]], WORTH[seen["segment"], 0]
    robust = doubly_robust(seen["reward"], seen["share"], target, q, v)
    assert robust.standard_error < ips(seen["reward"], seen["share"], target).standard_error
    wrong = np.clip(seen["share"] * 2, 0, 1)
    mended = doubly_robust(seen["reward"], wrong, target, q, v)
    truth = WORTH[:, 0].mean()
    assert abs(mended.mean - truth) < 4 * mended.standard_error
    assert abs(ips(seen["reward"], wrong, target).mean - truth) > 0.02


def test_they_are_their_definitions() -> None:
    random = np.random.default_rng(9)
    r, p = random.random(50), random.uniform(0.1, 1, 50)
    t, q, v = random.random(50), random.random(50), random.random(50)
    plain = sum(t[i] / p[i] * r[i] for i in range(50)) / 50
    assert ips(r, p, t).mean == pytest.approx(plain)
    weights = [t[i] / p[i] for i in range(50)]
    assert snips(r, p, t).mean == pytest.approx(50 * plain / sum(weights))
    robust = sum(v[i] + weights[i] * (r[i] - q[i]) for i in range(50)) / 50
    assert doubly_robust(r, p, t, q, v).mean == pytest.approx(robust)
    assert ips(r, np.ones(50), np.ones(50)).effective == pytest.approx(50)


@pytest.mark.parametrize(
    ("r", "p", "t"),
    [([], [], []), ([1], [0], [1]), ([1], [1.5], [1]), ([1], [1], [2]), ([1, 2], [1], [1])],
)
def test_records_that_cannot_be_are_refused(r: list[float], p: list[float], t: list[float]) -> None:
    with pytest.raises(me.InvalidArgument):
        ips(r, p, t)
