"""Each planted fault fails its own gate and no other; a good model passes them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from planted_models import NAMES, Data, Linear, fitted, part

import mlops_engine as me
from mlops_engine.evaluation import (
    AttackSettings,
    Case,
    EngineScorer,
    EvaluationSettings,
    GateRule,
    Gates,
    HoldOut,
    RobustnessSettings,
    compare,
    convert,
    evaluate,
    find_leaks,
    find_poison,
    parity,
    robustness,
    run_cases,
    run_gates,
    trial,
)

SETTINGS = EvaluationSettings(
    time="at", resamples=100, slices=["carrier"], protected=["who"], margin=0.02
)
DISTURBED = RobustnessSettings(rows=1000, attack=AttackSettings(rows=100, queries=20, reach=0.1))
RULES = convert(
    {
        "quality": {"of": "evaluation.auc", "min": 0.75, "by": "proven"},
        "champion": {"of": "comparison.gain", "min": -0.02, "by": "proven"},
        "slices": {"of": "comparison.slices.worst", "min": -0.03, "by": "unrefuted"},
        "calibration": {"of": "evaluation.calibration_error", "max": 0.08},
        "fairness": {"of": "evaluation.fairness.selection_rate", "max": 0.1, "by": "unrefuted"},
        "robustness.everyday": {"of": "robustness.flips", "max": 0.2},
        "robustness.attack": {"of": "robustness.flips.attack", "max": 0.2},
        "robustness.finite": {"of": "robustness.not_finite", "max": 0},
        "cases": {"of": "cases.passed", "min": 1},
        "leaks": {"of": "leaks.alone", "max": 0.9},
        "labels": {"of": "poison.excess", "max": 0.03, "by": "unrefuted"},
        "parity": {"of": "parity.largest", "max": 1e-4},
        "size": {"of": "serving.bytes", "max": 100_000},
        "latency": {"of": "serving.p99_us", "max": 1e7},
        "loads": {"of": "serving.loaded", "min": 1},
        "holdout": {"of": "holdout.reads", "max": 1},
    },
    dict[str, GateRule],
)
CASES = [
    Case(name="both high", inputs={"x0": 2.0, "x1": 2.0, "noise": 0.0, "group": 0.0}, min=0.8),
    Case(name="both low", inputs=[-2.0, -2.0, 0.0, 0.0], label=0),
]


@dataclass(frozen=True)
class Parts:
    train: Data
    validation: Data
    test: Data
    champion: Linear


def parts(leak: bool = False) -> Parts:
    earlier = part(9, 100)
    champion = fitted(earlier, earlier.y, part(2, 50))
    return Parts(part(1, 100, leak), part(2, 50, leak), part(3, 100, leak), champion)


@pytest.fixture(scope="module")
def rows() -> Parts:
    return parts()


@pytest.fixture(scope="module")
def engine() -> Iterator[me.Engine]:
    with me.Engine() as made:
        yield made


def judged(engine: me.Engine, model: Linear, rows: Parts, y: np.ndarray, folder: Path) -> Gates:
    """All of the evidence, and the gates over it."""
    names = [*NAMES, "leak"][: rows.test.x.shape[1]]
    file = model.save(folder / "model.onnx")
    engine.load("planted", file, execution="onnxruntime")
    scorer = EngineScorer(engine, "planted")
    everything = np.arange(rows.test.frame.height)
    holdout = HoldOut.lock(folder / "holdout", rows.test.frame, everything)
    frame = holdout.read(rows.test.frame, everything, who="test", why="gates")
    score, expected = scorer(rows.test.x), model(rows.test.x)
    champion = rows.champion(rows.test.x[:, : len(NAMES)])
    cases = [replace_inputs(case, len(names)) for case in CASES]
    evidence = {
        "evaluation": evaluate(rows.test.y, score, frame, SETTINGS),
        "comparison": compare(rows.test.y, champion, score, frame, SETTINGS),
        "robustness": robustness(scorer, rows.test.x, names, 0.5, DISTURBED),
        "cases": run_cases(cases, scorer, names, 0.5),
        "leaks": find_leaks(rows.train.x, y, rows.validation.x, rows.validation.y, names),
        "poison": find_poison(rows.train.x, y, rows.validation.x, rows.validation.y),
        "parity": parity(expected, score),
        "serving": trial(file, rows.test.x[:256]),
        "holdout": holdout,
    }
    return run_gates(RULES, evidence)


def replace_inputs(case: Case, features: int) -> Case:
    """A feature more: a list of inputs must have it too."""
    if isinstance(case.inputs, dict) or features == len(NAMES):
        return case
    return Case(name=case.name, inputs=[*case.inputs, 0.0], label=case.label)


def failed_kinds(gates: Gates) -> set[str]:
    print([(r.gate, r.verdict, r.reason) for r in gates.results])
    return {name.split(".")[0] for name in gates.failed}


def test_a_good_model_passes(engine: me.Engine, rows: Parts, tmp_path: Path) -> None:
    model = fitted(rows.train, rows.train.y, rows.validation)
    gates = judged(engine, model, rows, rows.train.y, tmp_path)
    assert failed_kinds(gates) == set()
    assert gates.passed


def test_a_brittle_model_fails_robustness(engine: me.Engine, rows: Parts, tmp_path: Path) -> None:
    """It is right on every row that was ever seen, and wild a little beside them."""
    model = replace(fitted(rows.train, rows.train.y, rows.validation), ripple=4.0)
    assert failed_kinds(judged(engine, model, rows, rows.train.y, tmp_path)) == {"robustness"}


def test_a_biased_model_fails_fairness(engine: me.Engine, rows: Parts, tmp_path: Path) -> None:
    """It holds a group against rows that are no different otherwise."""
    model = fitted(rows.train, rows.train.y, rows.validation)
    weights = model.weights.copy()
    weights[NAMES.index("group")] -= 1.1
    gates = judged(engine, replace(model, weights=weights), rows, rows.train.y, tmp_path)
    assert failed_kinds(gates) == {"fairness"}


def test_a_poisoned_model_fails_labels(engine: me.Engine, rows: Parts, tmp_path: Path) -> None:
    """Every seventh training label was flipped; the calibrated model is hardly worse."""
    flipped = rows.train.y.copy()
    chosen = np.random.default_rng(4).random(len(flipped)) < 0.15
    flipped[chosen] = 1 - flipped[chosen]
    model = fitted(rows.train, flipped, rows.validation)
    assert failed_kinds(judged(engine, model, rows, flipped, tmp_path)) == {"labels"}


def test_a_leaky_model_fails_leaks(engine: me.Engine, tmp_path: Path) -> None:
    """One feature is the label, written down after the fact."""
    leaky = parts(leak=True)
    model = fitted(leaky.train, leaky.train.y, leaky.validation)
    assert failed_kinds(judged(engine, model, leaky, leaky.train.y, tmp_path)) == {"leaks"}
