"""The rollout controller over a route that the test makes up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import mlops_engine as me
from mlops_engine.rollout import Controller, Plan, Rollout, State, Store
from mlops_engine.rollout.rollout import run

PLAN: dict[str, Any] = {
    "model": "flights",
    "stable": 1,
    "candidate": 2,
    "steps": [
        {"share": 0.0, "answers_min": 100},
        {"share": 0.1, "hold_s": 60, "answers_min": 200},
        {"share": 0.5, "approve": True},
    ],
    "gates": {"disagreement_max": 0.05},
}


class Door:
    """A server whose state the test writes."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.writes = 0
        self.away = False

    def read(self, model: str) -> dict[str, Any]:
        if self.away:
            raise me.Unavailable("away")
        if not self.document:
            raise me.NotFound("no route")
        return {**self.document, "state": self.state}

    def write(self, model: str, document: Mapping[str, Any]) -> dict[str, Any]:
        if self.away:
            raise me.Unavailable("away")
        self.writes += 1
        self.document = {"arms": [], "shadows": [], **document}
        self.state = {}
        return self.read(model)

    def remove(self, model: str) -> None: ...

    def explain(self, model: str, unit: str) -> dict[str, Any]:
        return {}

    def shadow(self, compared: int, within: int) -> None:
        output = {"name": "out", "values": 1000, "within_tolerance": within, "unlike": 0}
        output |= {"distribution_distance": 0.0}
        seen = {"version": 2, "compared": compared, "failed": 0, "outputs": [output]}
        self.state = {"shadows": [seen]}

    def guard(
        self,
        answers: int,
        log_e_no_worse: float,
        verdict: str = "watching",
        *,
        log_e: float = 0.0,
        stable_answers: int | None = None,
    ) -> None:
        metrics = [
            {"name": name, "log_e": log_e, "log_e_no_worse": log_e_no_worse}
            for name in ("errors", "latency_p50", "latency_p90", "latency_p99")
        ]
        guard = {"verdict": verdict, "reason": "bad", "arm_answers": answers, "metrics": metrics}
        share = self.document["arms"][0]["share"]
        by_share = round(answers * (1 - share) / share)
        guard["stable_answers"] = by_share if stable_answers is None else stable_answers
        self.state = {"guard": guard}


class World:
    """A controller, its door, its clock and its store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.door = Door()
        self.time = 1000.0
        self.controller = self.restarted()

    def restarted(self) -> Controller:
        self.controller = Controller(
            Store(self.path),
            lambda model: me.routing.Route(self.door, model),
            now=lambda: self.time,
        )
        return self.controller

    def tick(self) -> State:
        return self.controller.tick("r")

    def share(self) -> float:
        arms = self.door.document["arms"]
        return arms[0]["share"] if arms else 0.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "rollouts.db")


def to_canary(world: World, plan: dict[str, Any] = PLAN) -> None:
    world.controller.start("r", plan)
    world.door.shadow(compared=100, within=990)
    assert world.tick() is State.RUNNING
    assert world.share() == 0.1


def test_the_guard_is_told_what_the_plan_tolerates(world: World) -> None:
    to_canary(world, {**PLAN, "latency_tolerance": 0.05})
    assert world.door.document["guard"]["latency_tolerance"] == 0.05


def test_a_good_version_goes_all_the_way(world: World) -> None:
    assert world.controller.start("r", PLAN) is State.RUNNING
    assert world.door.document["shadows"] == [{"version": 2, "sample": 1.0}]
    assert world.door.document["salt"] == "r"
    world.door.shadow(compared=99, within=1000)
    world.tick()
    assert world.share() == 0.0
    world.door.shadow(compared=100, within=990)
    world.tick()
    assert world.share() == 0.1
    assert world.door.document["guard"]["arm"] == "canary"
    world.door.guard(answers=500, log_e_no_worse=9.0)
    assert world.tick() is State.RUNNING
    assert world.share() == 0.1, "it has not been held for its time"
    world.time += 61
    world.tick()
    assert world.share() == 0.5
    world.door.guard(answers=500, log_e_no_worse=9.0)
    assert world.tick() is State.WAITING
    assert world.tick() is State.WAITING
    assert world.controller.approve("r") is State.PROMOTED
    assert world.door.document["stable"] == 2
    assert world.share() == 0.0
    events = [entry["event"] for entry in world.controller.store.audit("r")]
    expected = ["started", "advanced", "advanced", "waiting", "approved", "promoted"]
    assert events == expected
    assert world.controller.store.audit("r")[3]["guard"]["arm_answers"] == 500


@pytest.mark.parametrize(("answers", "log_e"), [(100, 9.0), (500, 4.0)])
def test_a_gate_that_is_not_met_holds(world: World, answers: int, log_e: float) -> None:
    to_canary(world)
    world.time += 1000
    world.door.guard(answers=answers, log_e_no_worse=log_e)
    assert world.tick() is State.RUNNING
    assert world.share() == 0.1
    world.time += 86_400
    assert world.tick() is State.HELD
    assert "it took too long" in world.controller.store.get("r").reason
    assert world.controller.approve("r") is State.RUNNING
    assert world.share() == 0.5


def test_disagreement_keeps_a_version_in_the_shadow(world: World) -> None:
    world.controller.start("r", PLAN)
    world.door.shadow(compared=5000, within=900)
    world.tick()
    assert world.share() == 0.0


@pytest.mark.parametrize(("failed", "not_finite"), [(20, 0), (0, 1)])
def test_a_shadow_that_breaks_ends_it(world: World, failed: int, not_finite: int) -> None:
    world.controller.start("r", PLAN)
    world.door.shadow(compared=50, within=1000)
    seen = world.door.state["shadows"][0]
    seen |= {"failed": 19, "last_failure": "internal"}
    assert world.tick() is State.RUNNING
    seen["failed"] = failed
    seen["outputs"][0]["not_finite"] = not_finite
    assert world.tick() is State.ROLLED_BACK
    assert "shadow" in world.controller.store.get("r").reason


@pytest.mark.parametrize("verdict", ["worse", "stopped"])
def test_a_verdict_of_the_core_ends_it(world: World, verdict: str) -> None:
    to_canary(world)
    world.door.guard(answers=70, log_e_no_worse=0.0, verdict=verdict)
    assert world.tick() is State.ROLLED_BACK
    assert world.tick() is State.ROLLED_BACK
    assert world.door.document["stable"] == 1
    assert world.share() == 0.0
    last = world.controller.store.audit("r")[-1]
    assert (last["event"], last["reason"]) == ("rolled_back", "bad")
    assert last["guard"]["verdict"] == verdict


def test_what_the_server_took_back_stays_back(world: World) -> None:
    to_canary(world)
    world.door.document["arms"] = [{**world.door.document["arms"][0], "share": 0.0}]
    incident = {"arm": "canary", "version": 2, "reason": "NaN", "unix_ms": 1}
    world.door.document["rolled_back"] = incident
    writes = world.door.writes
    assert world.tick() is State.ROLLED_BACK
    assert world.door.writes == writes
    assert world.controller.store.audit("r")[-1]["rolled_back"] == incident


def test_killed_at_any_point_it_comes_to_the_same_end(world: World) -> None:
    to_canary(world)
    world.restarted()
    world.door.document = {}  # the server lost its route
    world.door.state = {}
    world.tick()
    assert world.share() == 0.1
    world.door.guard(answers=500, log_e_no_worse=9.0)
    world.time += 61
    world.door.away = True
    with pytest.raises(me.Unavailable):
        world.tick()
    world.restarted()
    world.door.away = False
    world.tick()
    assert world.share() == 0.5
    writes = world.door.writes
    world.restarted()
    world.tick()
    assert world.door.writes == writes, "a tick that finds everything done does nothing"


def test_killed_between_the_record_and_the_route_it_catches_up(world: World) -> None:
    to_canary(world)
    world.door.guard(answers=500, log_e_no_worse=9.0)
    world.time += 61
    write = world.door.write

    def dies(model: str, document: Mapping[str, Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    world.door.write = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.tick()
    world.door.write = write  # type: ignore[method-assign]
    world.restarted()
    world.tick()
    assert world.share() == 0.5


def test_abort_gives_everything_back(world: World) -> None:
    to_canary(world)
    assert world.controller.abort("r") is State.ABORTED
    assert world.door.document["stable"] == 1
    assert world.share() == 0.0
    assert world.controller.abort("r") is State.ABORTED
    with pytest.raises(me.Unavailable):
        world.controller.approve("r")


def test_a_model_has_one_rollout_at_a_time(world: World) -> None:
    to_canary(world)
    with pytest.raises(me.AlreadyExists):
        world.controller.start("other", PLAN)
    world.controller.abort("r")
    world.controller.start("other", PLAN)


def test_the_audit_log_is_only_added_to(world: World) -> None:
    to_canary(world)
    connection = sqlite3.connect(world.path)
    for statement in ("DELETE FROM audit", "UPDATE audit SET event = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(statement)
    connection.close()


def test_run_waits_for_a_server_that_is_away(world: World) -> None:
    to_canary(world)
    world.door.away = True
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.door.away = False
        world.door.guard(answers=1, log_e_no_worse=0.0, verdict="worse")

    assert run(world.controller, "r", every_s=7, sleep=sleep) is State.ROLLED_BACK
    assert slept == [7]


def test_webhooks_hear_of_each_change(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    world = World(tmp_path / "r.db")
    urls = [f"http://127.0.0.1:{server.server_port}/", "http://127.0.0.1:1/"]
    world.controller.start("r", {**PLAN, "webhooks": urls})
    world.controller.abort("r", "enough")
    server.shutdown()
    server.server_close()
    assert [(each["event"], each.get("reason")) for each in heard] == [
        ("started", None),
        ("aborted", "enough"),
    ]


def test_plans_that_cannot_be_are_refused() -> None:
    for change, why in [
        ({"steps": []}, "no steps"),
        ({"steps": [{"share": 0.5}, {"share": 0.1}]}, "must rise"),
        ({"steps": [{"shares": 0.5}]}, "no member 'shares'"),
        ({"candidate": 1}, "the stable version"),
        ({"gates": {"no_worse": ["p42"]}}, "no metric is named 'p42'"),
        ({"latency_tolerance": -0.1}, "from 0 to 10"),
        ({"latency_tolerance": float("nan")}, "from 0 to 10"),
        ({"when_exhausted": "ask"}, "hold or abort"),
        ({"colour": 1}, "no member 'colour'"),
    ]:
        with pytest.raises(me.InvalidArgument, match=why):
            Plan.from_document({**PLAN, **change})


def test_how_many_requests_a_plan_takes_is_said(tmp_path: Path) -> None:
    assert Plan.from_document(PLAN).requests_needed() == [100, 5587, 2257]
    only_errors = {**PLAN, "gates": {"no_worse": ["errors"]}}
    assert Plan.from_document(only_errors).requests_needed() == [100, None, None]
    (tmp_path / "plan.toml").write_text(
        'model = "flights"\nstable = 1\ncandidate = 2\n[[steps]]\nshare = 0.1\n'
    )
    assert Rollout.from_toml(tmp_path / "plan.toml").name == "flights-2"
