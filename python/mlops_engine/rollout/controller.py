"""The state machine of rollouts.

One `tick` looks once, decides at most one thing, and may be repeated at any time, also by another
process after this one was killed.
"""

from __future__ import annotations

import enum
import json
import logging
import math
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from mlops_engine.errors import MlopsError, NotFound, Unavailable
from mlops_engine.rollout.plan import Plan, Step
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
    now : callable
        Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        route_of: Callable[[str], Route],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self._route_of = route_of
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
        lost = _lost(document, plan)
        if lost:
            return self._end(record, plan, State.ROLLED_BACK, lost, _evidence(document, plan))
        if state is not State.RUNNING:
            return state
        return self._step(record, plan, document)

    def approve(self, rollout: str) -> State:
        """Let a rollout that waits, or is held, go on; the step's gates are taken as met."""
        record = self.store.get(rollout)
        if State(record.state) not in (State.WAITING, State.HELD):
            raise Unavailable(f"rollout {rollout!r} is {record.state}: it waits for nobody")
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

    def _step(self, record: Record, plan: Plan, document: dict[str, Any]) -> State:
        step = plan.steps[record.step]
        evidence = _evidence(document, plan)
        held_for = self._now() - record.entered
        if not record.approved:
            missing = _missing(step, plan, document)
            if held_for < step.hold_s or (missing and held_for <= plan.step_s_max):
                return State.RUNNING
            if missing:
                return self._exhausted(record, plan, missing, evidence)
            if step.approve:
                return self._wait(record, plan, State.WAITING, "for approval", evidence)
        if record.step + 1 == len(plan.steps):
            return self._end(record, plan, State.PROMOTED, "every step was passed", evidence)
        return self._advance(record, plan, evidence)

    def _exhausted(
        self, record: Record, plan: Plan, missing: list[str], evidence: dict[str, Any]
    ) -> State:
        reason = "it took too long: " + "; ".join(missing)
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
    }
    return document


def _shape(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells the route of one step from that of another."""
    shape = {key: wanted[key] for key in ("stable", "salt")}
    return {**shape, "arms": wanted.get("arms", []), "shadows": wanted.get("shadows", [])}


def _guard(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(document.get("state", {}).get("guard", {}))


def _lost(document: Mapping[str, Any], plan: Plan) -> str:
    """Why the core took the candidate's traffic away; empty: it did not."""
    incident = document.get("rolled_back")
    if incident and incident.get("version") == plan.candidate:
        return str(incident["reason"])
    guard = _guard(document)
    return str(guard["reason"]) if guard.get("verdict") in ("worse", "stopped") else ""


def _evidence(document: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    state = document.get("state", {})
    evidence = {"guard": state.get("guard"), "arms": state.get("arms")}
    if document.get("rolled_back"):
        evidence["rolled_back"] = document["rolled_back"]
    shadows = [s for s in state.get("shadows", ()) if s["version"] == plan.candidate]
    if shadows:
        evidence["shadow"] = {key: value for key, value in shadows[0].items() if key != "worst"}
    return {key: value for key, value in evidence.items() if value}


def _missing(step: Step, plan: Plan, document: Mapping[str, Any]) -> list[str]:
    """Say what a step still lacks."""
    if step.share == 0:
        return _missing_of_shadow(step, plan, document)
    guard = _guard(document)
    answers = guard.get("arm_answers", 0)
    missing = []
    if answers < step.answers_min:
        missing.append(f"{answers} of {step.answers_min} answers")
    if step.share == 1:
        return missing
    enough = math.log(1 / plan.alpha)
    for metric in guard.get("metrics", ()):
        known = metric["log_e_no_worse"]
        if metric["name"] in plan.gates.no_worse and known < enough:
            missing.append(f"{metric['name']}: log e-value {known:.2f} of {enough:.2f}")
    if plan.gates.no_worse and not guard.get("metrics"):
        missing.append("nothing is compared yet")
    return missing


def _missing_of_shadow(step: Step, plan: Plan, document: Mapping[str, Any]) -> list[str]:
    shadows = document.get("state", {}).get("shadows", ())
    seen = next((s for s in shadows if s["version"] == plan.candidate), None)
    if seen is None or seen["compared"] < max(1, step.answers_min):
        compared = seen["compared"] if seen else 0
        return [f"{compared} of {max(1, step.answers_min)} answers compared"]
    missing = []
    for output in seen["outputs"]:
        values = output["values"]
        apart = 1 - output["within_tolerance"] / values if values else float(output["unlike"] > 0)
        limit = plan.gates.disagreement_max
        if limit is not None and apart > limit:
            missing.append(f"output {output['name']}: {apart:.4f} of the values disagree")
        distance = output["distribution_distance"]
        limit = plan.gates.distance_max
        if limit is not None and distance > limit:
            missing.append(f"output {output['name']}: distributions are {distance:.4f} apart")
    if seen["failed"]:
        missing.append(f"the shadow failed {seen['failed']} times: {seen['last_failure']}")
    return missing


def is_passing(error: MlopsError) -> bool:
    """Whether it is worth looking again: the server may only be away."""
    return isinstance(error, Unavailable)
