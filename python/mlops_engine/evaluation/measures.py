"""A measure: what a gate is put on. Everything that judges says its findings as these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from .resampling import Interval

__all__ = ["Evidence", "Measure", "to_json"]


class Measure(msgspec.Struct, frozen=True):
    """A figure, its interval if it has one, and words that say which thing it is of."""

    value: float
    low: float | None = None
    high: float | None = None
    detail: str = ""

    @classmethod
    def of(cls, interval: Interval, detail: str = "") -> Measure:
        """Return the measure of an interval."""
        return cls(interval.value, interval.low, interval.high, detail)


class Evidence(Protocol):
    """What may be handed to `run_gates`: it names its measures."""

    def measures(self) -> Mapping[str, Measure]:
        """Return the measures by name."""
        ...


def to_json(document: Any) -> bytes:
    """Write records as JSON that any reader accepts: what is not finite is null."""
    plain = msgspec.to_builtins(document)
    return msgspec.json.format(msgspec.json.encode(_finite(plain)), indent=2) + b"\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
