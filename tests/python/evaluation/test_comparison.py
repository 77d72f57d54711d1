"""Champion against challenger: what is found, and how often what is not there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from judged_rows import days, scored

from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation import (
    EvaluationSettings,
    GateRule,
    compare,
    evaluate,
    run_gates,
    slices,
)
from mlops_engine.evaluation.columns import Floats
from mlops_engine.evaluation.resampling import max_t

SETTINGS = EvaluationSettings(time="at", resamples=200)
FRAME = days(30, 100)
DAY = np.arange(FRAME.height) // 100


def binomial_limit(trials: int, alpha: float) -> float:
    return trials * alpha + 2 * np.sqrt(trials * alpha * (1 - alpha))


def test_a_better_challenger_is_found_and_a_worse_one_too() -> None:
    y, (weak, strong) = scored(np.random.default_rng(1), FRAME.height, (1.0, 1.6), DAY)
    better, worse = (
        compare(y, *pair, FRAME, SETTINGS) for pair in ((weak, strong), (strong, weak))
    )
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.gains["auc"].value == pytest.approx(-worse.gains["auc"].value)
    assert better.gains["log_loss"].value == pytest.approx(-worse.gains["log_loss"].value)
    assert better.delong is not None
    assert better.delong.p < 0.001
    assert better.mcnemar_p is not None
    assert better.mcnemar_p < 0.01


def test_the_same_model_gains_nothing_and_is_not_worse() -> None:
    y, (score,) = scored(np.random.default_rng(2), FRAME.height, (1.0,))
    found = compare(
        y, score, score, FRAME, EvaluationSettings(time="at", resamples=100, margin=0.01)
    )
    assert found.verdict == "not_worse"
    assert {gain.value for gain in found.gains.values()} == {0.0}
    assert found.mcnemar_p == 1.0


def test_equal_models_are_rarely_called_different() -> None:
    """The null: both models are equally good, and days have errors in common."""
    random = np.random.default_rng(3)
    frame, rows = days(30, 20), 600
    day = np.arange(rows) // 20
    trials, alpha = 80, 0.1
    settings = EvaluationSettings(time="at", resamples=100, alpha=alpha)
    alarms = 0
    for _ in range(trials):
        y, (a, b) = scored(random, rows, (1.0, 1.0), day)
        alarms += compare(y, a, b, frame, settings).verdict in ("better", "worse")
    assert alarms <= binomial_limit(trials, alpha)


def test_what_is_worse_by_the_margin_rarely_passes_as_not_worse() -> None:
    """The null of non-inferiority: the challenger is worse by exactly the margin."""
    random = np.random.default_rng(4)
    rows, day = 600, np.arange(600) // 20
    frame = days(30, 20)
    trials, alpha, margin = 200, 0.1, 0.1
    settings = EvaluationSettings(task="regression", time="at", resamples=150, alpha=alpha,
                                  margin=margin, metric="mae")  # fmt: skip
    passes = 0
    for _ in range(trials):
        champion = 1 + 0.2 * random.normal(size=rows)
        challenger = champion + margin + 0.3 * random.normal(size=30)[day]
        found = compare(np.zeros(rows), champion, challenger, frame, settings)
        passes += found.verdict in ("better", "not_worse")
    # One side of a two-sided interval.
    assert passes <= binomial_limit(trials, alpha / 2)


def sliced(random: np.random.Generator, harm: float) -> tuple[Floats, Floats, Floats, pl.DataFrame]:
    """Twelve slices; the challenger is as good as the champion but in one of them."""
    y, (old, new) = scored(random, FRAME.height, (1.5, 1.5))
    part = random.integers(0, 12, FRAME.height)
    hurt = (part == 4) & (random.random(FRAME.height) < harm)
    new = np.where(hurt, random.random(FRAME.height), new)
    return y, old, new, FRAME.with_columns(carrier=pl.Series(part).cast(pl.String))


def test_all_bounds_hold_at_once_where_single_ones_do_not() -> None:
    """Twelve slices whose differences are noise: how often any of them is accused."""
    random = np.random.default_rng(5)
    trials, alpha, blocks = 300, 0.1, 30
    together = single = 0
    for _ in range(trials):
        noise = random.normal(size=(blocks, 12)) + random.normal(size=(blocks, 1))
        drawn = random.integers(0, blocks, (200, blocks))
        values, replicates = noise.mean(axis=0), noise[drawn].mean(axis=1)
        together += any(i.high < 0 or i.low > 0 for i in max_t(values, replicates, alpha, blocks))
        alone = [
            max_t(values[[k]], replicates[:, [k]], alpha, blocks)[0] for k in range(len(values))
        ]
        single += any(i.high < 0 or i.low > 0 for i in alone)
    assert together <= binomial_limit(trials, alpha)
    assert single > 2 * binomial_limit(trials, alpha)  # or there is nothing to correct


def test_a_slice_that_is_hurt_is_accused_and_no_other() -> None:
    settings = EvaluationSettings(time="at", resamples=150, slices=["carrier"], slice_rows_min=100)
    y, old, new, frame = sliced(np.random.default_rng(7), 1.0)
    found = slices(y, new, frame, settings, champion=old)
    assert [s.value for s in found.judged if s.difference.high < 0] == ["4"]
    assert found.measures()["worst"].detail.startswith("carrier=4,")
    assert found.measures()["worst"].high < 0


def test_small_slices_are_named_and_not_judged() -> None:
    y, (score,) = scored(np.random.default_rng(6), FRAME.height, (1.0,))
    frame = FRAME.with_columns(who=pl.Series(["rare"] * 20 + ["often"] * (FRAME.height - 20)))
    found = slices(y, score, frame, EvaluationSettings(time="at", resamples=100, slices=["who"]))
    assert found.small == ["who=rare"]
    assert [s.value for s in found.judged] == ["often"]
    assert found.against == "all rows"


def test_gates_say_why_and_what_nobody_looked_at_fails() -> None:
    y, (score,) = scored(np.random.default_rng(8), FRAME.height, (1.5,))
    found = evaluate(y, score, FRAME, SETTINGS)
    auc = found.metrics["auc"]
    rules = {
        "quality": GateRule(of="evaluation.auc", min=auc.value - 0.001),
        "surely": GateRule(of="evaluation.auc", min=auc.value - 0.001, by="proven"),
        "harm": GateRule(of="evaluation.auc", min=auc.value + 0.001, by="unrefuted"),
        "loss": GateRule(of="evaluation.log_loss", max=0.0001, advisory=True),
        "latency": GateRule(of="serving.p99_us", max=100),
    }
    gates = run_gates(rules, {"evaluation": found, "comparison": None})
    verdicts = {r.gate: r.verdict for r in gates.results}
    assert verdicts == {
        "quality": "passed",
        "surely": "failed",
        "harm": "passed",
        "loss": "failed",
        "latency": "missing",
    }
    assert gates.failed == ["surely", "latency"]
    assert not gates.passed
    assert b'"reason": "nothing was found out about serving.p99_us"' in gates.to_json()
    assert run_gates(
        {"loss": rules["loss"], "quality": rules["quality"]}, {"evaluation": found}
    ).passed


def test_no_gates_are_no_pass() -> None:
    with pytest.raises(InvalidArgument, match="there are no gates"):
        run_gates({}, {})
