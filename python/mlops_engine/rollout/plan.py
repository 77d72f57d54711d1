"""What a rollout is to do, as data out of TOML, and how many requests that will probably take."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument
from mlops_engine.rollout.statistics import difference_bounds

__all__ = ["METRICS", "Gates", "Plan", "Query", "Step", "events_needed"]

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
class Query:
    """What a Prometheus server must say; with `stop`, something else ends the rollout."""

    url: str
    query: str
    at_most: float = math.inf
    at_least: float = -math.inf
    stop: bool = False

    def allows(self, value: float) -> bool:
        """Whether the gate is open at this value."""
        return self.at_least <= value <= self.at_most


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What must be true at the end of a step."""

    no_worse: tuple[str, ...] = ("latency_p50", "latency_p90")
    disagreement_max: float | None = None
    distance_max: float | None = None
    labels_margin: float | None = None  # of the odds of a wrong label, so many times stable's
    wrong_rate: float | None = None  # of stable's labels, to say how many requests it takes
    reward_loss_max: float | None = None  # of the mean
    reward_range: tuple[float, float] = (0.0, 1.0)
    split: bool = True  # whether the candidate gets its share
    prometheus: tuple[Query, ...] = ()


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
    failures_in_a_row: int = 20
    latency_tolerance: float = 0.0  # by how much of stable's latencies the candidate's may be above
    latency_slack_us: int = 50  # and these
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
        members["gates"] = _gates_of(members.pop("gates", {}), bool(members.get("unit")))
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
        if not (0 <= self.latency_tolerance <= 100 and 0 <= self.latency_slack_us <= 10_000_000):
            raise InvalidArgument(
                "latency_tolerance is from 0 to 100, latency_slack_us from 0 to ten seconds"
            )
        if self.gates.labels_margin is not None and self.gates.labels_margin < 1.01:
            raise InvalidArgument("labels_margin is at least 1.01")
        low, high = self.gates.reward_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidArgument("reward_range is the least reward and the greatest")

    def requests_needed(self) -> list[int | None]:
        """Return about how many requests each step takes; None: as many as have errors enough."""
        needed: list[int | None] = []
        for step in self.steps:
            if not 0 < step.share < 1:
                needed.append(step.answers_min)
                continue
            gates = self._requests_of_gates(step.share)
            by_count = math.ceil(step.answers_min / step.share)
            needed.append(None if None in gates else max([by_count, *filter(None, gates)]))
        return needed

    def _requests_of_gates(self, share: float) -> list[int | None]:
        """Return what each gate takes when the versions are equal and every label comes."""
        events = events_needed(share, self.margin, self.alpha)
        rates = [(events, METRICS[name]) for name in self.gates.no_worse]
        if self.gates.labels_margin is not None:
            events = events_needed(share, self.gates.labels_margin, self.alpha)
            rates.append((events, self.gates.wrong_rate))
        needed = [math.ceil(events / rate) if rate else None for events, rate in rates]
        loss = self.gates.reward_loss_max
        if loss is not None:
            low, high = self.gates.reward_range
            alpha = self.alpha / len(self.steps)
            needed.append(rewards_needed(share, loss / (high - low), alpha))
        return needed


def events_needed(share: float, margin: float, alpha: float) -> float:
    """Return how many events a "no worse" takes on average, when the two versions are the same.

    >>> round(events_needed(0.1, 1.5, 0.01))
    559
    """
    q = share * margin / (share * margin + 1 - share)
    gain = share * math.log(share / q) + (1 - share) * math.log((1 - share) / (1 - q))
    return math.log(1 / alpha) / gain


def rewards_needed(share: float, loss: float, alpha: float) -> int:
    """Return how many rewards show that a mean in the middle of 0..1 is lower by `loss` at most.

    >>> rewards_needed(0.5, 0.05, 0.01)
    17222
    """
    requests = 10.0
    while requests < 1e12:
        arm, stable = requests * share, requests * (1 - share)
        bounds = difference_bounds((arm, arm / 2), (stable, stable / 2), alpha)
        if bounds[0] >= -loss:
            break
        requests *= 2**0.25
    return math.ceil(requests)


def _gates_of(document: Mapping[str, Any], has_unit: bool) -> Gates:
    given = dict(document)
    for name in ("no_worse", "reward_range"):
        if name in given:
            given[name] = tuple(given[name])
    queries = given.get("prometheus", ())
    given["prometheus"] = tuple(_made(Query, query, "a Prometheus gate") for query in queries)
    # Requests of one user are no coins: they say nothing of the split.
    given.setdefault("split", not has_unit)
    gates: Gates = _made(Gates, given, "'gates'")
    return gates


def _made(kind: type[Any], members: Mapping[str, Any], what: str) -> Any:
    known = {each.name for each in fields(kind)}
    unknown = sorted(set(members) - known)
    if unknown:
        raise InvalidArgument(f"{what} has no member {unknown[0]!r}")
    try:
        return kind(**members)
    except TypeError as error:
        raise InvalidArgument(f"{what}: {error}") from None
