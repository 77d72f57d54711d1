"""Vocabulary the zoo's graphs are written in: short names over `onnx.helper`, one opset for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Old enough for every ONNX Runtime that the engine accepts (1.20 reads opset 21 and IR 10).
OPSET = 17
OPSET_ML = 3
IR_VERSION = 8

Arrays = dict[str, np.ndarray]
Dims = Sequence[int | str | None] | None

FLOAT, DOUBLE, HALF, BF16 = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
)
INT64, BOOL, STRING = TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING


@dataclass(frozen=True)
class Spec:
    """A graph and the facts about it that a serving engine has to get right.

    `row_independent` is the truth, not what the signature suggests: rows of different requests may
    share one execution, along `batch_axis`, if and only if it is true.
    """

    name: str
    model: onnx.ModelProto
    inputs: Callable[[np.random.Generator, int], Arrays]
    row_independent: bool = True
    batch_axis: int | None = 0
    rows: tuple[int, ...] = (1, 2, 5)
    tolerance: float = 0.0
    optional_inputs: tuple[str, ...] = ()
    external_data: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def value(name: str, elem_type: int, dims: Dims) -> onnx.ValueInfoProto:
    """Declare a graph input or output. `None` as dims leaves the rank open, in dims one axis."""
    return helper.make_tensor_value_info(name, elem_type, dims)


def node(
    op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
) -> onnx.NodeProto:
    domain = attributes.pop("domain", "")
    return helper.make_node(op, list(inputs), list(outputs), domain=domain, **attributes)


def tensor(name: str, array: Any, dtype: Any = None) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype=dtype), name)


def model(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto] = (),
    opset: int = OPSET,
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(weights))
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    return helper.make_model(
        graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="mlops-engine-zoo"
    )


def normal(**shapes: tuple[int | None, ...]) -> Callable[[np.random.Generator, int], Arrays]:
    """Make an inputs generator: float32 normal arrays, `None` standing for the number of rows."""

    def make(rng: np.random.Generator, rows: int) -> Arrays:
        return {
            name: rng.standard_normal([rows if d is None else d for d in dims]).astype(np.float32)
            for name, dims in shapes.items()
        }

    return make


def save(spec: Spec, path: Path) -> None:
    """Write the graph; byte-identical on every run with the same `onnx` and NumPy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if spec.external_data:
        (path.parent / "weights.bin").unlink(missing_ok=True)
        onnx.save(
            spec.model,
            path,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location="weights.bin",
            size_threshold=0,
        )
        return
    path.write_bytes(spec.model.SerializeToString(deterministic=True))
