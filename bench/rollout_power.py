"""What the statistics of rollouts say of simulated versions: ``python bench/rollout_power.py``.

Labels, scores and splits, looked at after every request, beside one test at the end, the same test
at 60 looks, and a threshold. Prints a row of Markdown for each scenario: the share of rollouts that
are stopped, and after how many requests in the median of those. Rows of equal versions show false
alarms. The formulas are the package's, over arrays; each row is checked against the package.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from mlops_engine.rollout import statistics as st

ALPHA = 0.01
LIMIT = np.log(1 / ALPHA)
Z = stats.norm.ppf(1 - ALPHA / 2)  # two-sided
LOOKS = 60
INTERVAL, FAILURES = 1000, 5
CHUNK = 100
Array = np.ndarray


class Found(NamedTuple):
    """For some rollouts (rows) whether each rule would stop after each request."""

    ours: Array
    test: Array
    threshold: Array  # failed checks so far


def discordance(worse: Array, better: Array) -> Array:
    odds = np.geomspace(1.1, 20, 12)
    p = odds / (1 + odds)
    most = np.full(worse.shape, -np.inf)
    logs = [worse * np.log(2 * each) + better * np.log(2 * (1 - each)) for each in p]
    most = np.maximum.reduce(logs)
    return most + np.log(sum(np.exp(log - most) for log in logs) / len(p))


def split(arm: Array, stable: Array, share: float) -> Array:
    a, b = 100 * share, 100 * (1 - share)
    mixture = special.betaln(a + arm, b + stable) - special.betaln(a, b)
    return mixture - arm * np.log(share) - stable * np.log1p(-share)


def half_width(n: Array, variance: Array) -> Array:
    log_alpha = -2 * np.log(ALPHA / 2)
    rho2 = (log_alpha + np.log(log_alpha + 1)) / 1000
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = n * rho2 + 1
        inside = variance * 2 * scale / (n * n * rho2) * np.log(np.sqrt(scale) / (ALPHA / 2))
    return np.where(n < 200, np.inf, np.sqrt(inside))


def failed_checks(apart: Array, limit: float) -> Array:
    """Of interval means that are above a limit, how many so far, at each request."""
    rows, requests = apart.shape
    whole = requests // INTERVAL * INTERVAL
    each = apart[:, :whole].reshape(rows, -1, INTERVAL).mean(axis=2) > limit
    after = np.repeat(np.cumsum(each, axis=1), INTERVAL, axis=1)
    before = np.zeros((rows, INTERVAL - 1), dtype=int)
    return np.concatenate([before, after], axis=1)[:, :requests]


def paired_labels(random: np.random.Generator, rows: int, requests: int, drop: float) -> Found:
    """Score the same requests by both versions, as a shadow does; noise they share for nine tenths.

    Both classes are equally frequent; a label is wrong on the wrong side of the middle.
    """
    label = random.random((rows, requests)) < 0.5
    common = random.standard_normal((rows, requests))
    wrong = []
    for auc in (0.727, 0.727 - drop):
        gap = np.sqrt(2) * stats.norm.ppf(auc)
        noise = np.sqrt(0.9) * common + np.sqrt(0.1) * random.standard_normal((rows, requests))
        wrong.append((np.where(label, gap / 2, -gap / 2) + noise > 0) != label)
    stable, candidate = wrong
    worse = np.cumsum(candidate & ~stable, axis=1, dtype=np.float64)
    better = np.cumsum(stable & ~candidate, axis=1, dtype=np.float64)
    logs = discordance(worse, better)
    last = st.discordance_log_e(worse=int(worse[0, -1]), better=int(better[0, -1]))
    np.testing.assert_allclose(logs[0, -1], last, rtol=1e-9)
    z = (worse - better) / np.sqrt(np.maximum(worse + better, 1))
    apart = candidate.astype(np.float32) - 0.3325  # stable's rate, known from before
    return Found(logs >= LIMIT, z > stats.norm.ppf(1 - ALPHA), failed_checks(apart, 0.02))


def shifted_scores(random: np.random.Generator, rows: int, requests: int, shift: float) -> Found:
    """Compare means of scores of two arms; a tenth of the requests are the candidate's."""
    arm = random.random((rows, requests)) < 0.1
    score = random.standard_normal((rows, requests)) + shift * arm
    sums = []
    for mine in (arm, ~arm):
        n = np.cumsum(mine, axis=1, dtype=np.float64)
        mean = np.cumsum(score * mine, axis=1) / np.maximum(n, 1)
        square = np.cumsum(score * score * mine, axis=1) / np.maximum(n, 1)
        sums.append((n, mean, np.maximum(square - mean * mean, 0)))
    (n, mean, variance), (n0, mean0, variance0) = sums
    apart = np.abs(mean - mean0)
    ours = apart > half_width(n, variance) + half_width(n0, variance0)
    width = st.asymptotic_half_width(float(n[0, -1]), float(variance[0, -1]), ALPHA / 2)
    np.testing.assert_allclose(half_width(n, variance)[0, -1], width, rtol=1e-9)
    z = apart / np.sqrt(variance / np.maximum(n, 1) + variance0 / np.maximum(n0, 1) + 1e-300)
    test = (z > Z) & (n > 30)
    return Found(ours, test, failed_checks(_psi(score, arm), 0.25))


def _psi(score: Array, arm: Array) -> Array:
    """Repeat for each request its interval's PSI: the candidate's deciles beside what is known."""
    rows, requests = score.shape
    whole = requests // INTERVAL * INTERVAL
    edges = stats.norm.ppf(np.linspace(0.1, 0.9, 9))
    bins = np.searchsorted(edges, score[:, :whole]).reshape(rows, -1, INTERVAL)
    mine = arm[:, :whole].reshape(rows, -1, INTERVAL)
    n = np.maximum(mine.sum(axis=2), 1)
    psi = np.zeros(n.shape)
    for each in range(10):
        p = (((bins == each) & mine).sum(axis=2) + 0.5) / (n + 5)
        psi += (p - 0.1) * np.log(p / 0.1)
    return np.repeat(psi, INTERVAL, axis=1)


def split_of(random: np.random.Generator, rows: int, requests: int, given: float) -> Found:
    """Count the requests of an arm that should have a tenth."""
    arm = np.cumsum(random.random((rows, requests)) < given, axis=1, dtype=np.float64)
    n = np.arange(1, requests + 1, dtype=np.float64)
    logs = split(arm, n - arm, 0.1)
    last = st.split_log_e(arm=int(arm[0, -1]), stable=int(requests - arm[0, -1]), share=0.1)
    np.testing.assert_allclose(logs[0, -1], last, rtol=1e-6, atol=1e-6)
    z = np.abs(arm - 0.1 * n) / np.sqrt(n * 0.09)
    return Found(logs >= LIMIT, z > Z, np.zeros_like(arm))


Draw = Callable[[np.random.Generator, int, int, float], Found]
SCENARIOS: dict[str, tuple[Draw, int, float]] = {
    "equal, labels of shadows, 20,000": (paired_labels, 20_000, 0.0),
    "equal, scores, share 10 %, 20,000": (shifted_scores, 20_000, 0.0),
    "equal, split of 10 %, 20,000": (split_of, 20_000, 0.1),
    "AUC 0.727 -> 0.707, labels of shadows, 60,000": (paired_labels, 60_000, 0.02),
    "scores +0.1 sigma, share 10 %, 60,000": (shifted_scores, 60_000, 0.1),
    "split 11 % for 10 %, 20,000": (split_of, 20_000, 0.11),
}


def first(stops: Array) -> Array:
    """Return after how many requests each rollout is stopped; 0: never."""
    return np.where(stops.any(axis=1), stops.argmax(axis=1) + 1, 0)


def cell(ends: list[Array]) -> str:
    all_ends = np.concatenate(ends)
    stopped = all_ends[all_ends > 0]
    share = f"{100 * len(stopped) / len(all_ends):.2f} %"
    return f"{share} ({np.median(stopped):,.0f})" if len(stopped) else share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1000, help="of equal versions: ten times")
    parser.add_argument("--only", default="", help="scenarios whose name has this in it")
    arguments = parser.parse_args()
    print("| version | ours | one test at the end | the same, 60 looks | thresholds |")
    print("|---|---|---|---|---|")
    for name, (draw, requests, effect) in SCENARIOS.items():
        if arguments.only not in name:
            continue
        random = np.random.default_rng(1)
        rollouts = arguments.rollouts * (10 if name.startswith("equal") else 1)
        ends: list[list[Array]] = [[], [], [], []]
        for _ in range(max(1, rollouts // CHUNK)):
            found = draw(random, CHUNK, requests, effect)
            at_looks = np.zeros(requests, dtype=bool)
            at_looks[requests // LOOKS - 1 :: requests // LOOKS] = True
            ends[0].append(first(found.ours))
            ends[1].append(np.where(found.test[:, -1], requests, 0))
            ends[2].append(first(found.test & at_looks))
            ends[3].append(first(found.threshold >= FAILURES))
        print(f"| {name} | " + " | ".join(cell(each) for each in ends) + " |", flush=True)


if __name__ == "__main__":
    main()
