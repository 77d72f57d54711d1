"""ONNX takes the same branches as LightGBM, and a graph that does not is not published."""

from __future__ import annotations

import lightgbm
import numpy as np
import onnx
import onnxmltools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnxmltools.convert.common.data_types import FloatTensorType

from mlops_engine.train import export


def _fit(x: np.ndarray, y: np.ndarray, rounds: int = 20) -> lightgbm.Booster:
    parameters = {
        "objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5,
        "min_data_in_bin": 1, "deterministic": True,
    }  # fmt: skip
    return lightgbm.train(parameters, lightgbm.Dataset(x, y), rounds)


def _neighbours(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Floats so close that the middle between two is a float64 and no float32.

    Rounding such a threshold to the nearest float32 lands on one of the two values.
    """
    rng = np.random.default_rng(2)
    steps = rng.integers(0, 40, (rows, 3))
    x = np.float32(1000) + steps.astype(np.float32) * np.spacing(np.float32(1000))
    y = (steps[:, 0] % 7 < 3) ^ (steps[:, 1] > 20) ^ (rng.random(rows) < 0.1)
    return np.ascontiguousarray(x), y


@given(st.floats(allow_nan=False))
def test_floor32_is_the_largest_float32_not_above(value: float) -> None:
    floor = np.float32(export.floor32(value))
    assert float(floor) <= value
    if floor < np.finfo(np.float32).max:
        assert float(np.nextafter(floor, np.float32(np.inf))) > value


def test_snapping_changes_no_prediction_on_float32_rows() -> None:
    x, y = _neighbours()
    booster = _fit(x, y)
    snapped = export.snap_thresholds(booster)
    np.testing.assert_array_equal(snapped.predict(x), booster.predict(x))


def test_rows_next_to_a_threshold_keep_their_branch() -> None:
    x, y = _neighbours()
    booster = _fit(x, y)
    naive = onnxmltools.convert_lightgbm(
        booster, initial_types=[("input", FloatTensorType([None, 3]))], zipmap=False
    )
    with pytest.raises(export.ParityError, match=r"LightGBM says .* ONNX"):
        export.check_parity(naive.SerializeToString(), booster, x)  # the trap is real
    model = export.to_onnx(booster, 3).SerializeToString()
    assert export.check_parity(model, booster, x).largest_difference < 1e-6


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 0.0, -0.0, 3.4e38, -3.4e38, 1e-45])
@pytest.mark.parametrize("trained_with_missing", [False, True])
def test_special_values_take_the_same_branch(special: float, trained_with_missing: bool) -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3000, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 - x[:, 2] > 0.7) ^ (rng.random(3000) < 0.1)
    if trained_with_missing:
        x[rng.random(x.shape) < 0.2] = np.nan
    booster = _fit(x, y)
    model = export.to_onnx(booster, 4).SerializeToString()
    for feature in range(4):
        changed = x.copy()
        changed[:, feature] = special
        export.check_parity(model, booster, changed)


def test_the_graph_is_one_operator_with_tensor_outputs() -> None:
    x, y = _neighbours(500)
    graph = export.to_onnx(_fit(x, y, 3), 3).graph
    assert [n.op_type for n in graph.node] == ["TreeEnsembleClassifier"]

    def declared(value: onnx.ValueInfoProto) -> tuple[str, int, list[object]]:
        tensor = value.type.tensor_type
        return value.name, tensor.elem_type, [d.dim_param or d.dim_value for d in tensor.shape.dim]

    assert [declared(v) for v in graph.input] == [("input", onnx.TensorProto.FLOAT, ["batch", 3])]
    assert [declared(v) for v in graph.output] == [
        ("label", onnx.TensorProto.INT64, ["batch"]),
        ("probabilities", onnx.TensorProto.FLOAT, ["batch", 2]),
    ]


def test_the_same_booster_gives_the_same_bytes() -> None:
    x, y = _neighbours(500)
    booster = _fit(x, y, 3)
    first, second = (export.to_onnx(booster, 3).SerializeToString() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("attribute", ["class_weights", "nodes_values"])
def test_a_graph_that_says_something_else_is_refused(attribute: str) -> None:
    x, y = _neighbours(500)
    booster = _fit(x, y, 3)
    model = export.to_onnx(booster, 3)
    [found] = [a for a in model.graph.node[0].attribute if a.name == attribute]
    found.floats[0] += 0.01
    with pytest.raises(export.ParityError, match="rows differ"):
        export.check_parity(model.SerializeToString(), booster, x)


def test_nan_probabilities_do_not_pass_as_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _neighbours(500)
    booster = _fit(x, y, 3)

    def broken(model: bytes, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(rows), np.int64), np.full((len(rows), 2), np.nan, np.float32)

    monkeypatch.setattr(export, "run_onnx", broken)
    with pytest.raises(export.ParityError):
        export.check_parity(b"", booster, x)
