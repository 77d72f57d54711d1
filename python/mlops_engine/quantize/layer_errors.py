"""The error report: what each layer loses against the float model, and what it adds itself."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import onnx

from .graph import Layer
from .rows import Rows
from .run import tensor_batches
from .signal_noise import SignalNoise

# The library's name for what a quantized tensor reads as.
DEQUANTIZED = "_DequantizeLinear_Output"


@dataclass(frozen=True)
class LayerError:
    """One line of the report.

    Attributes
    ----------
    input_db, output_db
        Signal over noise of what goes in and of what comes out, with all errors up to there.
    added
        Relative noise power out minus in: what the layer is to blame for.
    """

    layer: Layer
    in_float: bool
    input_db: float
    output_db: float
    added: float

    def as_dict(self) -> dict[str, Any]:
        """As in the report; JSON has no infinity, so a lossless tensor has null."""
        return {
            "name": self.layer.name,
            "operator": self.layer.operator,
            "weights": self.layer.weights,
            "precision": "float" if self.in_float else "quantized",
            "input_sqnr_db": _finite(self.input_db),
            "output_sqnr_db": _finite(self.output_db),
            "added_noise": _finite(self.added),
        }


def _finite(value: float) -> float | None:
    return round(value, 9) if math.isfinite(value) else None


def measure(
    models: tuple[onnx.ModelProto, onnx.ModelProto],
    layers: list[Layer],
    rows: Rows,
    fixed_rows: int | None,
    in_float: Collection[str],
) -> list[LayerError]:
    """Execute the float model and the variant over the rows; compare every layer's tensors."""
    exact, variant = models
    here = _tensors(variant)
    ends = {e.name: e.output if e.output in here else e.activated for e in layers}
    wanted = list(dict.fromkeys(t for layer in layers for t in (layer.source, ends[layer.name])))
    pairs = [
        (name, f"{name}{DEQUANTIZED}" if f"{name}{DEQUANTIZED}" in here else name)
        for name in wanted
        if name in here
    ]
    sums = {name: SignalNoise() for name, _ in pairs}
    left = tensor_batches(exact, [a for a, _ in pairs], rows, fixed_rows, "the float model")
    right = tensor_batches(variant, [b for _, b in pairs], rows, fixed_rows, "the variant")
    for exact_batch, variant_batch in zip(left, right, strict=True):
        for (name, _), a, b in zip(pairs, exact_batch, variant_batch, strict=True):
            sums[name].add(a, b)
    found = []
    for layer in layers:
        before, after = sums.get(layer.source), sums.get(ends[layer.name])
        if after is None:
            continue
        noise_in = before.relative_noise if before else 0.0
        added = max(0.0, after.relative_noise - noise_in) if math.isfinite(noise_in) else 0.0
        found.append(
            LayerError(
                layer, layer.name in in_float, before.db if before else math.inf, after.db, added
            )
        )
    return found


def _tensors(model: onnx.ModelProto) -> set[str]:
    found = {value.name for value in model.graph.input}
    for node in model.graph.node:
        found.update(node.output)
    return found


def worst_first(errors: list[LayerError]) -> list[str]:
    """Names of quantized layers, the greatest noise of their own first."""
    ranked = sorted((e for e in errors if not e.in_float), key=lambda e: -e.added)
    return [error.layer.name for error in ranked]
