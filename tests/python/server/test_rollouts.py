"""A rollout on a real server, which is killed on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from serving import RunningServer

import mlops_engine as me
from mlops_engine.rollout import Controller, Rollout, State, Store
from mlops_engine.rollout.rollout import routes_of

CONFIG = """
backend: "identity"
max_batch_size: 8
version_policy: { all { } }
input [{ name: "in" data_type: TYPE_FP32 dims: [ 2 ] }]
output [{ name: "out" data_type: TYPE_FP32 dims: [ 2 ] }]
"""
PLAN = """
model = "flights"
stable = 1
candidate = 2
warm_up = 5
[gates]
no_worse = []
disagreement_max = 0.0
[[steps]]
share = 0
answers_min = 5
[[steps]]
share = 0.5
answers_min = 20
"""


def ask(server: RunningServer, count: int) -> set[str]:
    """The versions that answered."""
    tensor = {"name": "in", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    seen = set()
    for i in range(count):
        body = json.dumps({"id": f"user-{i}", "inputs": [tensor]})
        status, reply = server.request("POST", "/v2/models/flights/infer", body)
        assert status == 200
        seen.add(json.loads(reply)["model_version"])
    return seen


def tick_until(server: RunningServer, tick: Any, done: Any) -> set[str]:
    seen: set[str] = set()
    for _ in range(200):
        seen |= ask(server, 10)
        if done(tick()):
            return seen
    raise AssertionError("the rollout does not move")


def test_a_version_is_promoted_although_everything_is_killed_on_the_way(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / "models" / "flights" / version).mkdir(parents=True)
    (tmp_path / "models" / "flights" / "config.pbtxt").write_text(CONFIG)
    (tmp_path / "plan.toml").write_text(PLAN)
    rollout = Rollout.from_toml(tmp_path / "plan.toml")
    file = tmp_path / "rollouts.db"
    flags = (f"--route-file={tmp_path / 'routes.json'}",)
    with RunningServer(tmp_path / "models", *flags) as server:
        url = f"http://127.0.0.1:{server.http}"
        controller = rollout.start(url, file)
        seen = tick_until(
            server,
            lambda: controller.tick(rollout.name),
            lambda _: controller.store.get(rollout.name).step == 1,
        )
        assert seen == {"1"}
        server.process.kill()
        server.process.wait()
    with RunningServer(tmp_path / "models", *flags) as server:
        url = f"http://127.0.0.1:{server.http}"
        again = Controller(Store(file), routes_of(url))
        seen = tick_until(
            server, lambda: again.tick(rollout.name), lambda state: state is State.PROMOTED
        )
        assert seen == {"1", "2"}
        assert me.routing.of_server(url, "flights").get()["stable"] == 2
        assert ask(server, 10) == {"2"}
        command = [sys.executable, "-m", "mlops_engine.cli.main", "rollout", "status"]
        command += [rollout.name, "--store", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines[0]["state"] == "promoted"
        assert [line["event"] for line in lines[1:]] == ["started", "advanced", "promoted"]
        assert server.stop() == 0


BINARY = (
    CONFIG
    + """
parameters { key: "feedback" value: { string_value: "binary" } }
"""
)


def test_wrong_labels_take_a_version_back_on_a_real_server(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / "models" / "flights" / version).mkdir(parents=True)
    (tmp_path / "models" / "flights" / "config.pbtxt").write_text(BINARY)
    document = {"model": "flights", "stable": 1, "candidate": 2, "steps": [{"share": 0.3}]}
    document["gates"] = {"no_worse": [], "labels_margin": 1.5}
    rollout = Rollout(document)
    with RunningServer(tmp_path / "models") as server:
        url = f"http://127.0.0.1:{server.http}"
        controller = rollout.start(url, tmp_path / "rollouts.db")
        tensor = {"name": "in", "shape": [1, 2], "datatype": "FP32", "data": [0.2, 0.8]}
        state, asked = State.RUNNING, 0
        while state is State.RUNNING and asked < 2000:
            labels = []
            for i in range(asked, asked + 20):
                body = json.dumps({"id": f"request-{i}", "inputs": [tensor]})
                status, reply = server.request("POST", "/v2/models/flights/infer", body)
                assert status == 200
                # It says 1; the candidate is wrong half of the time, stable once in ten.
                wrong = i % (2 if json.loads(reply)["model_version"] == "2" else 10) == 0
                labels.append({"id": f"request-{i}", "label": 0 if wrong else 1})
            body = json.dumps({"feedback": labels})
            status, reply = server.request("POST", "/mlops/v1/models/flights/feedback", body)
            assert status == 200  # what is not remembered yet is unknown, and no matter
            asked += 20
            state = controller.tick(rollout.name)
        assert state is State.ROLLED_BACK
        assert ask(server, 10) == {"1"}
        last = controller.store.audit(rollout.name)[-1]
        assert last["seen"]["labels"]["worse"] > 4.6
        assert server.stop() == 0
