"""Metrics of a variant against the float model over held-out rows, and whether the gates hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import QuantizeError
from .options import NEEDS_LABELS, Gate
from .rows import Array


@dataclass(frozen=True)
class Judged:
    """A gate and what was found.

    Attributes
    ----------
    value
        None where the metric has no meaning for the outputs; such a gate holds.
    """

    gate: Gate
    value: float | None

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value is None or self.gate.holds(self.value)

    def as_dict(self) -> dict[str, Any]:
        """As in the report."""
        value = None if self.value is None or not np.isfinite(self.value) else self.value
        return {"gate": str(self.gate), "value": value, "holds": self.holds}

    def __str__(self) -> str:
        shown = "not applicable" if self.value is None else f"{self.value:.4g}"
        return f"{self.gate}: {shown}{'' if self.holds else ' (fails)'}"


def check_labels(labels: Array | None, gates: Sequence[Gate], rows: int) -> None:
    """Refuse labels that are missing or do not belong to the held-out rows."""
    wanted = [gate.metric for gate in gates if gate.metric in NEEDS_LABELS]
    if wanted and labels is None:
        raise QuantizeError(f"the gate {wanted[0]} needs labels")
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in "iub"):
        raise QuantizeError(
            f"labels are whole numbers, one a row; these are {labels.dtype} "
            f"of shape {list(labels.shape)}"
        )
    if labels is not None and len(labels) != rows:
        raise QuantizeError(f"there are {len(labels)} labels for {rows} held-out rows")


def _scores(array: Array) -> bool:
    return array.dtype.kind == "f" and array.ndim >= 2 and array.shape[-1] > 1


def _choices(array: Array) -> Array | None:
    """Classes that an output chooses: the greatest score, or the whole numbers themselves."""
    if _scores(array):
        # A NaN is no choice: it must not agree with anything.
        best = np.argmax(array, axis=-1)
        return np.where(np.isnan(array).any(axis=-1), -1, best)
    return array if array.dtype.kind in "iub" else None


def relative_error(exact: Array, variant: Array) -> float:
    """Euclidean norm of the difference over that of the exact values."""
    a, b = np.asarray(exact, np.float64).ravel(), np.asarray(variant, np.float64).ravel()
    norm, difference = float(np.linalg.norm(a)), float(np.linalg.norm(a - b))
    if difference == 0.0:
        return 0.0
    return difference / norm if norm > 0 else float("inf")


def _accuracy(found: Mapping[str, Array], labels: Array) -> float:
    for array in found.values():
        chosen = _choices(array)
        if chosen is not None and chosen.shape == labels.shape:
            return float(np.mean(chosen == labels))
    raise QuantizeError("no output of the model chooses one class for a row: accuracy has no value")


def value_of(
    metric: str, exact: Mapping[str, Array], variant: Mapping[str, Array], labels: Array | None
) -> float | None:
    """Compute a metric; over several outputs, the worst."""
    if metric in NEEDS_LABELS:
        assert labels is not None
        value = _accuracy(variant, labels)
        return value if metric == "accuracy" else max(0.0, _accuracy(exact, labels) - value)
    pairs: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
    if metric == "agreement":
        for name, array in exact.items():
            a, b = _choices(array), _choices(variant[name])
            if a is not None and b is not None:
                pairs.append((a, b))
        return min((float(np.mean(a == b)) for a, b in pairs), default=None)
    pairs = [(a, variant[name]) for name, a in exact.items() if a.dtype.kind == "f"]
    if metric == "relative_error":
        return float(np.max([relative_error(a, b) for a, b in pairs])) if pairs else None
    differences = [np.abs(np.asarray(a, np.float64) - b).max(initial=0.0) for a, b in pairs]
    return float(np.max(differences)) if pairs else None


def judge(
    gates: Sequence[Gate],
    exact: Mapping[str, Array],
    variant: Mapping[str, Array],
    labels: Array | None = None,
) -> list[Judged]:
    """Judge all gates. If no gate has a meaning for the outputs, that is an error."""
    found = [Judged(gate, value_of(gate.metric, exact, variant, labels)) for gate in gates]
    if all(judged.value is None for judged in found):
        raise QuantizeError(
            f"none of the gates ({', '.join(map(str, gates))}) has a value for the model's outputs"
        )
    return found
