"""Guards of a model that is loaded from a file: what `config.pbtxt` would say, said to `load`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlops_engine as me

pytestmark = pytest.mark.native

ROWS = np.random.default_rng(0).uniform(0, 10, size=(2_000, 4)).astype(np.float32)
FEW = ROWS[:3]
NAMES = ["distance", "delay", "humidity", "pressure"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that negates four features, and the reference of what it was trained with."""
    import onnx
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "model.onnx")
    tensors = dict.fromkeys(NAMES, "x")
    profile = me.drift.Profile.from_array(ROWS, NAMES, tensors=tensors)
    (tmp_path / "reference.profile").write_bytes(profile.to_bytes())
    return tmp_path / "model.onnx"


def changed(column: int, value: float) -> np.ndarray:
    rows = FEW.copy()
    rows[1, column] = value
    return rows


def test_parameters_refuse_and_impute(model: Path) -> None:
    with me.Engine() as engine:
        engine.load("flights", model)
        assert np.isnan(engine.infer("flights", {"x": changed(1, np.nan)})["y"][1, 1])
        parameters = {
            "guard_missing": "impute",
            "guard_values": "delay=7.5",
            "guard_range": "reject",
            "guard_ranges": "distance=0:5000",
        }
        loaded = engine.load("flights", model, parameters=parameters)
        assert loaded.batchable  # what is not said is still inferred
        answer = engine.infer("flights", {"x": changed(1, np.nan)})["y"]
        np.testing.assert_array_equal(answer, -changed(1, 7.5))
        engine.infer("flights", {"x": changed(0, 4_000)})
        with pytest.raises(me.InvalidArgument, match=r"distance.*declared range"):
            engine.infer("flights", {"x": changed(0, 6_000)})
        with pytest.raises(me.InvalidArgument, match=r"pressure.*reference's range"):
            engine.infer("flights", {"x": changed(3, 4_000)})


def test_parameters_route_to_another_version(model: Path) -> None:
    with me.Engine() as engine:
        engine.load("flights", model, 1, parameters={"drift": "off"})
        engine.load("flights", model, 2, parameters={"guard_missing": "route", "guard_route": "1"})
        engine.infer("flights", {"x": changed(2, np.nan)}, version=2)
        assert (
            'mlops_guard_routed_requests_total{model="flights",version="2"} 1' in engine.metrics()
        )


@pytest.mark.parametrize(
    "parameters",
    [
        {"guard_missing": "sometimes"},
        {"guard_mising": "reject"},
        {"guard_missing": "route"},
        {"guard_range": "reject", "guard_ranges": "altitude=0:1"},
    ],
)
def test_parameters_that_mean_nothing_keep_a_version_from_loading(
    model: Path, parameters: dict[str, str]
) -> None:
    with me.Engine() as engine:
        with pytest.raises(me.InvalidArgument, match="guard_"):
            engine.load("flights", model, parameters=parameters)
        with pytest.raises(me.NotFound):
            engine.infer("flights", {"x": FEW})
