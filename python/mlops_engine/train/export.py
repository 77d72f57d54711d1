"""From a LightGBM booster to an ONNX graph that takes the same branches, and the proof of it.

LightGBM compares float64 thresholds, the ONNX tree operator float32 ones. Rounding a threshold to
the nearest float32 can move it past a value that occurs in the data, and that row then takes the
other branch. `snap_thresholds` rounds every threshold *down* first: for a float32 value x,
`x <= t` and `x <= floor32(t)` are the same statement, so no row changes its path and what is left
is the rounding of the sum over leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType

from .source import TrainError

INPUT, LABEL, PROBABILITIES = "input", "label", "probabilities"
# Read by every ONNX Runtime since 1.10.
OPSET, OPSET_ML, IR_VERSION = 15, 3, 8
# Largest absolute difference of a probability. Float32 sums over a few hundred leaves differ from
# float64 ones by some 1e-7; one wrong branch differs by 1e-3.
PARITY_TOLERANCE = 1e-6
_THRESHOLDS = re.compile(r"^threshold=(.*)$", re.MULTILINE)


class ParityError(TrainError):
    """The exported graph does not say what LightGBM says."""


@dataclass(frozen=True)
class Parity:
    """Agreement of ONNX Runtime with LightGBM on real rows."""

    rows: int
    largest_difference: float
    tolerance: float


def floor32(value: float) -> float:
    """Return the largest float32 that is not above `value`."""
    with np.errstate(over="ignore"):
        nearest = np.float32(value)
    if float(nearest) > value:
        nearest = np.nextafter(nearest, np.float32(-np.inf))
    return float(nearest)


def snap_thresholds(booster: lightgbm.Booster) -> lightgbm.Booster:
    """Copy a booster with every split threshold rounded down to a float32."""

    def snap(match: re.Match[str]) -> str:
        return "threshold=" + " ".join(repr(floor32(float(t))) for t in match[1].split())

    # tree_sizes are byte counts of the text that is being changed; without them LightGBM parses.
    text = _THRESHOLDS.sub(snap, booster.model_to_string())
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    return lightgbm.Booster(model_str=text)


def to_onnx(booster: lightgbm.Booster, features: int) -> onnx.ModelProto:
    """Convert to a graph of one tree operator.

    Takes `input`, float32 `[batch, features]`; gives `label`, int64 `[batch]`, and
    `probabilities`, float32 `[batch, 2]` (no ZipMap, so that both are tensors).
    """
    converted = onnxmltools.convert_lightgbm(
        snap_thresholds(booster),
        initial_types=[(INPUT, FloatTensorType([None, features]))],
        zipmap=False,
        target_opset=OPSET,
    )
    # The converter adds Identity, Cast to the same type, and Mul by one behind the trees.
    [trees] = [n for n in converted.graph.node if n.op_type == "TreeEnsembleClassifier"]
    trees.output[:] = [LABEL, PROBABILITIES]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [trees],
        "flights",
        [value(INPUT, TensorProto.FLOAT, ["batch", features])],
        [
            value(LABEL, TensorProto.INT64, ["batch"]),
            value(PROBABILITIES, TensorProto.FLOAT, ["batch", 2]),
        ],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="mlops-engine"
    )
    onnx.checker.check_model(model)
    return model


def sklearn_to_onnx(classifier: Any, features: int) -> onnx.ModelProto:
    """Convert a fitted classifier of two classes; inputs and outputs are those of `to_onnx`."""
    import skl2onnx
    from skl2onnx.common import data_types

    model: onnx.ModelProto = skl2onnx.convert_sklearn(
        classifier,
        "model",
        [(INPUT, data_types.FloatTensorType([None, features]))],
        target_opset={"": OPSET, "ai.onnx.ml": OPSET_ML},
        options={id(classifier): {"zipmap": False}},
    )
    for output, name in zip(model.graph.output, (LABEL, PROBABILITIES), strict=True):
        for node in model.graph.node:
            node.output[:] = [name if each == output.name else each for each in node.output]
            node.input[:] = [name if each == output.name else each for each in node.input]
        output.name = name
    for value in (*model.graph.input, *model.graph.output):
        # One name for the free axis, so that a server knows it to be the batch.
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    _say_types(model.graph, features)
    model.ir_version = IR_VERSION
    model.producer_name = "mlops-engine"
    onnx.checker.check_model(model)
    return model


def _say_types(graph: onnx.GraphProto, features: int) -> None:
    """Add what quantizing a network asks for; no result is another one.

    Shape inference stops at ai.onnx.ml, and what stands behind a scaler would have no type. A bias
    of shape [1, n] is taken for one scale too many; one of shape [n] adds the same.
    """
    for node in graph.node:
        if node.op_type in {"Imputer", "Scaler"}:
            shape: list[str | int | None] = ["batch", features]
            known = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, shape)
            graph.value_info.append(known)
    users: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, set()).add(node.op_type)
    for constant in graph.initializer:
        row = len(constant.dims) == 2 and constant.dims[0] == 1
        if row and users.get(constant.name) == {"Add"}:
            values = numpy_helper.to_array(constant)[0]
            constant.CopyFrom(numpy_helper.from_array(values.copy(), constant.name))


def run_onnx(model: bytes, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run with Python onnxruntime: labels int64 `[rows]`, probabilities float32 `[rows, 2]`."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    label, probabilities = session.run([LABEL, PROBABILITIES], {INPUT: x})
    return np.asarray(label), np.asarray(probabilities)


def with_each_missing(x: np.ndarray) -> np.ndarray:
    """Every 200th row, once per feature, with that feature missing.

    A feature that was never missing in training may be missing in a request, and the two libraries
    then take the branch for different reasons.
    """
    blocks = np.repeat(x[None, ::200], x.shape[1], axis=0)
    for feature, block in enumerate(blocks):
        block[:, feature] = np.nan
    return blocks.reshape(-1, x.shape[1])


def check_parity(model: bytes, booster: lightgbm.Booster, x: np.ndarray) -> Parity:
    """Compare the graph with the booster it came from on real rows, and with values missing.

    Raises
    ------
    ParityError
        If a probability differs by more than `PARITY_TOLERANCE`, the two columns do not add up to
        one, or a label is not the more probable class.
    """
    x = np.concatenate([x, with_each_missing(x)])
    expected = np.asarray(booster.predict(x), dtype=np.float64)
    label, probabilities = run_onnx(model, x)
    difference = np.abs(probabilities[:, 1] - expected)
    worst = int(difference.argmax())
    if not difference[worst] <= PARITY_TOLERANCE:
        raise ParityError(
            f"row {worst}: LightGBM says {expected[worst]:.9f}, ONNX {probabilities[worst, 1]:.9f};"
            f" {int((difference > PARITY_TOLERANCE).sum())} of {len(x)} rows differ by more than"
            f" {PARITY_TOLERANCE}"
        )
    if np.abs(probabilities.sum(axis=1) - 1).max() > PARITY_TOLERANCE:
        raise ParityError("the two probabilities of a row do not add up to one")
    undecided = np.abs(expected - 0.5) <= PARITY_TOLERANCE
    if not np.array_equal(label[~undecided], (expected > 0.5)[~undecided].astype(np.int64)):
        raise ParityError("a label is not the more probable class")
    return Parity(len(x), float(difference[worst]), PARITY_TOLERANCE)
