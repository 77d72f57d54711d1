"""Gates and verdicts on labels, rewards, queries and the split, over a route that is made up."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import mlops_engine as me
from mlops_engine.rollout import Controller, Plan, State, Store
from mlops_engine.rollout.prometheus import number_in, value_of

STEPS = [{"share": 0.1}, {"share": 0.5, "answers_min": 100}]


class World:
    """A server whose guard, labels and Prometheus the test writes, and its rollout."""

    def __init__(self, path: Path, gates: Mapping[str, Any], **plan: Any) -> None:
        self.path = path
        self.document: dict[str, Any] = {}
        self.guard: dict[str, Any] = {}
        self.quality: dict[int, dict[str, Any]] = {}
        self.answers: dict[str, float | None] = {}
        self.time = 0.0
        self.controller = self.restarted()
        document = {"model": "m", "stable": 1, "candidate": 2, "steps": STEPS, **plan}
        self.controller.start("r", {**document, "gates": {"no_worse": [], **gates}})

    def restarted(self) -> Controller:
        self.controller = Controller(
            Store(self.path),
            lambda model: me.routing.Route(self, model),
            quality_of=self.quality_of,
            query=lambda _, query: self.answers.get(query),
            now=lambda: self.time,
        )
        return self.controller

    def read(self, model: str) -> dict[str, Any]:
        if not self.document:
            raise me.NotFound("no route")
        return {**self.document, "state": {"guard": self.guard}}

    def write(self, model: str, document: Mapping[str, Any]) -> dict[str, Any]:
        self.document = {"arms": [], "shadows": [], **document}
        return self.read(model)

    def remove(self, model: str) -> None: ...

    def explain(self, model: str, unit: str) -> dict[str, Any]:
        return {}

    def quality_of(self, model: str, version: int) -> dict[str, Any]:
        if version not in self.quality:
            raise me.NotFound("nothing is known")
        return self.quality[version]

    def labels(self, candidate: tuple[int, int], stable: tuple[int, int]) -> None:
        """(Labels, wrong) so far of each."""
        for version, (labels, wrong) in ((2, candidate), (1, stable)):
            self.quality[version] = {"confusion": [[labels - wrong, wrong], [0, 0]]}

    def rewards(self, candidate: tuple[int, float], stable: tuple[int, float]) -> None:
        for version, (number, total) in ((2, candidate), (1, stable)):
            self.quality[version] = {"rewards": number, "reward_sum": total}

    def tick(self) -> State:
        return self.controller.tick("r")

    @property
    def step(self) -> int:
        return self.controller.store.get("r").step

    @property
    def reason(self) -> str:
        return self.controller.store.get("r").reason


def guard_of(arm: int, stable: int, log_e: float = 0.0) -> dict[str, Any]:
    metrics = [
        {"name": name, "log_e": log_e, "log_e_no_worse": log_e}
        for name in ("errors", "latency_p50", "latency_p90", "latency_p99")
    ]
    return {"verdict": "watching", "arm_answers": arm, "stable_answers": stable, "metrics": metrics}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollouts.db"


def test_labels_open_the_gate_once_they_show_enough(path: Path) -> None:
    world = World(path, {"labels_margin": 1.5})
    for look in range(1, 200):
        world.labels((10 * look, look), (90 * look + 500, 9 * look + 400))
        world.tick()
        if world.step == 1:
            break
        world.restarted()  # what was seen outlives every controller
    assert 10 < look < 150
    told = world.controller.store.audit("r")[-1]["seen"]["labels"]
    assert told["no_worse"] >= math.log(100)
    assert told["worse"] < 1


def test_wrong_labels_take_the_traffic_away(path: Path) -> None:
    world = World(path, {"labels_margin": 1.5})
    looks = 0
    while world.tick() is State.RUNNING and looks < 100:
        looks += 1
        world.labels((10 * looks, 5 * looks), (90 * looks, 9 * looks))
    assert looks < 10
    assert world.controller.store.get("r").state == "rolled_back"
    assert "worse than stable" in world.reason
    assert world.document["stable"] == 1


def test_without_labels_nothing_is_promoted(path: Path) -> None:
    world = World(path, {"labels_margin": 1.5})
    world.guard = guard_of(1000, 9000, log_e=0)
    world.tick()
    world.time += 90_000
    assert world.tick() is State.HELD
    assert world.reason.startswith("it took too long: labels: log e-value 0.00")


def test_a_server_that_forgets_its_labels_is_compared_from_there_on(path: Path) -> None:
    world = World(path, {"labels_margin": 1.5})
    world.labels((1000, 100), (9000, 900))
    world.tick()
    world.labels((10, 9), (9100, 910))  # it began anew: what there is now may be old
    world.tick()
    assert world.controller.store.get("r").seen["labels"]["worse"] == [0.0] * 12


@pytest.mark.parametrize(("mean", "state"), [(0.5, State.RUNNING), (0.3, State.ROLLED_BACK)])
def test_rewards_decide_by_their_mean(path: Path, mean: float, state: State) -> None:
    gates = {"reward_loss_max": 1.0, "reward_range": [-5.0, 5.0]}
    world = World(path, gates)
    world.rewards((0, 0.0), (0, 0.0))
    world.tick()
    world.rewards((2000, 2000 * 10 * (mean - 0.5)), (18_000, 0.0))
    assert world.tick() is state
    assert world.step == (1 if state is State.RUNNING else 0)
    if state is State.ROLLED_BACK:
        assert "rewards are lower" in world.reason


def test_rewards_that_say_little_hold(path: Path) -> None:
    world = World(path, {"reward_loss_max": 0.1})
    world.rewards((0, 0.0), (0, 0.0))
    world.tick()
    world.rewards((20, 10.0), (180, 90.0))
    world.tick()
    assert world.step == 0


def test_queries_are_gates_and_stops(path: Path) -> None:
    queries = [
        {"url": "http://p", "query": "lag", "at_most": 5.0},
        {"url": "http://p", "query": "money", "at_least": 1.0, "stop": True},
    ]
    world = World(path, {"prometheus": queries})
    world.tick()
    assert world.step == 0, "no answer is no consent"
    world.answers = {"lag": 6.0, "money": 2.0}
    world.tick()
    assert world.step == 0
    world.answers["lag"] = 5.0
    world.tick()
    assert world.step == 1
    assert world.controller.store.audit("r")[-1]["prometheus"] == world.answers
    world.answers["money"] = None
    assert world.tick() is State.RUNNING, "silence stops nothing"
    world.answers["money"] = 0.5
    assert world.tick() is State.ROLLED_BACK
    assert world.reason == "money is 0.5"


def test_a_split_that_is_wrong_holds_until_somebody_looked(path: Path) -> None:
    world = World(path, {})
    world.tick()
    assert world.step == 1
    world.guard = guard_of(10, 10)
    world.tick()
    world.guard = guard_of(60, 210)
    assert world.tick() is State.HELD
    assert "does not get the share" in world.reason
    assert world.controller.approve("r") is State.PROMOTED


def test_units_with_many_requests_say_nothing_of_the_split() -> None:
    document = {"model": "m", "stable": 1, "candidate": 2, "steps": STEPS}
    assert Plan.from_document(document).gates.split
    assert not Plan.from_document({**document, "unit": {"header": "x-user"}}).gates.split


def test_evidence_outlives_a_server_that_began_anew(path: Path) -> None:
    world = World(path, {"no_worse": ["latency_p50"]})
    world.guard = guard_of(100, 900, log_e=3.0)
    assert world.tick() is State.RUNNING
    world.restarted()
    world.guard = guard_of(10, 90, log_e=0.5)
    assert world.tick() is State.RUNNING
    world.guard = guard_of(50, 450, log_e=1.7)
    assert world.tick() is State.ROLLED_BACK, "3.0 + 1.7 is enough, neither is alone"
    assert "log e-value 4.70" in world.reason


def test_a_prometheus_server_is_asked(path: Path) -> None:
    asked: list[str] = []

    class Prometheus(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            result = [{"metric": {}, "value": [1, "2.5"]}]
            data = {"resultType": "vector", "result": result}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "success", "data": data}).encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    assert value_of(f"http://127.0.0.1:{server.server_port}/", 'sum(a{b="c"}) > 1') == 2.5
    server.shutdown()
    thread.join()
    server.server_close()
    assert asked == ["/api/v1/query?query=sum%28a%7Bb%3D%22c%22%7D%29%20%3E%201"]
    assert value_of("http://127.0.0.1:1", "up") is None
    assert value_of("no address", "up") is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"null",
        b'{"data":{"resultType":"matrix","result":[1,"2"]}}',
        b'{"data":{"resultType":"scalar","result":[1,"NaN"]}}',
        b'{"data":{"resultType":"scalar","result":[1]}}',
        b'{"data":{"resultType":"scalar","result":7}}',
        b'{"data":{"resultType":"vector","result":[{"value":[1,"1"]},{"value":[1,"2"]}]}}',
        b'{"data":{"resultType":"vector","result":[{}]}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_number_says_nothing(answer: bytes) -> None:
    assert number_in(answer) is None


def test_how_many_requests_labels_and_rewards_take_is_said() -> None:
    document = {"model": "m", "stable": 1, "candidate": 2, "steps": [{"share": 0.5}]}
    gates = {"no_worse": [], "labels_margin": 1.5}
    assert Plan.from_document({**document, "gates": gates}).requests_needed() == [None]
    gates["wrong_rate"] = 0.1
    assert Plan.from_document({**document, "gates": gates}).requests_needed() == [2257]
    gates = {"no_worse": [], "reward_loss_max": 0.5, "reward_range": [0, 10]}
    needed = Plan.from_document({**document, "gates": gates}).requests_needed()[0]
    assert needed is not None
    assert 5_000 < needed < 50_000


@pytest.mark.parametrize(
    ("gates", "why"),
    [
        ({"labels_margin": 1.0}, "labels_margin is at least"),
        ({"reward_range": [1, 1]}, "reward_range"),
        ({"prometheus": [{"query": "up"}]}, "a Prometheus gate"),
        ({"prometheus": [{"url": "u", "query": "up", "below": 1}]}, "no member 'below'"),
    ],
)
def test_gates_that_cannot_be_are_refused(gates: dict[str, Any], why: str) -> None:
    document = {"model": "m", "stable": 1, "candidate": 2, "steps": STEPS}
    with pytest.raises(me.InvalidArgument, match=why):
        Plan.from_document({**document, "gates": gates})
