"""Routes of a real server: both doors follow them, they are audited, and they outlive kill -9."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpcclient
from faults import eventually
from serving import RunningServer

import mlops_engine as me

CONFIG = """
backend: "identity"
max_batch_size: 8
version_policy: { all { } }
input [{ name: "in" data_type: TYPE_FP32 dims: [ 2 ] }]
output [{ name: "out" data_type: TYPE_FP32 dims: [ 2 ] }]
"""
BODY = {"inputs": [{"name": "in", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}


class Routed:
    """A server with two versions of "flights"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for version in ("1", "2"):
            (folder / "models" / "flights" / version).mkdir(parents=True, exist_ok=True)
        (folder / "models" / "flights" / "config.pbtxt").write_text(CONFIG)
        self.audit = folder / "audit"
        self.server = self.start()

    def start(self) -> RunningServer:
        flags = (f"--route-file={self.folder / 'routes.json'}", f"--audit-log={self.audit}")
        return RunningServer(self.folder / "models", *flags)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.http}"

    @property
    def route(self) -> me.routing.Route:
        return me.routing.of_server(self.url, "flights")

    def ask(self, unit: str, **headers: str) -> tuple[dict[str, Any], dict[str, str]]:
        """An answer's document and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            "POST", "/v2/models/flights/infer", json.dumps({**BODY, "id": unit}), named
        )
        reply = connection.getresponse()
        document = json.loads(reply.read())
        connection.close()
        return document, {name.lower(): value for name, value in reply.getheaders()}


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[Routed]:
    made = Routed(tmp_path)
    yield made
    assert made.server.stop() == 0


def arm(answer: tuple[dict[str, Any], dict[str, str]]) -> str:
    """The arm of an answer, which says it twice, and its version three times."""
    document, headers = answer
    named: str = document["parameters"]["route_arm"]
    assert headers["mlops-arm"] == named
    assert headers["mlops-version"] == document["model_version"]
    assert document["model_version"] == ("2" if named == "canary" else "1")
    return named


def test_both_doors_follow_the_route_and_say_so(routed: Routed) -> None:
    document, headers = routed.ask("u")
    assert "parameters" not in document
    assert "mlops-arm" not in headers
    routed.route.set(stable=1, canary=(2, 0.5))
    tensor = grpcclient.InferInput("in", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 2), np.float32))
    seen = set()
    with grpcclient.InferenceServerClient(f"127.0.0.1:{routed.server.grpc}") as client:
        for i in range(40):
            wanted = routed.route.explain(f"u/{i}")
            answer = routed.ask(f"u/{i}")
            assert arm(answer) == wanted["arm"]
            assert answer[0]["parameters"]["route_share"] == 0.5
            reply = client.infer("flights", [tensor], request_id=f"u/{i}").get_response()
            assert reply.parameters["route_arm"].string_param == wanted["arm"]
            assert reply.model_version == str(wanted["version"])
            seen.add(wanted["arm"])
    assert seen == {"stable", "canary"}
    assert routed.server.metric('mlops_route_requests_total{model="flights",arm="canary"') > 0


def test_headers_make_units_and_overrides(routed: Routed) -> None:
    routed.route.set(
        stable=1, canary=(2, 0.5), unit={"header": "X-User"}, override={"header": "x-arm"}
    )
    users = [f"user-{i}" for i in range(20)]
    wanted = {user: routed.route.explain(user)["arm"] for user in users}
    assert set(wanted.values()) == {"stable", "canary"}
    for user in users:
        assert arm(routed.ask("any", X_User=user)) == wanted[user]
        assert arm(routed.ask("any", x_user=user, X_ARM="canary")) == "canary"
    document, _ = routed.ask("any", x_arm="nobody")
    assert "does not have" in document["error"]
    tensor = grpcclient.InferInput("in", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 2), np.float32))
    with grpcclient.InferenceServerClient(f"127.0.0.1:{routed.server.grpc}") as client:
        for user in users:
            reply = client.infer("flights", [tensor], headers={"x-user": user}).get_response()
            assert reply.parameters["route_arm"].string_param == wanted[user]


def test_a_killed_server_comes_back_as_it_was(routed: Routed) -> None:
    routed.route.set(stable=1, canary=(2, 0.3), other=(2, 0.1))
    before = routed.route.set(stable=1, canary=(2, 0.2), other=(2, 0.25))
    routed.server.process.kill()
    routed.server.process.wait()
    routed.server = routed.start()
    after = routed.route.get()
    assert {k: v for k, v in after.items() if k != "state"} == {
        k: v for k, v in before.items() if k != "state"
    }
    routed.route.clear()
    with pytest.raises(me.NotFound):
        routed.route.get()


def test_what_cannot_be_is_refused_and_every_change_is_audited(routed: Routed) -> None:
    with pytest.raises(me.Unavailable, match="arm 'canary' is version 7"):
        routed.route.set(stable=1, canary=(7, 0.5))
    with pytest.raises(me.InvalidArgument, match="no member 'weights'"):
        routed.route.put({"stable": 1, "weights": 3})
    routed.route.set(stable=1)
    with pytest.raises(me.NotFound):
        me.routing.of_server(routed.url, "nothing").get()
    assert routed.server.request("POST", "/mlops/v1/models/flights/route", "{}")[0] == 405
    assert routed.server.stop() == 0
    lines = [json.loads(line) for line in routed.audit.read_text().splitlines()]
    changes = [line["result"] for line in lines if line["call"] == "route_change"]
    assert changes == ["503", "400", "200"]
    routed.server = routed.start()


def unary(path: Path, operator: str) -> None:
    """A model that applies one operator."""
    shape = ["rows", 2]
    tensors = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name in ("in", "out")
    ]
    node = onnx.helper.make_node(operator, ["in"], ["out"])
    graph = onnx.helper.make_graph([node], operator, tensors[:1], tensors[1:])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    made.ir_version = 8
    path.parent.mkdir(parents=True)
    onnx.save(made, path)


def test_a_canary_that_answers_nan_is_rolled_back_for_good(tmp_path: Path) -> None:
    for version, operator in (("1", "Abs"), ("2", "Sqrt"), ("3", "Neg")):
        unary(tmp_path / "models" / "roots" / version / "model.onnx", operator)
    (tmp_path / "models" / "roots" / "config.pbtxt").write_text("version_policy: { all { } }")
    flags = (f"--route-file={tmp_path / 'routes.json'}",)
    body = json.dumps(
        {"inputs": [{"name": "in", "shape": [1, 2], "datatype": "FP32", "data": [-4, 9]}]}
    )
    with RunningServer(tmp_path / "models", *flags) as server:
        route = me.routing.of_server(f"http://127.0.0.1:{server.http}", "roots")
        route.set(stable=1, canary=(2, 0.2), shadow=[3], guard="canary")
        reached = 0
        for _ in range(200):
            status, reply = server.request("POST", "/v2/models/roots/infer", body)
            assert status == 200
            reached += json.loads(reply)["model_version"] == "2"
        assert reached == 1
        eventually(lambda: "rolled_back" in route.get())
        shadow = route.get()["state"]["shadows"][0]
        assert shadow["version"] == 3
        assert shadow["offered"] == 200
        server.process.kill()
        server.process.wait()
    with RunningServer(tmp_path / "models", *flags) as server:
        document = me.routing.of_server(f"http://127.0.0.1:{server.http}", "roots").get()
        assert document["arms"] == [{"name": "canary", "version": 2, "share": 0}]
        assert document["rolled_back"]["version"] == 2
        assert "not finite" in document["rolled_back"]["reason"]
        assert server.stop() == 0


def test_the_command_line(routed: Routed) -> None:
    def mlops(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlops_engine.cli.main", "route", *arguments]
        command += ["--url", routed.url]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    done = mlops("set", "flights", "--stable=1", "--arm", "canary=2:1", "--unit-header", "x-user")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arms"] == [{"name": "canary", "version": 2, "share": 1}]
    assert json.loads(mlops("explain", "flights", "--key", "u").stdout)["arm"] == "canary"
    failed = mlops("set", "flights", "--stable=9")
    assert failed.returncode == 1
    assert "route: 'stable' is version 9" in failed.stderr
