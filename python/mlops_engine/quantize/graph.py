"""The float model: read, checked, made ready; its inputs and the layers that can be quantized."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import quant_pre_process

from .errors import QuantizeError, near
from .quiet import quiet
from .rows import InputSpec

# Operators with weights, on which nearly all of the time goes.
LAYER_OPERATORS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Each method has its own idea of what it can quantize.
METHOD_OPERATORS = {
    "dynamic": ("Conv", "Gemm", "MatMul"),
    "static": LAYER_OPERATORS,
    "weight8": ("Gemm", "MatMul"),
    "weight4": ("Gemm", "MatMul"),
    "fp16": LAYER_OPERATORS,
    "bf16": LAYER_OPERATORS,
}
# Below 13 DequantizeLinear has one scale for a whole tensor.
OPSET_MIN = 13
PROTOBUF_BYTES_MAX = 2**31 - 1


@dataclass(frozen=True)
class Layer:
    """A node with constant weights.

    Attributes
    ----------
    name
        The node's name, unique in the graph.
    operator
        Its type.
    source, output
        Tensors that go in (the activation) and come out.
    weights
        Number of weights.
    activated
        What a Relu or Clip that alone reads `output` makes of it; `output` where there is none.
        Asymmetric ranges do the clipping, so that a variant may have this tensor only.
    """

    name: str
    operator: str
    source: str
    output: str
    weights: int
    activated: str


def read(path: Path) -> onnx.ModelProto:
    """Read and check a model file."""
    if not path.is_file():
        raise QuantizeError(f"there is no file {path}")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except QuantizeError:
        raise
    except Exception as error:
        # protobuf, checker and external data each raise their own; all mean the same here
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise QuantizeError(f"{path} is not a usable ONNX model: {first_line}") from error
    if model.ByteSize() > PROTOBUF_BYTES_MAX:
        raise QuantizeError(f"{path} is larger than 2 GiB, which cannot be quantized here")
    return model


def prepare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants, fuse what is always fused, infer shapes, name every node, raise the opset."""
    if _opset(model) < OPSET_MIN:
        try:
            model = onnx.version_converter.convert_version(model, OPSET_MIN)
        except Exception as error:
            raise QuantizeError(
                f"the model has opset {_opset(model)} and cannot be raised to {OPSET_MIN}: {error}"
            ) from error
    with tempfile.TemporaryDirectory(prefix="mlops-quantize-") as folder:
        source, path = Path(folder) / "source.onnx", Path(folder) / "prepared.onnx"
        try:
            with quiet():
                # By file: of a model object the library moves every initialiser into another file,
                # where shape inference no longer finds the shapes that are constants.
                onnx.save(model, source)
                quant_pre_process(source, path, skip_symbolic_shape=True)
        except Exception as error:
            raise QuantizeError(f"ONNX Runtime cannot load the model: {error}") from error
        prepared = onnx.load(path)
    taken = {node.name for node in prepared.graph.node}
    for index, node in enumerate(prepared.graph.node):
        if not node.name:
            name = f"{node.op_type}_{index}"
            while name in taken:
                name += "_"
            node.name = name
            taken.add(name)
    return prepared


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}]
    return versions[0] if versions else OPSET_MIN


def inputs(model: onnx.ModelProto) -> list[InputSpec]:
    """Describe the inputs that rows must be given for."""
    initialised = {tensor.name for tensor in model.graph.initializer}
    found = []
    for value in model.graph.input:
        if value.name in initialised:
            continue
        kind = value.type.tensor_type
        if not value.type.HasField("tensor_type") or kind.elem_type == onnx.TensorProto.STRING:
            raise QuantizeError(f"input {value.name!r} is no tensor of numbers")
        shape = tuple(
            d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None
            for d in kind.shape.dim
        )
        if not shape:
            raise QuantizeError(f"input {value.name!r} has no dimension for rows")
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        found.append(InputSpec(value.name, dtype, shape))
    if not found:
        raise QuantizeError("the model has no inputs")
    if len({spec.shape[0] for spec in found} - {None}) > 1:
        raise QuantizeError("the inputs of the model have different fixed numbers of rows")
    return found


def fixed_rows(specs: list[InputSpec]) -> int | None:
    """Return the batch size that the model insists on, if it does."""
    return next((spec.shape[0] for spec in specs if spec.shape[0] is not None), None)


def layers(model: onnx.ModelProto, method: str) -> list[Layer]:
    """List what the method can quantize, in the order of execution."""
    weights = {
        tensor.name: int(np.prod(tensor.dims))
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def activated(output: str) -> str:
        reading = readers.get(output, [])
        if len(reading) == 1 and reading[0].op_type in {"Relu", "Clip"}:
            return str(reading[0].output[0])
        return output

    found = [
        Layer(
            node.name,
            node.op_type,
            node.input[0],
            node.output[0],
            weights[node.input[1]],
            activated(node.output[0]),
        )
        for node in model.graph.node
        if node.op_type in METHOD_OPERATORS[method]
        and not node.domain
        and len(node.input) > 1
        and node.input[1] in weights
    ]
    if not found:
        operators = sorted({node.op_type for node in model.graph.node})
        raise QuantizeError(
            f"the model has nothing to quantize with {method}: no "
            f"{', '.join(METHOD_OPERATORS[method])} with constant FP32 weights "
            f"among its operators ({', '.join(operators[:8])})"
        )
    return found


def check_names(names: tuple[str, ...], known: list[Layer]) -> None:
    """Refuse names that no layer has."""
    for name in names:
        if name not in {layer.name for layer in known}:
            raise QuantizeError(
                f"there is no layer {name!r}{near(name, (layer.name for layer in known))}"
            )
