"""What a bundle says of its model: explanation, card, golden rows, samples, materials."""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judged_rows import scored
from planted_models import NAMES, Linear, part

import mlops_engine as me
from mlops_engine.errors import InvalidArgument, NotFound, Unimplemented
from mlops_engine.evaluation import (
    EngineScorer,
    EvaluationSettings,
    GateRule,
    GoldenRows,
    RobustnessSettings,
    card_sections,
    compare,
    evaluate,
    explain,
    golden_rows,
    robustness,
    run_gates,
    sample_inputs,
    sbom,
)

DATA = part(1, 50)


def booster() -> lightgbm.Booster:
    options = {"objective": "binary", "num_threads": 1, "verbose": -1, "num_leaves": 7}
    return lightgbm.train(options, lightgbm.Dataset(DATA.x, DATA.y), 20)


def test_an_explanation_adds_up_and_knows_direction() -> None:
    found = explain(booster(), DATA.x, NAMES)
    assert found.largest_residue < 1e-9
    assert [f.name for f in found.features][:2] == ["x0", "x1"]
    assert sum(f.share for f in found.features) == pytest.approx(1)
    assert found.features[0].direction > 0.9
    assert found.measures()["top_share"].detail == "x0"
    with pytest.raises(Unimplemented):
        explain(object(), DATA.x, NAMES)
    with pytest.raises(InvalidArgument):
        explain(booster(), DATA.x, NAMES[1:])


def test_golden_rows_are_the_same_for_the_engine_after_a_round_trip(tmp_path: Path) -> None:
    rows = DATA.x.copy()
    rows[::9, 1] = np.nan
    model = Linear(np.array([1.0, -1.0, 0.1, 0.2]), 0.3)
    with me.Engine() as engine:
        engine.load("m", model.save(tmp_path / "model.onnx"), execution="onnxruntime")
        scorer = EngineScorer(engine, "m")
        golden = golden_rows(rows, scorer(rows), NAMES)
        read = GoldenRows.from_json(golden.to_json())
        assert read.check(scorer).largest == 0
        assert len(read.rows) == 64
        assert sum(None in row for row in read.rows) == 16
        assert (np.diff(sorted(read.scores)) >= 0).all()
        assert max(read.scores) == scorer(rows).max()
        [tensor] = json.loads(sample_inputs(read))["inputs"]
        data = np.array(tensor["data"], np.float32).reshape(tensor["shape"])
        assert np.isfinite(scorer(data)).all()
    other = Linear(np.array([1.0, -1.0, 0.1, 0.3]), 0.3)
    assert read.check(other).largest > 0.01


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120))
@example(b'{"features": ["a"], "rows": [[1.5]], "scores": [0.5]}')
@example(b'{"features": ["a"], "rows": [[1.5, 2]], "scores": [0.5]}')
def test_any_bytes_are_golden_rows_or_refused(data: bytes) -> None:
    try:
        found = GoldenRows.from_json(data)
    except InvalidArgument:
        return
    assert found.matrix().shape == (len(found.scores), len(found.features))


def test_a_bill_of_materials_names_all_that_was_needed_and_is_the_same_twice() -> None:
    files = {"model.onnx": b"model", "bundle.json": b"{}"}
    written = sbom("flights", "1.2.0", files, ["lightgbm", "scikit-learn"])
    assert written == sbom("flights", "1.2.0", files, ["scikit_learn", "LightGBM"])
    document = json.loads(written)
    names = {each["name"] for each in document["components"]}
    assert names >= {"lightgbm", "scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"}
    assert "pytest" not in names  # an extra of scikit-learn's, though it is installed
    refs = {each["bom-ref"] for each in document["components"]}
    for edge in document["dependencies"]:
        assert set(edge["dependsOn"]) <= refs
    model = document["metadata"]["component"]
    assert [each["name"] for each in model["components"]] == ["bundle.json", "model.onnx"]
    with pytest.raises(NotFound, match="no-such-package"):
        sbom("flights", "1.0.0", files, ["no-such-package"])


def test_a_card_shows_what_was_found_and_nothing_else() -> None:
    settings_ = EvaluationSettings(
        time="at", resamples=100, slices=["carrier"], protected=["who"], slice_rows_min=100
    )
    _, (score, other) = scored(np.random.default_rng(1), len(DATA.y), (1.0, 1.0))
    judged = evaluate(DATA.y, score, DATA.frame, settings_)
    found = card_sections(
        evaluation=judged,
        comparison=compare(DATA.y, other, score, DATA.frame, settings_),
        robustness=robustness(lambda x: x[:, 0], DATA.x, NAMES, 0.5, RobustnessSettings(rows=200)),
        explanation=explain(booster(), DATA.x, NAMES),
        gates=run_gates({"a|b": GateRule(of="evaluation.auc", min=0.9)}, {"evaluation": judged}),
    )
    assert list(found) == [
        "Quality on held-out rows",
        "Groups of who",
        "Against the champion",
        "Robustness",
        "What moves it",
        "Gates",
    ]
    assert "| a\\|b | failed | evaluation.auc is 0." in found["Gates"]
    assert f"{judged.metrics['auc'].value:.4f}" in found["Quality on held-out rows"]
    assert card_sections() == {}
