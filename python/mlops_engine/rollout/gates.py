"""What a step of a rollout still lacks, and what ends a rollout: functions of what was seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlops_engine.rollout.observed import Observed
from mlops_engine.rollout.plan import Plan, Step

__all__ = ["evidence_of", "guard_of", "lost", "missing", "suspect"]

# A split that is wrong makes every comparison wrong: it is told apart with more certainty.
_SPLIT_ALPHA = 0.001


def guard_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the core's guard has seen."""
    return dict(document.get("state", {}).get("guard", {}))


def lost(
    document: Mapping[str, Any],
    plan: Plan,
    seen: Observed,
    answers: Mapping[str, float | None],
) -> str:
    """Say why the candidate loses its traffic; empty: it does not."""
    incident = document.get("rolled_back")
    if incident and incident.get("version") == plan.candidate:
        return str(incident["reason"])
    guard = guard_of(document)
    if guard.get("verdict") in ("worse", "stopped"):
        return str(guard["reason"])
    enough = math.log(1 / plan.alpha)
    if seen.log_e >= enough:
        return f"it is worse than stable: log e-value {seen.log_e:.2f}, above {enough:.2f}"
    if plan.gates.reward_loss_max is not None and seen.reward_difference[1] < 0:
        return f"its rewards are lower by {-seen.reward_difference[1]:.4g} at least"
    for query in plan.gates.prometheus:
        value = answers.get(query.query)
        if query.stop and value is not None and not query.allows(value):
            return f"{query.query} is {value:g}"
    return ""


def suspect(plan: Plan, seen: Observed) -> str:
    """Say why nothing that was compared can be believed; empty: it can."""
    if not plan.gates.split or seen.split_log_e < math.log(1 / _SPLIT_ALPHA):
        return ""
    return (
        "the candidate does not get the share that the route says: "
        f"log e-value {seen.split_log_e:.2f}"
    )


def evidence_of(document: Mapping[str, Any], plan: Plan, seen: Observed) -> dict[str, Any]:
    """Return what a decision was taken on."""
    state = document.get("state", {})
    evidence = {"guard": state.get("guard"), "arms": state.get("arms"), "seen": seen.summary()}
    if document.get("rolled_back"):
        evidence["rolled_back"] = document["rolled_back"]
    shadows = [s for s in state.get("shadows", ()) if s["version"] == plan.candidate]
    if shadows:
        evidence["shadow"] = {key: value for key, value in shadows[0].items() if key != "worst"}
    return {key: value for key, value in evidence.items() if value}


def missing(
    step: Step,
    plan: Plan,
    document: Mapping[str, Any],
    seen: Observed,
    answers: Mapping[str, float | None],
) -> list[str]:
    """Say what a step still lacks."""
    lacks = _missing_of_queries(plan, answers)
    if step.share == 0:
        return lacks + _missing_of_shadow(step, plan, document)
    if seen.answers < step.answers_min:
        lacks.append(f"{seen.answers} of {step.answers_min} answers")
    if step.share == 1:
        return lacks
    enough = math.log(1 / plan.alpha)
    metrics = list(plan.gates.no_worse)
    metrics += ["labels"] if plan.gates.labels_margin is not None else []
    for metric in metrics:
        known = seen.log_e_no_worse(metric)
        if known is None:
            lacks.append(f"{metric}: nothing is compared yet")
        elif known < enough:
            lacks.append(f"{metric}: log e-value {known:.2f} of {enough:.2f}")
    loss = plan.gates.reward_loss_max
    if loss is not None and seen.reward_difference[0] < -loss:
        lacks.append(f"rewards may be lower by {-seen.reward_difference[0]:.4g}")
    return lacks


def _missing_of_queries(plan: Plan, answers: Mapping[str, float | None]) -> list[str]:
    lacks = []
    for query in plan.gates.prometheus:
        value = answers.get(query.query)
        if value is None:
            lacks.append(f"{query.query} says nothing")
        elif not query.allows(value):
            lacks.append(f"{query.query} is {value:g}")
    return lacks


def _missing_of_shadow(step: Step, plan: Plan, document: Mapping[str, Any]) -> list[str]:
    shadows = document.get("state", {}).get("shadows", ())
    seen = next((s for s in shadows if s["version"] == plan.candidate), None)
    if seen is None or seen["compared"] < max(1, step.answers_min):
        compared = seen["compared"] if seen else 0
        return [f"{compared} of {max(1, step.answers_min)} answers compared"]
    lacks = []
    for output in seen["outputs"]:
        values = output["values"]
        apart = 1 - output["within_tolerance"] / values if values else float(output["unlike"] > 0)
        limit = plan.gates.disagreement_max
        if limit is not None and apart > limit:
            lacks.append(f"output {output['name']}: {apart:.4f} of the values disagree")
        distance = output["distribution_distance"]
        limit = plan.gates.distance_max
        if limit is not None and distance > limit:
            lacks.append(f"output {output['name']}: distributions are {distance:.4f} apart")
    if seen["failed"]:
        lacks.append(f"the shadow failed {seen['failed']} times: {seen['last_failure']}")
    return lacks
