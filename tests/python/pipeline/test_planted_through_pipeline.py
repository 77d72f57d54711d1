"""Each planted fault ends a run with status 10 by the gate that is there for it, and no other."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from mlops_engine.pipeline import Outcome, read_plan, run
from mlops_engine.train.progress import Progress

GRID, DAYS, ROWS_A_DAY = 64, 60, 80
PLAN = """
[pipeline]
model = "late"
seed = 3

[ingest.tables.rows]
path = "rows.parquet"

[features]
plan = "plan.toml"
label = "y"
time = "at"
keep = ["who", "carrier_name"]

[split]
kind = "time"
time = "at"
validation = 0.2
test = 0.4

[train]
kind = "sklearn"
estimator = "sklearn.linear_model:LogisticRegression"
refit = false

[evaluation]
time = "at"
resamples = 100
slices = ["carrier_name"]
slice_rows_min = 100
protected = ["who"]

[robustness]
rows = 500
attack = { rows = 0 }

[suspicion]
rows = 5000

[cases]
path = "cases.jsonl"

[gates]
ranks = { of = "evaluation.auc", min = 0.75, by = "proven" }
is_fair = { of = "evaluation.fairness.selection_rate", max = 0.1, by = "unrefuted" }
no_slice = { of = "slices.worst", min = -0.1, by = "unrefuted" }
# Of three features none can be spared: what is missing turns decisions, noise must not.
is_robust = { of = "robustness.flips.noise", max = 0.1 }
remembers = { of = "cases.passed", min = 1.0 }
no_leak = { of = "leaks.alone", max = 0.9 }
no_poison = { of = "poison.excess", max = 0.03, by = "unrefuted" }

[export]
"""
FEATURES = """
name = "planted"
base = "rows"
decision = "at - minutes(60)"

[available.rows]
at = "always"
x0 = "at - minutes(60)"
x1 = "at - minutes(60)"
after = "at - minutes(60)"
delay = "at"
grp = "always"

[[features]]
name = "x0"
expression = "x0"

[[features]]
name = "x1"
expression = "x1"
"""
GROUP = """
[[features]]
name = "group"
expression = "grp"
"""
CASES = """
{"name": "both high", "inputs": {"x0": 2.0, "x1": 2.0, "group": 0.0}, "min": 0.8}
{"name": "both low", "inputs": {"x0": -2.0, "x1": -2.0, "group": 0.0}, "label": 0}
"""


def rows() -> pl.DataFrame:
    """x0 and x1 say something, the group nothing; `after` was written once the answer was there."""
    random = np.random.default_rng(5)
    count = DAYS * ROWS_A_DAY
    x = np.round(random.normal(size=(count, 2)) * GRID) / GRID
    chance = 1 / (1 + np.exp(-(1.6 * x[:, 0] + 1.2 * x[:, 1])))
    y = (random.random(count) < chance).astype(np.int64)
    group = (random.random(count) < 0.3).astype(np.int64)
    minutes = np.arange(count) * (24 * 60 // ROWS_A_DAY)
    start = np.datetime64("2026-01-01T00:00", "us")
    return pl.DataFrame(
        {
            "at": start + minutes.astype("timedelta64[m]"),
            "x0": x[:, 0],
            "x1": x[:, 1],
            "after": y - 0.5 + 0.3 * random.normal(size=count),
            "delay": y.astype(float),
            "grp": group,
            "who": np.where(group == 1, "b", "a"),
            "carrier_name": random.choice(["AA", "BB", "CC"], count),
            "y": y,
        }
    ).with_columns(pl.col("at").dt.replace_time_zone("UTC"))


def feature(name: str) -> str:
    return f'\n[[features]]\nname = "{name}"\nexpression = "{name}"\n'


def judged(folder: Path, frame: pl.DataFrame, *changes: str, features: str = "") -> Outcome:
    frame.write_parquet(folder / "rows.parquet")
    (folder / "cases.jsonl").write_text(CASES)
    (folder / "plan.toml").write_text(FEATURES + features + GROUP)
    (folder / "run.toml").write_text(PLAN)
    plan = read_plan(folder / "run.toml", changes)
    return run(plan, progress=Progress(io.StringIO()), until="gates")


def failed(outcome: Outcome) -> list[str]:
    gates = json.loads((outcome.folder / "gates.json").read_text())["gates"]
    print([(g["gate"], g["verdict"], g["reason"]) for g in gates])
    found = [gate["gate"] for gate in gates if gate["verdict"] != "passed"]
    assert outcome.status == (10 if found else 0), outcome.reason
    return found


def test_a_good_model_passes_every_gate(tmp_path: Path) -> None:
    assert failed(judged(tmp_path, rows())) == []


def test_a_brittle_model_fails_by_robustness(tmp_path: Path) -> None:
    change = "train.estimator=planted_estimators:Brittle"
    assert failed(judged(tmp_path, rows(), change)) == ["is_robust"]


def test_a_biased_model_fails_by_fairness(tmp_path: Path) -> None:
    change = "train.estimator=planted_estimators:Biased"
    assert failed(judged(tmp_path, rows(), change)) == ["is_fair"]


def test_a_leaky_model_fails_by_leaks(tmp_path: Path) -> None:
    """The plan says that the column is known in time: only the data gives it away."""
    outcome = judged(tmp_path, rows(), features=feature("after"))
    assert "no_leak" in failed(outcome)
    assert "after" in str(outcome.reason)


def test_a_poisoned_model_fails_by_labels(tmp_path: Path) -> None:
    """Every sixth label of the training part was flipped, which the test part hardly shows."""
    frame = rows()
    random = np.random.default_rng(6)
    early = np.arange(frame.height) < 0.4 * frame.height
    flip = early & (random.random(frame.height) < 0.17)
    frame = frame.with_columns(
        y=pl.when(pl.Series(flip)).then(1 - pl.col("y")).otherwise(pl.col("y"))
    )
    assert failed(judged(tmp_path, frame)) == ["no_poison"]


def test_a_model_that_forgot_a_case_fails_by_cases(tmp_path: Path) -> None:
    frame = rows().with_columns(x0=-pl.col("x0"))
    assert "remembers" in failed(judged(tmp_path, frame))


def test_what_is_known_only_after_the_decision_is_refused_with_twenty(tmp_path: Path) -> None:
    outcome = judged(tmp_path, rows(), features=feature("delay"))
    assert outcome.status == 20
    assert "delay reads rows.delay, known at" in str(outcome.reason)
    undeclared = judged(tmp_path, rows(), features=feature("y"))
    assert undeclared.status == 20
    assert "nobody says when" in str(undeclared.reason)
