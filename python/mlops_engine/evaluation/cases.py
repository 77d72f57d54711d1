"""Cases that must stay right, one a line of `cases.jsonl`, asked of every model that may serve.

    {"name": "storm at noon", "inputs": {"wind_speed": 40, "visibility": 0.2}, "min": 0.5}
    {"name": "calm Tuesday", "inputs": [600, 2, 733], "max": 0.3}

Features that are not written are missing (NaN). `min` and `max` bound the score; `label` asks for a
decision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .measures import Measure, to_json
from .scorer import Scorer

__all__ = ["Case", "CaseReport", "read_cases", "run_cases"]

FILE_BYTES_MAX, CASES_MAX = 16 << 20, 20_000


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case and what is asked of it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    inputs: dict[str, float | None] | list[float | None]
    min: float | None = None
    max: float | None = None
    label: Literal[0, 1] | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None and self.label is None:
            raise ValueError("a case asks for `min`, `max` or `label`")


class CaseReport(msgspec.Struct, frozen=True):
    """How many cases hold, and why the others do not."""

    cases: int
    broken: dict[str, str]

    def measures(self) -> dict[str, Measure]:
        """Return `passed`, the share of cases that hold."""
        detail = "; ".join(f"{name}: {why}" for name, why in list(self.broken.items())[:3])
        return {"passed": Measure(1 - len(self.broken) / self.cases, detail=detail)}

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def read_cases(path: Path) -> list[Case]:
    """Read a file of cases.

    Raises
    ------
    InvalidArgument
        Names the first line that is wrong.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        raise InvalidArgument(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    return decode(path.read_bytes(), str(path))


def decode(data: bytes, name: str = "cases.jsonl") -> list[Case]:
    """Read the lines of a file of cases."""
    cases: dict[str, Case] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = msgspec.json.decode(line, type=Case)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidArgument(f"{name}, line {number}: {error}") from None
        if case.name in cases:
            raise InvalidArgument(f"{name}, line {number}: {case.name!r} is there twice")
        cases[case.name] = case
        if len(cases) > CASES_MAX:
            raise InvalidArgument(f"{name} has more than {CASES_MAX} cases")
    if not cases:
        raise InvalidArgument(f"{name} has no cases")
    return list(cases.values())


def run_cases(
    cases: Sequence[Case], scorer: Scorer, names: Sequence[str], threshold: float
) -> CaseReport:
    """Ask the model about every case."""
    rows = np.array([_row(case, names) for case in cases], np.float32)
    scores = scorer(rows)
    broken = {
        case.name: why
        for case, score in zip(cases, scores, strict=True)
        if (why := _fault(case, float(score), threshold))
    }
    return CaseReport(len(cases), broken)


def _row(case: Case, names: Sequence[str]) -> list[float]:
    if isinstance(case.inputs, list):
        values = case.inputs
        if len(values) != len(names):
            raise InvalidArgument(
                f"case {case.name!r} has {len(values)} inputs, and the model {len(names)} features"
            )
    else:
        if unknown := set(case.inputs) - set(names):
            raise InvalidArgument(f"case {case.name!r}: no feature is named {min(unknown)!r}")
        values = [case.inputs.get(name) for name in names]
    return [float("nan") if value is None else value for value in values]


def _fault(case: Case, score: float, threshold: float) -> str:
    if math.isnan(score):
        return "the score is not a number"
    if case.min is not None and score < case.min:
        return f"{score:.6g} is below {case.min:g}"
    if case.max is not None and score > case.max:
        return f"{score:.6g} is above {case.max:g}"
    if case.label is not None and (score >= threshold) != case.label:
        return f"{score:.6g} is not decided as {case.label}"
    return ""
