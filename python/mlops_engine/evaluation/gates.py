"""Bounds on measures, and whether they hold. What is missing or not a number never holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from mlops_engine.errors import InvalidArgument

from .measures import Evidence, Measure, to_json
from .settings import GateRule, GateSettings

__all__ = ["GateResult", "Gates", "run_gates"]

FILE_NAME = "gates.json"


class GateResult(msgspec.Struct, frozen=True):
    """One gate: what was found, what was asked, and in words why."""

    gate: str
    of: str
    verdict: Literal["passed", "failed", "missing"]
    advisory: bool
    value: float | None
    interval: tuple[float, float] | None
    min: float | None
    max: float | None
    by: str
    reason: str


class Gates(msgspec.Struct, frozen=True):
    """All gates.

    Attributes
    ----------
    passed
        Whether every gate that is not advisory passed.
    """

    passed: bool
    results: list[GateResult]

    @property
    def failed(self) -> list[str]:
        """Names of the gates that stop this model."""
        return [r.gate for r in self.results if r.verdict != "passed" and not r.advisory]

    def to_json(self) -> bytes:
        """Write `gates.json`."""
        return to_json({"format": 1, "passed": self.passed, "gates": self.results})


def run_gates(
    settings: GateSettings | Mapping[str, GateRule], evidence: Mapping[str, Evidence | None]
) -> Gates:
    """Put every gate on its measure.

    Parameters
    ----------
    evidence
        What was found, by the name that the gates' `of` begins with: `evaluation`, `comparison`,
        `robustness`, `cases`, ... A gate whose evidence is not there fails: nobody looked.

    Raises
    ------
    InvalidArgument
        There are no gates at all, which would pass anything.
    """
    rules = settings.rules if isinstance(settings, GateSettings) else settings
    if not rules:
        raise InvalidArgument("there are no gates: a model that nothing was asked of is not judged")
    measures: dict[str, Measure] = {}
    for name, found in evidence.items():
        if found is not None:
            measures |= {f"{name}.{each}": value for each, value in found.measures().items()}
    results = [_judge(name, rule, measures.get(rule.of)) for name, rule in rules.items()]
    passed = all(r.verdict == "passed" for r in results if not r.advisory)
    return Gates(passed, results)


def _judge(name: str, rule: GateRule, measure: Measure | None) -> GateResult:
    def result(verdict: Any, reason: str) -> GateResult:
        interval = None
        if measure is not None and measure.low is not None and measure.high is not None:
            interval = (measure.low, measure.high)
        return GateResult(
            gate=name,
            of=rule.of,
            verdict=verdict,
            advisory=rule.advisory,
            value=None if measure is None else measure.value,
            interval=interval,
            min=rule.min,
            max=rule.max,
            by=rule.by,
            reason=reason,
        )

    if measure is None:
        return result("missing", f"nothing was found out about {rule.of}")
    if math.isnan(measure.value):
        return result("failed", f"{rule.of} has no value")
    worse, better = _ends(rule, measure)
    if worse is None or better is None:
        return result("failed", f"{rule.of} has no interval, and the gate asks for one")
    where = f" ({measure.detail})" if measure.detail else ""
    said = {"value": "is", "proven": "may be", "unrefuted": "is surely"}[rule.by]
    # NaN compares false: the questions are asked so that it fails.
    if rule.min is not None and not worse >= rule.min:
        return result("failed", f"{rule.of} {said} {worse:.6g}, below {rule.min:g}{where}")
    if rule.max is not None and not better <= rule.max:
        return result("failed", f"{rule.of} {said} {better:.6g}, above {rule.max:g}{where}")
    return result("passed", f"{rule.of} is {measure.value:.6g}{where}")


def _ends(rule: GateRule, measure: Measure) -> tuple[float | None, float | None]:
    """Return what a minimum and what a maximum are held against."""
    if rule.by == "value":
        return measure.value, measure.value
    if rule.by == "proven":
        return measure.low, measure.high
    return measure.high, measure.low
