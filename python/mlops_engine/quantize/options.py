"""What an operator may choose. Standard library only: the command line reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import QuantizeError, near

METHODS = ("dynamic", "static", "weight8", "weight4", "fp16", "bf16")
CALIBRATIONS = ("minmax", "entropy", "percentile")
ACTIVATIONS = ("auto", "uint8", "int8")
# Metrics of a gate, and on which side of the threshold the good values are.
METRICS = {
    "relative_error": "<=",
    "max_abs_error": "<=",
    "agreement": ">=",
    "accuracy": ">=",
    "accuracy_drop": "<=",
}
NEEDS_LABELS = ("accuracy", "accuracy_drop")
_GATE = re.compile(r"\s*([a-z_]+)\s*(<=|>=)\s*([-+0-9.eE]+)\s*")


def _known(what: str, value: str, known: Iterable[str]) -> None:
    if value not in tuple(known):
        raise QuantizeError(f"there is no {what} {value!r}{near(value, known)}")


@dataclass(frozen=True)
class Gate:
    """A bound that the variant must keep over the held-out rows.

    Attributes
    ----------
    metric
        One of `METRICS`.
    threshold
        The worst value that is accepted.
    """

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        _known("metric", self.metric, METRICS)
        if not 0 <= self.threshold < float("inf"):
            raise QuantizeError(f"the threshold of {self.metric} is not a finite number from 0 up")

    def __str__(self) -> str:
        return f"{self.metric}{METRICS[self.metric]}{self.threshold:g}"

    def holds(self, value: float) -> bool:
        """Judge a value; NaN never holds."""
        if METRICS[self.metric] == "<=":
            return value <= self.threshold
        return value >= self.threshold

    @classmethod
    def parse(cls, text: str) -> Gate:
        """Read `METRIC<=NUMBER` or `METRIC>=NUMBER`."""
        match = _GATE.fullmatch(text)
        if match is None:
            raise QuantizeError(f"{text!r} is not METRIC<=NUMBER or METRIC>=NUMBER")
        _known("metric", match[1], METRICS)
        if match[2] != METRICS[match[1]]:
            raise QuantizeError(f"{match[1]} is bounded with {METRICS[match[1]]}, not {match[2]}")
        try:
            return cls(match[1], float(match[3]))
        except ValueError:
            raise QuantizeError(f"{match[3]!r} in {text!r} is not a number") from None


DEFAULT_GATES = (Gate("relative_error", 0.05), Gate("agreement", 0.99))


@dataclass(frozen=True)
class QuantizeOptions:
    """Choices of the operator.

    Attributes
    ----------
    method
        One of `METHODS`.
    calibration, percentile
        How static quantization finds the range of an activation; the share in % for `percentile`.
    activation
        Type of static activations; `auto` asks the instruction set.
    block_size
        Weights that share a scale in weight-only methods.
    gates
        All must hold; `DEFAULT_GATES` compares with the float model.
    keep_float
        Names of layers that are not quantized.
    float_layers_max
        Layers that may be put back into float, worst first, until the gates hold.
    batches, repeats
        Rows of one execution whose time is measured; interleaved rounds for each.
    speedup_min
        The least that must be gained at each of `batches`.
    force
        Publish even what is refused. The report says that it was.
    """

    method: str = "dynamic"
    calibration: str = "minmax"
    percentile: float = 99.99
    activation: str = "auto"
    block_size: int = 32
    gates: tuple[Gate, ...] = DEFAULT_GATES
    keep_float: tuple[str, ...] = ()
    float_layers_max: int | None = None
    batches: tuple[int, ...] = (1, 32)
    repeats: int = 15
    speedup_min: float = 1.0
    force: bool = False

    def __post_init__(self) -> None:
        _known("method", self.method, METHODS)
        _known("calibration", self.calibration, CALIBRATIONS)
        _known("activation type", self.activation, ACTIVATIONS)
        if not 50 < self.percentile <= 100:
            raise QuantizeError(f"percentile must be in (50, 100], not {self.percentile:g}")
        if self.block_size not in (16, 32, 64, 128, 256):
            raise QuantizeError(f"block size must be 16, 32, 64, 128 or 256, not {self.block_size}")
        if not self.batches or not all(1 <= rows <= 4096 for rows in self.batches):
            raise QuantizeError("batches are from 1 to 4096 rows")
        if not 3 <= self.repeats <= 1000:
            raise QuantizeError(f"repeats must be from 3 to 1000, not {self.repeats}")
        if not 0 < self.speedup_min < 100:
            raise QuantizeError(f"the least speed-up must be in (0, 100), not {self.speedup_min:g}")
        if self.float_layers_max is not None and self.float_layers_max < 0:
            raise QuantizeError("the number of float layers is not negative")
        if not self.gates:
            raise QuantizeError("at least one gate is needed")
