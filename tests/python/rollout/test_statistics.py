"""Statistics of rollouts, beside other people's formulas, and looked at all the time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from mlops_engine.rollout import statistics as st

ALPHA = 0.05
ROLLOUTS = 400


def too_many() -> float:
    """More false decisions than this are no accident: one run in a thousand has them."""
    return float(stats.binom.ppf(0.999, ROLLOUTS, ALPHA))


def test_discordance_is_the_mean_of_its_likelihood_ratios() -> None:
    for worse, better in [(0, 0), (3, 9), (40, 11)]:
        e = np.mean(
            [
                stats.binom.pmf(worse, worse + better, odds / (1 + odds))
                / stats.binom.pmf(worse, worse + better, 0.5)
                for odds in np.geomspace(1.1, 20, 12)
            ]
        )
        found = st.discordance_log_e(worse=worse, better=better)
        assert found == pytest.approx(math.log(e), abs=1e-9)


def test_the_split_is_a_beta_mixture() -> None:
    for arm, stable, share in [(0, 0, 0.1), (70, 930, 0.05), (500, 400, 0.5)]:
        mixed = stats.betabinom.pmf(arm, arm + stable, 100 * share, 100 * (1 - share))
        e = mixed / stats.binom.pmf(arm, arm + stable, share)
        found = st.split_log_e(arm=arm, stable=stable, share=share)
        assert found == pytest.approx(math.log(e), abs=1e-8)
    assert st.split_log_e(arm=5, stable=0, share=1.0) == 0


def test_the_mean_is_a_mixture_over_all_means() -> None:
    for n, total, mean in [(10, 3.5, 0.2), (50, 41.25, 0.7)]:
        integral, _ = integrate.quad(lambda p, n=n, k=total: p**k * (1 - p) ** (n - k), 0, 1)
        expected = math.log(integral) - special.xlogy(total, mean)
        expected -= special.xlogy(n - total, 1 - mean)
        assert st.mean_log_e(n, total, mean) == pytest.approx(expected, abs=1e-6)


def test_a_stratum_of_labels_is_hypergeometric() -> None:
    labels, wrong, stable_labels, stable_wrong = 40, 9, 160, 15
    race = st.LabelRace(margin=1.5)
    race.add(labels=labels, wrong=wrong, stable_labels=stable_labels, stable_wrong=stable_wrong)

    def chance(odds: float) -> float:
        law = stats.nchypergeom_fisher(200, labels, wrong + stable_wrong, odds)
        return float(law.pmf(wrong))

    worse = np.mean([chance(odds) for odds in np.geomspace(1.1, 20, 12)]) / chance(1.0)
    no_worse = np.mean([chance(odds) for odds in np.geomspace(0.5, 1, 12)]) / chance(1.5)
    assert race.log_e == pytest.approx(math.log(worse), abs=1e-7)
    assert race.log_e_no_worse == pytest.approx(math.log(no_worse), abs=1e-7)
    again = st.LabelRace(**race.to_json())
    again.add(labels=0, wrong=0, stable_labels=10, stable_wrong=3)
    assert again == race


def test_the_asymptotic_width_is_the_papers() -> None:
    n, alpha, best_at = 5000, 0.05, 1000
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / best_at)
    inside = 2 * (n * rho**2 + 1) / (n**2 * rho**2) * math.log(math.sqrt(n * rho**2 + 1) / alpha)
    assert st.asymptotic_half_width(n, 4.0, alpha) == pytest.approx(2 * math.sqrt(inside))
    assert st.asymptotic_half_width(199, 4.0, alpha) == math.inf


def test_bounds_are_where_the_evidence_is_enough() -> None:
    low, high = st.bounded_mean_bounds(300, 75.0, ALPHA)
    assert 0 < low < 0.25 < high < 1
    for edge in (low, high):
        assert st.mean_log_e(300, 75.0, edge) == pytest.approx(math.log(1 / ALPHA), abs=1e-6)
    assert st.bounded_mean_bounds(0, 0, ALPHA) == (0, 1)
    assert st.bounded_mean_bounds(50, 0, ALPHA)[0] == 0
    assert st.bounded_mean_bounds(50, 50, ALPHA)[1] == 1
    difference = st.difference_bounds((400, 100.0), (400, 100.0), ALPHA)
    assert difference[0] == pytest.approx(-difference[1])


def test_looking_at_the_split_after_every_request_costs_no_false_alarms() -> None:
    random = np.random.default_rng(1)
    limit = math.log(1 / ALPHA)
    alarms = 0
    for _ in range(ROLLOUTS):
        drawn = np.cumsum(random.random(300) < 0.1)
        logs = (
            st.split_log_e(arm=int(arm), stable=i + 1 - int(arm), share=0.1)
            for i, arm in enumerate(drawn)
        )
        alarms += any(log >= limit for log in logs)
    assert alarms <= too_many()
    assert st.split_log_e(arm=300, stable=1700, share=0.1) > limit


def test_looking_at_a_mean_after_every_value_costs_no_false_alarms() -> None:
    random = np.random.default_rng(2)
    limit = math.log(1 / ALPHA)
    for draw in (
        lambda: random.random(300) < 0.3,  # all that there can be: the hardest
        lambda: random.beta(0.3, 0.7, 300),
    ):
        alarms = 0
        for _ in range(ROLLOUTS):
            sums = np.cumsum(draw())
            logs = (st.mean_log_e(i + 1, float(total), 0.3) for i, total in enumerate(sums))
            alarms += any(log >= limit for log in logs)
        assert alarms <= too_many()


def test_labels_are_compared_within_their_time() -> None:
    """The rate of wrong labels falls tenfold while the share rises: nothing is wrong."""
    random = np.random.default_rng(3)
    limit = math.log(1 / ALPHA)
    false_alarms = false_promotions = found = pooled = 0
    runs = ROLLOUTS // 4
    for _ in range(runs):
        same, at_margin, worse = (st.LabelRace(margin=1.5) for _ in range(3))
        alarm = promoted = seen = False
        sums = np.zeros(4)
        for look in range(40):
            labels, stable_labels = 2 + look, 42 - look
            rate = 0.5 * 0.1 ** (look / 40)
            stable_wrong = random.binomial(stable_labels, rate)
            for race, odds in ((same, 1.0), (at_margin, 1.5), (worse, 3.0)):
                tilted = rate * odds / (1 - rate + rate * odds)
                wrong = random.binomial(labels, tilted)
                race.add(
                    labels=labels,
                    wrong=int(wrong),
                    stable_labels=stable_labels,
                    stable_wrong=int(stable_wrong),
                )
                if race is same:
                    sums += (labels, wrong, stable_labels, stable_wrong)
            alarm = alarm or same.log_e >= limit
            promoted = promoted or at_margin.log_e_no_worse >= limit
            seen = seen or worse.log_e >= limit
        false_alarms += alarm
        false_promotions += promoted
        found += seen
        pooled += sums[1] / sums[0] < 0.7 * sums[3] / sums[2]
    most = stats.binom.ppf(0.999, runs, ALPHA)
    assert false_alarms <= most
    assert false_promotions <= most
    assert found > 0.9 * runs
    assert pooled > 0.9 * runs, "rates over all labels would call it better"


def test_e_values_of_metrics_are_averaged() -> None:
    assert st.log_mean_e([]) == 0
    assert st.log_mean_e([5000.0, 0.0]) == pytest.approx(5000 - math.log(2))
    assert st.log_mean_e([math.log(2), math.log(4)]) == pytest.approx(math.log(3))
