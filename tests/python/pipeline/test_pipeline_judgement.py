"""Planted faults through the whole pipeline: each ends at its own gate, an honest model at none."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from pipeline_files import PLAN

from mlops_engine.cli.main import main as mlops
from mlops_engine.pipeline import Outcome, read_plan, run
from mlops_engine.registry import LocalRegistry, resolve
from mlops_engine.train.progress import Progress

ROWS = 2400
JUDGED = """
[robustness]
rows = 400
noise = 0.05
attack = { rows = 0 }

[suspicion]
poison_rows = 1200

[cases]
file = "cases.jsonl"

[champion]
alias = "champion"

[card]
purpose = "A test."

[register]
registry = "registry"

[promote]
alias = "champion"
"""
GATES = """
[gates]
ranks = { of = "evaluation.auc", min = 0.6 }
fair = { of = "evaluation.fairness.selection_rate", max = 0.15, by = "unrefuted" }
steady = { of = "robustness.flips", max = 0.15 }
finite = { of = "robustness.not_finite", max = 0 }
right = { of = "cases.passed", min = 1 }
honest = { of = "leaks.alone", max = 0.9 }
labels = { of = "poison.excess", max = 0.06, by = "unrefuted" }
better = { of = "comparison.gain", min = -0.03, by = "proven" }
"""
CASES = [
    {"name": "storm", "inputs": {"wind": 60, "distance": 1500, "step": 10}, "min": 0.5},
    {"name": "calm", "inputs": {"wind": 1, "distance": 1500, "step": 11}, "label": 0},
]


def planted(fault: str = "") -> pl.DataFrame:
    """Rows where the label hangs on the wind, and on what a fault makes of it."""
    draw = np.random.default_rng(5)
    wind = draw.gamma(2.0, 8.0, ROWS).round(1)
    step = draw.integers(0, 32, ROWS)
    group = draw.choice(["AA", "BB"], ROWS)
    odds = 0.2 * (wind - 16)
    if fault == "biased":
        odds += np.where(group == "BB", 2.0, -2.0)
    if fault == "brittle":
        odds = odds / 4 + np.where(step % 2, 3.0, -3.0)
    late = (draw.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    told = draw.normal(size=ROWS)
    if fault == "leaky":
        told = late + 0.2 * told
    if fault == "poisoned":
        flipped = (draw.random(ROWS) < 0.25) & (np.arange(ROWS) < ROWS // 2)
        late = np.where(flipped, 1 - late, late)
    start = np.datetime64("2026-01-01T00:00")
    at = [str(start + np.timedelta64(i, "h")).replace("T", " ") for i in range(ROWS)]
    columns = {"wind": wind, "step": step, "told": told, "carrier": group, "carrier_name": group}
    return pl.DataFrame(
        {"at": at, "distance": draw.integers(100, 3000, ROWS), **columns, "late": late}
    )


def write(folder: Path, fault: str = "", cases: list[dict[str, Any]] = CASES) -> Path:
    plan = "\n\n".join(p for p in PLAN.split("\n\n") if not p.strip().startswith("[gates]"))
    plan = plan.replace('"distance", "wind",', '"distance", "wind", "step", "told",')
    plan = plan.replace('["AA", "BB", "CC"]', '["AA", "BB"]').replace(
        "slice_rows_min = 50", 'slice_rows_min = 50\nprotected = ["carrier_name"]'
    )
    if fault == "brittle":
        plan = plan.replace(
            "num_leaves = 7, min_data_in_leaf = 20", "num_leaves = 127, min_data_in_leaf = 5"
        )
        plan = plan.replace("early_stopping = 5", "early_stopping = 0")
    (folder / "late.toml").write_text("\n".join([plan, GATES, JUDGED]))
    planted(fault).write_csv(folder / "trips.csv", null_value="NA")
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, cases)) + "\n")
    return folder / "late.toml"


def go(file: Path, *changes: str, **options: Any) -> Outcome:
    return run(read_plan(file, changes), progress=Progress(io.StringIO()), **options)


def verdicts(outcome: Outcome) -> dict[str, str]:
    gates = json.loads((outcome.entries["gates"].folder / "gates.json").read_text())["gates"]
    return {gate["gate"]: gate["verdict"] for gate in gates}


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    file = write(tmp_path_factory.mktemp("honest"))
    return file, go(file)


def test_an_honest_model_has_a_card_of_all_that_was_found(honest: tuple[Path, Outcome]) -> None:
    _, outcome = honest
    assert outcome.status == 0, outcome.reason
    # The first version has nobody to beat.
    found = verdicts(outcome)
    assert found.pop("better") == "missing"
    assert set(found.values()) == {"passed"}
    bundle = outcome.entries["card"].folder / "bundle"
    card = (bundle / "model_card.md").read_text()
    for heading in ("Quality on held-out rows", "Groups of carrier_name", "Robustness"):
        assert f"## {heading}\n" in card
    assert card.index("`wind`", card.index("## What moves it")) > 0
    software = json.loads((bundle / "sbom.cdx.json").read_text())
    assert {"lightgbm", "numpy"} <= {each["name"] for each in software["components"]}
    [tensor] = json.loads((bundle / "sample_inputs.json").read_text())["inputs"]
    assert tensor["shape"] == [3, 5]


def test_a_champion_is_not_compared_with_itself(honest: tuple[Path, Outcome]) -> None:
    file, outcome = honest
    again = go(file)
    assert (again.status, list(again.made)) == (0, [])
    anew = go(file, from_stage="evaluate")
    assert anew.entries["card"].output == outcome.entries["card"].output
    assert len(LocalRegistry(file.parent / "registry").versions("late")) == 1


def test_the_champion_is_compared_on_the_same_rows(honest: tuple[Path, Outcome]) -> None:
    file, _ = honest
    stump = ("train.trees=1", "train.parameters.num_leaves=2")
    worse = go(file, *stump, until="gates")
    assert worse.status == 10
    assert {name for name, v in verdicts(worse).items() if v != "passed"} >= {"better"}
    card = json.loads((worse.entries["evaluate"].folder / "card_sections.json").read_text())
    assert "Against the champion" in card
    # Nothing is made again while the same version is champion.
    assert list(go(file, *stump, until="gates").made) == []


def test_a_successor_stays_judged_by_whom_it_beat(tmp_path: Path) -> None:
    file, registry = write(tmp_path), LocalRegistry(tmp_path / "registry")
    assert go(file).status == 0
    successor = go(file, "train.trees=25")
    assert successor.status == 0, successor.reason
    assert verdicts(successor)["better"] == "passed"
    assert resolve("models:/late@champion", registry).version.number == 2
    assert list(go(file, "train.trees=25").made) == []
    assert len(registry.versions("late")) == 2


@pytest.mark.parametrize(
    ("fault", "gate"),
    [("leaky", "honest"), ("biased", "fair"), ("brittle", "steady"), ("poisoned", "labels")],
)
def test_each_fault_ends_at_its_gate(fault: str, gate: str, tmp_path: Path) -> None:
    outcome = go(write(tmp_path, fault), until="gates")
    assert outcome.status == 10
    assert verdicts(outcome)[gate] == "failed"


def test_a_case_that_breaks_ends_the_run(tmp_path: Path) -> None:
    calm = {"name": "calm is late", "inputs": {"wind": 1}, "label": 1}
    outcome = go(write(tmp_path, cases=[*CASES, calm]), until="gates")
    assert (outcome.status, verdicts(outcome)["right"]) == (10, "failed")
    assert "calm is late" in str(outcome.reason)


FEATURES = """
name = "late"
base = "trips"
decision = "at - minutes(60)"
[available.trips]
at = "always"
wind = "at - days(1)"
carrier = "always"
dep_delay = "at + minutes(5)"
[[features]]
name = "gust"
expression = "wind"
[[features]]
name = "carrier_code"
expression = "code(carrier, 'AA', 'BB')"
vocabulary = ["AA", "BB"]
"""
LEAK = """
[[features]]
name = "delay"
expression = "dep_delay"
"""


def test_features_are_built_by_the_plan_and_what_is_known_late_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path)
    written = file.read_text()
    begin, end = written.index("[features]"), written.index("[split]")
    section = (
        '[features]\nplan = "plan.toml"\nlabel = "late"\ntime = "at"\nkeep = ["carrier_name"]\n\n'
    )
    file.write_text(written[:begin] + section + written[end:])
    rows = planted().with_columns(dep_delay=pl.col("late") * 30)
    rows.write_csv(tmp_path / "trips.csv", null_value="NA")
    (tmp_path / "plan.toml").write_text(FEATURES)
    outcome = go(file, until="split")
    facts = outcome.entries["features"].facts
    assert (outcome.status, facts["features"]) == (0, ["gust", "carrier_code"])
    built = pl.read_parquet(outcome.entries["features"].folder / "rows.parquet")
    assert built["gust"].to_list() == rows["wind"].cast(pl.Float32).to_list()
    # The plan decides the result: with another one the stage is made anew, and the leak is found.
    (tmp_path / "plan.toml").write_text(FEATURES + LEAK)
    assert mlops(["train", str(file), "--until", "features"]) == 20
    assert "delay reads trips.dep_delay" in capsys.readouterr().err
