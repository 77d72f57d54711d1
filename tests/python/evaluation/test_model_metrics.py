"""Metrics and their intervals, against scikit-learn, brute force and simulation."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_rows import days, scored
from sklearn import metrics as sk

from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation import (
    EvaluationSettings,
    ValueSettings,
    calibrator,
    delong,
    evaluate,
    mcnemar,
)
from mlops_engine.evaluation.calibration import reliability
from mlops_engine.evaluation.metrics import METRICS

PEERS = {
    "auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error,
    "r2": sk.r2_score,
}


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(1, 9), st.integers(1, 3)), min_size=4, max_size=60
    )
)
def test_weighted_metrics_are_scikit_learns(rows: list[tuple[bool, int, int]]) -> None:
    y = np.array([float(each[0]) for each in rows])
    score = np.array([each[1] / 10 for each in rows])  # ties are common
    weights = np.array([float(each[2]) for each in rows])
    for name, peer in PEERS.items():
        if len(set(y)) < 2:
            continue
        ours = METRICS[name].prepare(y, score)(weights)
        assert ours == pytest.approx(peer(y, score, sample_weight=weights), abs=1e-12), name


def test_a_class_that_is_not_there_makes_no_auc() -> None:
    assert np.isnan(METRICS["auc"](np.zeros(5), np.linspace(0, 1, 5)))
    assert np.isnan(METRICS["average_precision"](np.zeros(5), np.linspace(0, 1, 5)))


def all_pairs(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """DeLong's difference and variance, written down from the paper over all pairs of rows."""
    psi = [
        np.array([[(p > q) + 0.5 * (p == q) for q in s[y == 0]] for p in s[y == 1]], float)
        for s in (a, b)
    ]
    m, n = psi[0].shape
    of_yes = np.cov([each.mean(axis=1) for each in psi])
    of_no = np.cov([each.mean(axis=0) for each in psi])
    s = of_yes / m + of_no / n
    contrast = np.array([-1, 1])
    return float(psi[1].mean() - psi[0].mean()), float(contrast @ s @ contrast)


@pytest.mark.parametrize("seed", range(5))
def test_delong_is_that_of_all_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    y, (a, b) = scored(random, 150, (1.0, 1.5))
    a, b = np.round(a, 1 + seed % 2), np.round(b, 2)  # with ties
    found = delong(y, a, b)
    difference, variance = all_pairs(y, a, b)
    assert found.challenger - found.champion == pytest.approx(difference, abs=1e-12)
    assert found.error**2 == pytest.approx(variance, rel=1e-9)
    assert found.champion == pytest.approx(sk.roc_auc_score(y, a))


def test_delongs_false_alarms_are_as_many_as_alpha_says() -> None:
    random = np.random.default_rng(11)
    trials, alpha = 500, 0.05
    alarms = 0
    for _ in range(trials):
        y, (a, b) = scored(random, 200, (1.0, 1.0))
        alarms += delong(y, a, b).p < alpha
    # Two binomial standard errors above alpha; a test at twice the level would make 50.
    assert alarms <= trials * alpha + 2 * np.sqrt(trials * alpha * (1 - alpha))


def test_mcnemar_is_exact() -> None:
    y = np.ones(20)
    first, second = np.r_[np.ones(15), np.zeros(5)], np.r_[np.zeros(12), np.ones(8)]
    # 12 rows only the first has right, 5 only the second: twice the tail of binomial(17, 1/2).
    assert mcnemar(y, first, second) == pytest.approx(2 * 9402 / 2**17, abs=1e-4)
    assert mcnemar(y, first, first) == 1.0


def test_intervals_cover_what_they_say_when_days_are_alike() -> None:
    """The mean of rows whose days have errors in common: plain rows would cover about half."""
    random = np.random.default_rng(5)
    frame = days(25, 20)
    day = np.arange(frame.height) // 20
    settings_ = EvaluationSettings(task="regression", time="at", resamples=200)
    covered = {"day": 0, "row": 0}
    trials = 80
    for _ in range(trials):
        y = np.zeros(frame.height)
        score = 1 + random.normal(size=25)[day] + 0.5 * random.normal(size=frame.height)
        for blocks, time in (("day", "at"), ("row", None)):
            found = evaluate(y, score, frame, msgspec.structs.replace(settings_, time=time))
            bias = found.metrics["bias"]
            covered[blocks] += bias.low <= 1 <= bias.high
    # Two binomial standard errors below 95 %.
    assert covered["day"] / trials >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / trials)
    assert covered["row"] / trials < 0.7  # or the check above checks nothing


def test_an_evaluation_says_all_there_is_and_round_trips() -> None:
    random = np.random.default_rng(7)
    frame = days(20, 100)
    y, (score,) = scored(random, frame.height, (2.0,))
    found = evaluate(
        y,
        score,
        frame,
        EvaluationSettings(time="at", resamples=100, value=ValueSettings(tp=5, fp=-1)),
    )
    assert found.blocks == 20
    assert set(found.measures()) >= {
        "auc",
        "brier",
        "calibration_error",
        "accuracy",
        "rate",
        "value",
    }
    for measure in found.measures().values():
        assert measure.low <= measure.value <= measure.high
    decided = score >= 0.5
    worth = 5 * (decided & (y == 1)).sum() - (decided & (y == 0)).sum()
    assert found.metrics["value"].value == pytest.approx(worth / len(y))
    assert (
        found.to_json()
        == evaluate(
            y,
            score,
            frame,
            EvaluationSettings(time="at", resamples=100, value=ValueSettings(tp=5, fp=-1)),
        ).to_json()
    )


def test_reliability_and_both_calibrators() -> None:
    random = np.random.default_rng(9)
    truth = random.random(20_000)
    y = (random.random(20_000) < truth).astype(float)
    skewed = truth**3  # the right order, the wrong number
    half = slice(0, 10_000), slice(10_000, None)
    settings_ = EvaluationSettings(resamples=100)
    frame = pl.DataFrame({"n": np.arange(10_000)})
    before = evaluate(y[half[1]], skewed[half[1]], frame, settings_).metrics
    assert before["calibration_error"].low > 0.1
    for method in ("isotonic", "platt"):
        fitted = calibrator(y[half[0]], skewed[half[0]], method)
        after = evaluate(y[half[1]], fitted(skewed[half[1]]), frame, settings_).metrics
        assert after["calibration_error"].value < 0.035, method
    [*bins] = reliability(y, truth, 10)
    assert [each.rows for each in bins] == [2000] * 10
    assert max(abs(each.rate - each.score) for each in bins) < 0.04


@pytest.mark.parametrize(
    ("y", "score", "said"),
    [
        ([0, 1], [0.1, 0.2, 0.3], "labels or scores of shape"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "0 and 1"),
        ([0, 1, 1], [0.1, 0.2, np.nan], "not a finite number"),
        ([0, 1, 1], [0.1, 0.2, 0.3], "blocks are too few"),
    ],
)
def test_what_cannot_be_judged_is_refused(y: list[int], score: list[float], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        evaluate(y, score, pl.DataFrame({"n": [1, 2, 3]}), EvaluationSettings(resamples=100))
