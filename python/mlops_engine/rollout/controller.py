"""The state machine of rollouts.

One `tick` looks once, decides at most one thing, and may be repeated at any time, also by another
process after this one was killed.
"""

from __future__ import annotations

import enum
import json
import logging
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlops_engine.errors import MlopsError, NotFound, Unavailable
from mlops_engine.rollout.gates import evidence_of, guard_of, lost, missing, suspect
from mlops_engine.rollout.observed import Observed
from mlops_engine.rollout.plan import Plan, Query, Step
from mlops_engine.rollout.prometheus import value_of
from mlops_engine.rollout.store import Record, Store
from mlops_engine.routing import Route

__all__ = ["Controller", "State"]

_log = logging.getLogger("mlops_engine.rollout")


class State(enum.StrEnum):
    """Where a rollout is. The last three are for good."""

    RUNNING = "running"
    WAITING = "waiting"  # for approval
    HELD = "held"  # a step took too long: somebody has to approve or abort
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"

    @property
    def over(self) -> bool:
        """Whether nothing will happen any more."""
        return self in (State.PROMOTED, State.ROLLED_BACK, State.ABORTED)


class Controller:
    """Decides on the rollouts of a store.

    Parameters
    ----------
    store : Store
        Where they are kept.
    route_of : callable
        Gives the `Route` of a model.
    quality_of : callable, optional
        Gives what labels and rewards say of a model's version, as a server's JSON; `NotFound`
        where nothing is known. Without it gates on them are never met.
    query : callable, optional
        Gives what a Prometheus server says to a query; None: nothing.
    now : callable
        Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        route_of: Callable[[str], Route],
        *,
        quality_of: Callable[[str, int], Mapping[str, Any]] | None = None,
        query: Callable[[str, str], float | None] = value_of,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self._route_of = route_of
        self._quality_of = quality_of
        self._query = query
        self._now = now

    def start(self, rollout: str, document: Mapping[str, Any]) -> State:
        """Begin a rollout and put its first step in force."""
        plan = Plan.from_document(document)
        record = Record(
            rollout, plan.model, dict(document), State.RUNNING, 0, self._now(), False, ""
        )
        self.store.add(record, {"requests_needed": plan.requests_needed()})
        self._tell(plan, rollout, "started", {})
        return self.tick(rollout)

    def tick(self, rollout: str) -> State:
        """Look once, and decide."""
        record = self.store.get(rollout)
        state = State(record.state)
        plan = Plan.from_document(record.plan)
        if state.over:
            return state
        route = self._route_of(plan.model)
        document = self._in_force(route, record, plan)
        seen = self._see(record, plan, document)
        answers = self._ask(plan.gates.prometheus)
        evidence = evidence_of(document, plan, seen) | ({"prometheus": answers} if answers else {})
        why = lost(document, plan, seen, answers)
        if why:
            return self._end(record, plan, State.ROLLED_BACK, why, evidence)
        if state is not State.RUNNING:
            return state
        why = suspect(plan, seen)
        if why:
            return self._wait(record, plan, State.HELD, why, evidence)
        lacks = missing(plan.steps[record.step], plan, document, seen, answers)
        return self._step(record, plan, lacks, evidence)

    # Kept before anything is decided on it: a look that is cut off is looked again.
    def _see(self, record: Record, plan: Plan, document: Mapping[str, Any]) -> Observed:
        seen = Observed(plan, record.seen)
        wanted = plan.gates.labels_margin is not None or plan.gates.reward_loss_max is not None
        quality = self._quality(plan) if wanted else {}
        seen.see(record.step, guard_of(document), quality)
        self.store.see(record.id, seen.to_json())
        return seen

    def _quality(self, plan: Plan) -> dict[int, Mapping[str, Any]]:
        found: dict[int, Mapping[str, Any]] = {}
        if self._quality_of is None:
            return found
        for version in (plan.candidate, plan.stable):
            try:
                found[version] = self._quality_of(plan.model, version)
            except NotFound:
                continue  # no label has come yet
        return found

    def _ask(self, queries: Iterable[Query]) -> dict[str, float | None]:
        return {each.query: self._query(each.url, each.query) for each in queries}

    def approve(self, rollout: str) -> State:
        """Let a rollout that waits, or is held, go on; the step's gates are taken as met."""
        record = self.store.get(rollout)
        if State(record.state) not in (State.WAITING, State.HELD):
            raise Unavailable(f"rollout {rollout!r} is {record.state}: it waits for nobody")
        seen = Observed(Plan.from_document(record.plan), record.seen)
        seen.forget_split()
        self.store.see(rollout, seen.to_json())
        self.store.change(
            rollout, self._now(), "approved", {}, state=str(State.RUNNING), approved=1
        )
        return self.tick(rollout)

    def abort(self, rollout: str, reason: str = "asked for") -> State:
        """Give all traffic back to stable."""
        record = self.store.get(rollout)
        if State(record.state).over:
            return State(record.state)
        plan = Plan.from_document(record.plan)
        return self._end(record, plan, State.ABORTED, reason, {})

    # What must be in force is a function of what is kept, so a tick that was cut off is repeated.
    def _in_force(self, route: Route, record: Record, plan: Plan) -> dict[str, Any]:
        try:
            document = route.get()
        except NotFound:
            document = {}
        if document.get("rolled_back") and document.get("salt") == record.id:
            return document
        wanted = _wanted(plan, plan.steps[record.step], record.id)
        if any(document.get(key) != value for key, value in _shape(wanted).items()):
            document = route.put(wanted)
        return document

    def _step(
        self, record: Record, plan: Plan, lacks: list[str], evidence: dict[str, Any]
    ) -> State:
        step = plan.steps[record.step]
        held_for = self._now() - record.entered
        if not record.approved:
            if held_for < step.hold_s or (lacks and held_for <= plan.step_s_max):
                return State.RUNNING
            if lacks:
                return self._exhausted(record, plan, lacks, evidence)
            if step.approve:
                return self._wait(record, plan, State.WAITING, "for approval", evidence)
        if record.step + 1 == len(plan.steps):
            return self._end(record, plan, State.PROMOTED, "every step was passed", evidence)
        return self._advance(record, plan, evidence)

    def _exhausted(
        self, record: Record, plan: Plan, lacks: list[str], evidence: dict[str, Any]
    ) -> State:
        reason = "it took too long: " + "; ".join(lacks)
        if plan.when_exhausted == "abort":
            return self._end(record, plan, State.ABORTED, reason, evidence)
        return self._wait(record, plan, State.HELD, reason, evidence)

    def _advance(self, record: Record, plan: Plan, evidence: dict[str, Any]) -> State:
        now = self._now()
        following = {"share": plan.steps[record.step + 1].share}
        self.store.change(
            record.id,
            now,
            "advanced",
            {**following, **evidence},
            step=record.step + 1,
            entered=now,
            approved=0,
        )
        self._tell(plan, record.id, "advanced", following)
        self._in_force(self._route_of(plan.model), self.store.get(record.id), plan)
        return State.RUNNING

    def _wait(
        self, record: Record, plan: Plan, state: State, reason: str, evidence: dict[str, Any]
    ) -> State:
        self.store.change(
            record.id,
            self._now(),
            str(state),
            {"reason": reason, **evidence},
            state=str(state),
            reason=reason,
        )
        self._tell(plan, record.id, str(state), {"reason": reason})
        return state

    # The route first: what is kept says that it is over only once it is.
    def _end(
        self, record: Record, plan: Plan, state: State, reason: str, evidence: dict[str, Any]
    ) -> State:
        route = self._route_of(plan.model)
        stable = plan.candidate if state is State.PROMOTED else plan.stable
        # A server's own roll-back stays as it is, with its evidence.
        if state is not State.ROLLED_BACK or "rolled_back" not in evidence:
            route.put({"stable": stable, **_kept(plan)})
        return self._wait(record, plan, state, reason, evidence)

    def _tell(self, plan: Plan, rollout: str, event: str, more: Mapping[str, Any]) -> None:
        body = {"rollout": rollout, "model": plan.model, "event": event, **more}
        for url in plan.webhooks:
            request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
            request.add_header("Content-Type", "application/json")
            try:
                urllib.request.urlopen(request, timeout=5).close()
            except (OSError, ValueError) as error:
                _log.warning("webhook %s: %s", url, error)


def _kept(plan: Plan) -> dict[str, Any]:
    return {"unit": dict(plan.unit)} if plan.unit else {}


def _wanted(plan: Plan, step: Step, salt: str) -> dict[str, Any]:
    document: dict[str, Any] = {"stable": plan.stable, "salt": salt, **_kept(plan)}
    if step.share == 0:
        document["shadows"] = [{"version": plan.candidate, "sample": 1.0}]
        return document
    document["arms"] = [{"name": plan.arm, "version": plan.candidate, "share": step.share}]
    document["guard"] = {
        "arm": plan.arm,
        "alpha": plan.alpha,
        "margin": plan.margin,
        "warm_up": plan.warm_up,
        "failures_in_a_row": plan.failures_in_a_row,
        "latency_tolerance": plan.latency_tolerance,
        "latency_slack_us": plan.latency_slack_us,
    }
    return document


def _shape(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells the route of one step from that of another."""
    shape = {key: wanted[key] for key in ("stable", "salt")}
    return {**shape, "arms": wanted.get("arms", []), "shadows": wanted.get("shadows", [])}


def is_passing(error: MlopsError) -> bool:
    """Whether it is worth looking again: the server may only be away."""
    return isinstance(error, Unavailable)
