"""A variant in fewer bits is served if it holds its gates, and else the float graph is."""

from __future__ import annotations

import io
from pathlib import Path

import onnx
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from pipeline_files import write_plan

from mlops_engine import Engine
from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation import EngineScorer, GoldenRows
from mlops_engine.pipeline import Outcome, read_plan, run
from mlops_engine.train.progress import Progress

# Whether it is quicker on a loaded machine is no matter here.
SECTION = """
[quantize]
speedup_min = 0.001
rows = 64
gates = ["relative_error<=0.2"]
auc_loss_max = 0.05
"""
NETWORK = (
    "train.kind=sklearn",
    "train.estimator=sklearn.neural_network:MLPClassifier",
    "train.parameters={ hidden_layer_sizes = 16, max_iter = 40 }",
)


def go(folder: Path, *changes: str) -> Outcome:
    file = folder / "late.toml"
    if not file.exists():
        write_plan(folder, SECTION)
    return run(read_plan(file, changes), progress=Progress(io.StringIO()), until="card")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quantized")


def network(folder: Path, *changes: str) -> Outcome:
    return go(folder, *NETWORK, *changes)


def operators(bundle: Path) -> set[str]:
    return {node.op_type for node in onnx.load(bundle / "model.onnx").graph.node}


def test_a_variant_that_holds_is_what_is_served(folder: Path) -> None:
    outcome = network(folder)
    assert outcome.status == 0, outcome.reason
    assert outcome.entries["quantize"].facts["kept"], outcome.entries["quantize"].facts
    bundle = outcome.entries["card"].folder / "bundle"
    assert "QuantizeLinear" in operators(bundle)
    assert "Served in fewer bits" in (bundle / "model_card.md").read_text()
    golden = GoldenRows.from_json((bundle / "golden_rows.json").read_bytes())
    with Engine() as engine:
        engine.load("late", bundle / "model.onnx", execution="onnxruntime")
        assert engine.model("late").batchable
        assert golden.check(EngineScorer(engine, "late", output="probabilities")).largest < 1e-6


def test_one_that_does_not_is_left_out(folder: Path) -> None:
    outcome = network(folder, 'quantize.gates=["relative_error<=1e-12"]')
    assert outcome.status == 0, outcome.reason
    assert not outcome.entries["quantize"].facts["kept"]
    bundle = outcome.entries["card"].folder / "bundle"
    assert "QuantizeLinear" not in operators(bundle)
    assert "was not kept" in (bundle / "model_card.md").read_text()


def test_one_whose_rows_influence_each_other_is_left_out(folder: Path) -> None:
    """Dynamic scales are those of the batch: it would not batch, nor load with a reference."""
    outcome = network(folder, "quantize.method=dynamic")
    assert outcome.status == 0, outcome.reason
    [refusal] = outcome.entries["quantize"].facts["refusals"]
    assert "rows influence each other" in refusal


def test_trees_have_nothing_to_quantize(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"\[quantize\]"):
        go(tmp_path)
