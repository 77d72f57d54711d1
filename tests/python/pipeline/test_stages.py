"""The real stages over a small data set, from a file to ONNX."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")
pytest.importorskip("optuna", reason="needs the train extra")

import optuna
from pipeline_files import ROWS, write_plan

from mlops_engine.cli.main import main as mlops
from mlops_engine.evaluation import GoldenRows
from mlops_engine.evaluation.columns import Floats
from mlops_engine.evaluation.scorer import Rows
from mlops_engine.pipeline import Outcome, read_plan, run
from mlops_engine.train.progress import Progress

SEARCH = """
[hpo]
trials = 4
space.learning_rate = { low = 0.05, high = 0.3, log = true }
space.num_leaves = { low = 3, high = 15 }
"""


def go(file: Path, *changes: str, **options: Any) -> Outcome:
    return run(read_plan(file, changes), progress=Progress(io.StringIO()), **options)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    file = write_plan(tmp_path_factory.mktemp("searched"), SEARCH)
    return file, go(file, until="export")


def test_from_a_file_to_onnx(searched: tuple[Path, Outcome]) -> None:
    _, outcome = searched
    assert outcome.status == 0
    facts = {name: entry.facts for name, entry in outcome.entries.items()}
    assert facts["ingest"]["tables"]["trips"]["rows"] == ROWS
    assert facts["features"]["rows"] + facts["features"]["without_label"] == ROWS
    assert facts["features"]["without_label"] == ROWS // 50
    assert facts["split"]["rows"]["test"] > 300
    assert facts["evaluate"]["metrics"]["auc"][0] > 0.6
    assert facts["export"]["parity"]["largest_difference"] <= 1e-6
    folder = outcome.entries["export"].folder
    golden = GoldenRows.from_json((folder / "golden_rows.json").read_bytes())
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))

    def scorer(rows: Rows) -> Floats:
        return np.asarray(session.run(["probabilities"], {"input": rows})[0][:, 1], np.float64)

    assert golden.check(scorer).largest <= 1e-6
    gates = json.loads((outcome.folder / "gates.json").read_text())
    assert gates["passed"] is True


def test_all_of_it_is_found_again(searched: tuple[Path, Outcome]) -> None:
    file, outcome = searched
    again = go(file, until="export")
    assert list(again.made) == []
    assert {n: e.output for n, e in again.entries.items()} == {
        n: e.output for n, e in outcome.entries.items()
    }


def test_two_folders_give_the_same_digests(searched: tuple[Path, Outcome], tmp_path: Path) -> None:
    other = go(write_plan(tmp_path, SEARCH), until="export")
    assert {n: e.output for n, e in other.entries.items()} == {
        n: e.output for n, e in searched[1].entries.items()
    }


def test_other_data_is_another_data_set(searched: tuple[Path, Outcome], tmp_path: Path) -> None:
    other = go(write_plan(tmp_path, seed=1), until="ingest")
    first, second = (o.entries["ingest"].facts["dataset"] for o in (searched[1], other))
    assert first != second


def test_a_search_that_was_killed_finds_what_it_would_have(
    searched: tuple[Path, Outcome], tmp_path: Path
) -> None:
    file = write_plan(tmp_path, SEARCH)
    (tmp_path / "dies.py").write_text(
        "import os, signal\n"
        "from mlops_engine.pipeline.stages import hpo\n"
        "def third(context):\n"
        "    fit, count = hpo.fit, [0]\n"
        "    def dying(*arguments, **options):\n"
        "        count[0] += 1\n"
        "        if count[0] == 3:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return fit(*arguments, **options)\n"
        "    hpo.fit = dying\n"
        "    return context.default()\n"
    )
    command = [sys.executable, "-m", "mlops_engine.cli.main", "train", str(file)]
    hook = ["--set", "hooks.hpo=dies:third"]
    killed = subprocess.run([*command, *hook], capture_output=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    [work] = (tmp_path / "runs/work").iterdir()
    # The hook is part of what decides a result, so the plain stage is given its work by hand.
    plain = go(file, until="split")
    assert list(plain.made) == []
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{work}/search.sqlite")
    assert [t.state.is_finished() for t in study.trials] == [True, True, False]
    (tmp_path / "dies.py").write_text(
        "import shutil\n"
        "def resumed(context):\n"
        f"    shutil.copytree({str(work)!r}, context.scratch, dirs_exist_ok=True)\n"
        "    return context.default()\n"
    )
    outcome = go(file, "hooks.hpo=dies:resumed", until="hpo")
    expected = searched[1].entries["hpo"]
    assert dict(outcome.entries["hpo"].facts) == dict(expected.facts)
    assert (outcome.entries["hpo"].folder / "trials.json").read_text() == (
        expected.folder / "trials.json"
    ).read_text()


def test_sklearn_is_trained_and_exported(tmp_path: Path) -> None:
    settings = {
        "train.kind": "sklearn",
        "train.estimator": "sklearn.linear_model:LogisticRegression",
        "train.parameters": "{ C = 0.5 }",
        "evaluation.metric": "auc",
    }
    file = write_plan(tmp_path)
    outcome = go(file, *(f"{k}={v}" for k, v in settings.items()), until="export")
    assert outcome.status == 0, outcome.reason
    assert outcome.entries["export"].facts["parity"]["largest_difference"] <= 1e-6


def test_statuses_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    file = str(write_plan(tmp_path))
    assert mlops(["train", file, "--set", "gates.ranks.min=0.99", "--until", "gates"]) == 10
    assert "ranks: evaluation.auc is" in capsys.readouterr().err
    assert mlops(["train", file, "--set", "ingest.tables.trips.path='gone.csv'"]) == 20
    assert mlops(["train", file, "--set", "features.label='distance'"]) == 20
    assert mlops(["train", file, "--set", "train.treez=1"]) == 1
    assert "did you mean 'trees'" in capsys.readouterr().err
    assert mlops(["train", file, "--explain-plan"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:3] == ["ingest", "is", "there"]
    assert os.environ.get("OMP_WAIT_POLICY") == "PASSIVE"
