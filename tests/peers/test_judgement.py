"""Judgements beside the libraries that people know: DeLong, groups, SHAP values, CycloneDX."""

from __future__ import annotations

import sys
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
import pytest

from mlops_engine.evaluation import EvaluationSettings, delong, evaluate, explain, sbom

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER)]
from environment import ask, python_with  # noqa: E402


def test_delong_is_mlstatkits(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    y = (random.random((8, 300)) < 0.3).astype(int)
    a = np.round(y + random.normal(size=y.shape), 1)  # with ties
    b = y * 1.2 + random.normal(size=y.shape)
    np.savez(tmp_path / "rows.npz", y=y, a=a, b=b)
    python = python_with("MLstatkit==0.1.91")
    theirs = ask(python, FOLDER / "judgement/peer_delong.py", str(tmp_path / "rows.npz"))
    for case, (z, p) in enumerate(theirs):
        ours = delong(y[case], a[case], b[case])
        assert abs(ours.z) == pytest.approx(abs(z), rel=1e-9)
        assert ours.p == pytest.approx(p, rel=1e-6)


def test_groups_are_fairlearns(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    group = random.integers(0, 4, 8000)
    y = (random.random(8000) < 0.4).astype(float)
    score = np.clip(0.5 + 0.2 * (y - 0.5) + 0.2 * random.normal(size=8000) - 0.05 * group, 0, 1)
    frame = pl.DataFrame({"group": group})
    settings = EvaluationSettings(protected=["group"], resamples=100)
    ours = evaluate(y, score, frame, settings).fairness["group"]
    np.savez(tmp_path / "rows.npz", y=y, decided=(score >= 0.5).astype(float), group=group)
    python = python_with("fairlearn==0.15.0")
    theirs = ask(python, FOLDER / "judgement/peer_fairlearn.py", str(tmp_path / "rows.npz"))
    for name, rates in theirs["groups"].items():
        for rate, value in rates.items():
            assert getattr(ours.groups[name], rate) == pytest.approx(value, rel=1e-12)
    for gap in ("selection_rate", "equalized_odds", "accuracy"):
        assert ours.gaps[gap].value == pytest.approx(theirs[gap], rel=1e-12)


def test_explanations_are_shaps(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(2000, 5)).astype(np.float32)
    x[random.random(x.shape) < 0.1] = np.nan
    y = (np.nan_to_num(x[:, 0] - x[:, 1] * x[:, 2]) > 0).astype(float)
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, y), 30
    )
    booster.save_model(tmp_path / "model.txt")
    np.save(tmp_path / "rows.npy", x)
    names = [f"f{i}" for i in range(5)]
    ours = explain(booster, x, names)
    python = python_with("shap==0.51.0", "lightgbm==4.7.0")
    arguments = [str(tmp_path / "model.txt"), str(tmp_path / "rows.npy")]
    theirs = ask(python, FOLDER / "judgement/peer_shap.py", *arguments)
    by_name = {f.name: f.mean_absolute for f in ours.features}
    assert [by_name[n] for n in names] == pytest.approx(theirs["mean_absolute"], rel=1e-6)
    assert ours.base == pytest.approx(theirs["base"], rel=1e-6, abs=1e-9)


def test_the_bill_of_materials_is_cyclonedx() -> None:
    written = sbom("flights", "1.2.0", {"model.onnx": b"model"}, ["lightgbm", "onnx", "polars"])
    python = python_with("cyclonedx-python-lib[json-validation]==11.12.0")
    script = FOLDER / "judgement/peer_cyclonedx.py"
    assert ask(python, script, stdin=written.decode()) is None
    # A validator that accepts anything would prove nothing.
    assert ask(python, script, stdin=written.decode().replace('"library"', '"book"')) is not None
