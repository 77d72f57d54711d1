"""A function for each way to make numbers smaller, over onnxruntime.quantization."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from . import calibration
from .errors import MissingExtraError, QuantizeError
from .graph import LAYER_OPERATORS, Layer
from .half import to_bfloat16, to_float16
from .isa import Isa
from .options import QuantizeOptions
from .quiet import quiet
from .rows import Rows

# Between two layers these pass 8-bit numbers on; as floats they would cost two conversions each.
PASSING_OPERATORS = (
    "Relu",
    "Clip",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Add",
    "Concat",
    "Reshape",
    "Flatten",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Pad",
    "Resize",
)


@dataclass(frozen=True)
class Recipe:
    """All that a variant is made of, but for the layers that stay in float.

    Attributes
    ----------
    prepared
        The float model of `graph.prepare`.
    layers
        What can be quantized.
    ranges
        File in which static ranges are kept from the first calibration on.
    """

    prepared: onnx.ModelProto
    layers: list[Layer]
    options: QuantizeOptions
    isa: Isa
    calibration: Rows
    fixed_rows: int | None
    ranges: Path

    def make(self, in_float: Collection[str]) -> onnx.ModelProto:
        """Quantize all layers except those named."""
        quantized = [layer.name for layer in self.layers if layer.name not in in_float]
        if not quantized:
            return copy.deepcopy(self.prepared)
        try:
            with quiet():
                return _MAKERS[self.options.method](self, list(in_float))
        except (QuantizeError, MemoryError):
            raise
        except Exception as error:
            # The library asserts and raises whatever it likes on graphs that it does not expect.
            raise QuantizeError(
                f"onnxruntime.quantization cannot make the {self.options.method} variant: "
                f"{type(error).__name__}: {error}"
            ) from error


def static_types(options: QuantizeOptions, isa: Isa) -> tuple[str, bool]:
    """Return the type of activations, and whether weights keep to 7 bits."""
    activation = isa.activation if options.activation == "auto" else options.activation
    return activation, isa.reduce_range and activation == "uint8"


def _static(recipe: Recipe, in_float: list[str]) -> onnx.ModelProto:
    options = recipe.options
    activation, reduce_range = static_types(options, recipe.isa)
    extra: dict[str, Any] = {
        "ActivationSymmetric": False,
        "WeightSymmetric": True,
        "MatMulConstBOnly": True,
    }
    operators = _static_operators(recipe)
    if not recipe.ranges.is_file():
        found = calibration.find_ranges(
            recipe.prepared, operators, options, recipe.calibration, recipe.fixed_rows
        )
        calibration.save_ranges(found, recipe.ranges)
    return _to_file(
        recipe.prepared,
        lambda source, path: quantize_static(
            source,
            path,
            None,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=operators,
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8 if activation == "uint8" else QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=in_float,
            calibrate_method=calibration.METHODS[options.calibration],
            extra_options=extra,
            calibration_cache_path=recipe.ranges,
        ),
    )


def _static_operators(recipe: Recipe) -> list[str]:
    convolves = any(layer.operator.startswith("Conv") for layer in recipe.layers)
    return [*LAYER_OPERATORS, *(PASSING_OPERATORS if convolves else PASSING_OPERATORS[:2])]


def _dynamic(recipe: Recipe, in_float: list[str]) -> onnx.ModelProto:
    return _to_file(
        recipe.prepared,
        lambda source, path: quantize_dynamic(
            source,
            path,
            op_types_to_quantize=["MatMul", "Conv"],
            per_channel=True,
            reduce_range=recipe.isa.reduce_range,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=in_float + [f"{name}_MatMul" for name in in_float],
            extra_options={"MatMulConstBOnly": True},
        ),
    )


def _weight_only(recipe: Recipe, in_float: list[str]) -> onnx.ModelProto:
    try:
        from onnxruntime.quantization.matmul_nbits_quantizer import (
            DefaultWeightOnlyQuantConfig,
            MatMulNBitsQuantizer,
        )
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx-ir") from error
    from onnxruntime.quantization.onnx_model import ONNXModel

    wrapped = ONNXModel(copy.deepcopy(recipe.prepared))
    wrapped.replace_gemm_with_matmul()
    quantizer = MatMulNBitsQuantizer(
        wrapped.model,
        nodes_to_exclude=in_float + [f"{name}_MatMul" for name in in_float],
        algo_config=DefaultWeightOnlyQuantConfig(
            block_size=recipe.options.block_size,
            is_symmetric=True,
            # 4: products of 8-bit numbers, activations rounded to 8 bits on the way
            accuracy_level=4,
            bits=int(recipe.options.method.removeprefix("weight")),
        ),
    )
    quantizer.process()
    model: onnx.ModelProto = quantizer.model.model
    return model


def _float16(recipe: Recipe, in_float: list[str]) -> onnx.ModelProto:
    return to_float16(recipe.prepared, in_float)


def _bfloat16(recipe: Recipe, in_float: list[str]) -> onnx.ModelProto:
    names = {layer.name for layer in recipe.layers} - set(in_float)
    return to_bfloat16(recipe.prepared, names)


_MAKERS: dict[str, Callable[[Recipe, list[str]], onnx.ModelProto]] = {
    "static": _static,
    "dynamic": _dynamic,
    "weight8": _weight_only,
    "weight4": _weight_only,
    "fp16": _float16,
    "bf16": _bfloat16,
}


def _to_file(model: onnx.ModelProto, write: Callable[[Path, Path], None]) -> onnx.ModelProto:
    """Run what is only safe from file to file: a model object would lose its weights to it."""
    with tempfile.TemporaryDirectory(prefix="mlops-quantize-") as folder:
        source, path = Path(folder) / "float.onnx", Path(folder) / "variant.onnx"
        onnx.save(model, source)
        write(source, path)
        return onnx.load(path)
