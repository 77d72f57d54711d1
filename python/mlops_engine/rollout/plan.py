"""What a rollout is to do, as data out of TOML, and how many requests that will probably take."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument

__all__ = ["METRICS", "Gates", "Plan", "Step", "events_needed"]

# What the core's guard compares, and how often each is an event when nothing is wrong.
METRICS = {"errors": None, "latency_p50": 0.5, "latency_p90": 0.1, "latency_p99": 0.01}
_EXHAUSTED = ("hold", "abort")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: a share of the traffic, or 0 for shadow traffic only."""

    share: float
    hold_s: float = 0.0
    answers_min: int = 0
    approve: bool = False


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What must be true at the end of a step."""

    no_worse: tuple[str, ...] = ("latency_p50", "latency_p90")
    disagreement_max: float | None = None
    distance_max: float | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A rollout of one version."""

    model: str
    stable: int
    candidate: int
    steps: tuple[Step, ...]
    arm: str = "canary"
    alpha: float = 0.01
    margin: float = 1.5
    warm_up: int = 50
    unit: Mapping[str, Any] | None = None
    step_s_max: float = 86_400.0
    when_exhausted: str = "hold"
    gates: Gates = field(default_factory=Gates)
    webhooks: tuple[str, ...] = ()

    @classmethod
    def from_toml(cls, path: str | Path) -> Plan:
        """Read a plan. `InvalidArgument` says what is wrong with it."""
        try:
            document = tomllib.loads(Path(path).read_text())
        except tomllib.TOMLDecodeError as error:
            raise InvalidArgument(f"{path}: {error}") from None
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Plan:
        """Make a plan of what TOML or JSON say."""
        members = dict(document)
        steps = tuple(_made(Step, step, "a step") for step in members.pop("steps", ()))
        given = dict(members.pop("gates", {}))
        if "no_worse" in given:
            given["no_worse"] = tuple(given["no_worse"])
        members["gates"] = _made(Gates, given, "'gates'")
        members["webhooks"] = tuple(members.get("webhooks", ()))
        plan: Plan = _made(cls, {**members, "steps": steps}, "the plan")
        plan._check()
        return plan

    def _check(self) -> None:
        shares = [step.share for step in self.steps]
        if not shares:
            raise InvalidArgument("the plan has no steps")
        if any(not 0 <= share <= 1 for share in shares) or shares != sorted(shares):
            raise InvalidArgument("the shares of the steps must rise, from 0 to 1")
        if self.candidate == self.stable:
            raise InvalidArgument("the candidate is the stable version")
        if self.when_exhausted not in _EXHAUSTED:
            raise InvalidArgument("when_exhausted is hold or abort")
        unknown = [name for name in self.gates.no_worse if name not in METRICS]
        if unknown:
            raise InvalidArgument(
                f"no metric is named {unknown[0]!r}; there are {', '.join(METRICS)}"
            )
        if not (0 < self.alpha <= 0.5 and self.margin >= 1.01):
            raise InvalidArgument("alpha is from 0 to 0.5, margin at least 1.01")

    def requests_needed(self) -> list[int | None]:
        """Return about how many requests each step takes; None: as many as have errors enough."""
        needed: list[int | None] = []
        for step in self.steps:
            if not 0 < step.share < 1:
                needed.append(step.answers_min)
                continue
            events = events_needed(step.share, self.margin, self.alpha)
            rates = [METRICS[name] for name in self.gates.no_worse]
            if any(rate is None for rate in rates):
                needed.append(None)
                continue
            by_gate = max((math.ceil(events / rate) for rate in rates if rate), default=0)
            by_count = math.ceil(step.answers_min / step.share)
            needed.append(max(by_gate, by_count))
        return needed


def events_needed(share: float, margin: float, alpha: float) -> float:
    """Return how many events a "no worse" takes on average, when the two versions are the same.

    >>> round(events_needed(0.1, 1.5, 0.01))
    559
    """
    q = share * margin / (share * margin + 1 - share)
    gain = share * math.log(share / q) + (1 - share) * math.log((1 - share) / (1 - q))
    return math.log(1 / alpha) / gain


def _made(kind: type[Any], members: Mapping[str, Any], what: str) -> Any:
    known = {each.name for each in fields(kind)}
    unknown = sorted(set(members) - known)
    if unknown:
        raise InvalidArgument(f"{what} has no member {unknown[0]!r}")
    try:
        return kind(**members)
    except TypeError as error:
        raise InvalidArgument(f"{what}: {error}") from None
