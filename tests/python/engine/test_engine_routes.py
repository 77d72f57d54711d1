"""Routes of an engine in this process."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import mlops_engine as me


@pytest.fixture
def routed(engine: me.Engine) -> me.Engine:
    for version in (1, 2, 3):
        engine._load_echo("flights", "FP32", [-1, 4], version)
    return engine


def ask(engine: me.Engine, count: int, row: np.ndarray) -> dict[int, int]:
    """Successes by version, of requests with ids."""
    before = {m["version"]: m["success"] for m in engine.stats()["models"]}
    for i in range(count):
        engine.infer("flights", {"input": row}, request_id=f"user-{i}")
    return {m["version"]: m["success"] - before[m["version"]] for m in engine.stats()["models"]}


def test_who_asks_for_no_version_follows_the_route(routed: me.Engine, row: np.ndarray) -> None:
    route = routed.route("flights")
    document = route.set(stable=1, canary=(2, 0.25))
    assert document["slots"] == [[1, 2500], [0, 7500]]
    wanted = Counter(route.explain(f"user-{i}")["version"] for i in range(400))
    assert ask(routed, 400, row) == {1: wanted[1], 2: wanted[2], 3: 0}
    assert 60 < wanted[2] < 140
    arms = {arm["name"]: arm for arm in route.get()["state"]["arms"]}
    assert arms["canary"]["success"] == wanted[2]
    assert arms["canary"]["ready"] is True


def test_what_is_not_said_stays_as_it_was(routed: me.Engine) -> None:
    route = routed.route("flights")
    rule = {"header": "X-Tier", "in": ["beta"], "shares": {"canary": 1.0}}
    route.set(stable=1, canary=(2, 0.01), unit={"parameter": "user"}, salt="r1", rules=[rule])
    document = route.set(stable=1, canary=(2, 0.05), other=(3, 0.1))
    assert document["unit"] == {"parameter": "user"}
    assert document["salt"] == "r1"
    assert document["rules"][0]["header"] == "x-tier"
    assert document["rules"][0]["shares"] == {"canary": 1.0, "other": 0.0}
    assert route.put(document)["slots"] == document["slots"]
    assert route.set(stable=1, rules=[])["rules"] == []


def test_what_cannot_be_is_refused_and_changes_nothing(routed: me.Engine) -> None:
    route = routed.route("flights")
    with pytest.raises(me.NotFound):
        route.get()
    route.set(stable=1)
    with pytest.raises(me.Unavailable, match="version 9"):
        route.set(stable=1, canary=(9, 0.1))
    with pytest.raises(me.InvalidArgument, match="steps of"):
        route.set(stable=1, canary=(2, 0.00001))
    with pytest.raises(me.InvalidArgument, match="100 %"):
        route.set(stable=1, a=(2, 0.6), b=(3, 0.6))
    with pytest.raises(me.InvalidArgument, match="no member 'weights'"):
        route.put({"stable": 1, "weights": []})
    assert route.get()["arms"] == []
    route.clear()
    with pytest.raises(me.NotFound):
        route.clear()


def test_a_parameter_can_name_the_arm(routed: me.Engine, row: np.ndarray) -> None:
    routed.route("flights").set(stable=1, canary=(2, 0), override={"parameter": "arm"})
    routed.infer("flights", {"input": row}, parameters={"arm": "canary"})
    assert routed.stats("flights", 2)["success"] == 1
    with pytest.raises(me.InvalidArgument, match="does not have"):
        routed.infer("flights", {"input": row}, parameters={"arm": "nobody"})


def test_metrics_speak_of_arms(routed: me.Engine, row: np.ndarray) -> None:
    routed.route("flights").set(stable=1, canary=(2, 1.0))
    routed.infer("flights", {"input": row})
    labels = 'model="flights",arm="canary",version="2"'
    assert f'mlops_route_requests_total{{{labels},outcome="success"}} 1' in routed.metrics()
    assert f"mlops_route_share{{{labels}}} 1" in routed.metrics()


def test_a_guard_is_part_of_the_route(routed: me.Engine, row: np.ndarray) -> None:
    route = routed.route("flights")
    wanted = {"arm": "canary", "warm_up": 5, "latency_tolerance": 0.05}
    document = route.set(stable=1, canary=(2, 0.5), guard=wanted)
    assert document["guard"]["margin"] == 1.5
    assert document["guard"]["latency_tolerance"] == 0.05
    ask(routed, 100, row)
    guard = route.get()["state"]["guard"]
    assert guard["verdict"] in ("watching", "no_worse")
    assert guard["arm_answers"] + guard["stable_answers"] == 100
    assert guard["metrics"][0]["name"] == "errors"
    assert 'mlops_rollout_verdict{model="flights",arm="canary"} 0' in routed.metrics()
    with pytest.raises(me.InvalidArgument, match="none of the arms"):
        route.set(stable=1, guard="canary")
    assert route.roll_back()["arms"] == [{"name": "canary", "version": 2, "share": 0.0}]
    assert ask(routed, 20, row) == {1: 20, 2: 0, 3: 0}


def test_a_shadow_sees_and_answers_nobody(routed: me.Engine, row: np.ndarray) -> None:
    route = routed.route("flights")
    route.set(stable=1, shadow=[3, (2, 0.0)])
    for _ in range(50):
        routed.infer("flights", {"input": row})
    shadow, other = route.get()["state"]["shadows"]
    assert (shadow["version"], shadow["offered"], other["offered"]) == (3, 50, 0)
    while shadow["compared"] + shadow["dropped_busy"] + shadow["dropped_full"] < 50:
        shadow = route.get()["state"]["shadows"][0]
    if shadow["compared"]:
        assert shadow["outputs"][0]["equal"] == shadow["compared"]
    assert routed.stats("flights", 1)["success"] == 50
    assert route.get()["state"]["arms"][0]["success"] == 50
