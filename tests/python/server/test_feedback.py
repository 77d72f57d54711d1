"""Labels by request id: over HTTP, gRPC and from Python, and what they say of a model."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from contract_cases import CONTRACT
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from serving import ROOT, RunningServer

import mlops_engine as me

CONFIG = """
backend: "identity"
max_batch_size: 64
input [ { name: "in" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "chance" data_type: TYPE_FP32 dims: [ 1 ] } ]
"""
BINARY = CONFIG + 'parameters { key: "feedback" value: { string_value: "binary" } }\n'
FEEDBACK = "/mlops/v1/models/binary/feedback"


def build(folder: Path) -> None:
    for name, config in (("binary", BINARY), ("silent", CONFIG)):
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text(config)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    build(tmp_path)
    with RunningServer(tmp_path) as running:
        yield running
        assert running.stop() == 0


def predict(server: RunningServer, name: str, *chances: float, model: str = "binary") -> None:
    tensor = {"name": "in", "shape": [len(chances), 1], "datatype": "FP32", "data": chances}
    body = json.dumps({"id": name, "inputs": [tensor]})
    assert server.request("POST", f"/v2/models/{model}/infer", body)[0] == 200


def tell(server: RunningServer, *items: dict[str, Any]) -> dict[str, Any]:
    status, body = server.request("POST", FEEDBACK, json.dumps({"feedback": items}))
    assert status == 200, body
    return dict(json.loads(body))


def quality(server: RunningServer, span: str = "") -> dict[str, Any]:
    status, body = server.request("GET", f"/mlops/v1/models/binary/quality{span}")
    assert status == 200, body
    return dict(json.loads(body))


def test_cases(server: RunningServer) -> None:
    for name in "abcdef":
        predict(server, name, 0.75)
    predict(server, "rows", 0.1, 0.2, 0.9)
    failed = []
    for case in json.loads((CONTRACT / "feedback" / "http.json").read_text()):
        status, body = server.request("POST", FEEDBACK, case["body"])
        answer = json.loads(body)
        right = status == case["status"] and answer.get("results") == case.get("results")
        if "error_contains" in case:
            right = right and case["error_contains"] in answer["error"]
        if not right:
            failed.append((case["name"], status, answer))
    assert failed == []
    assert server.metric('mlops_feedback_items_total{model="binary",outcome="corrected"}') == 1
    assert server.metric('mlops_feedback_predictions_total{model="binary",state="stored"}') == 9


def test_what_is_too_much_or_nobodys_is_refused(server: RunningServer) -> None:
    item = {"id": "a", "label": 1}
    many = json.dumps({"feedback": [item] * 10_001})
    assert server.request("POST", FEEDBACK, many)[0] == 400
    assert server.request("POST", FEEDBACK, " " * (5 << 20))[0] == 413
    one = json.dumps({"feedback": [item]})
    for model in ("silent", "none"):
        path = f"/mlops/v1/models/{model}/feedback"
        assert server.request("POST", path, one)[0] == 404
        assert server.request("GET", f"/mlops/v1/models/{model}/quality")[0] == 404
    assert server.request("GET", FEEDBACK)[0] == 405


def test_realised_quality_stands_beside_what_scores_promised(server: RunningServer) -> None:
    chances = np.round(np.random.default_rng(0).uniform(0.05, 0.95, 400), 2)
    for i, chance in enumerate(chances):
        predict(server, f"r{i}", float(chance))
    predict(server, "", 0.5)  # without an id nobody can say anything of it
    # Every label is the opposite of what was said.
    labels = [{"id": f"r{i}", "label": int(chance < 0.5)} for i, chance in enumerate(chances)]
    assert tell(server, *labels[:300])["joined"] == 300
    found = quality(server)
    assert (found["task"], found["predictions"], found["labels"]) == ("binary", 400, 300)
    assert found["coverage"] == 0.75
    assert found["accuracy"] == 0
    assert found["expected"]["accuracy"] == pytest.approx(np.maximum(chances, 1 - chances).mean())
    assert found["calibration"]["gone_wrong"]
    assert found["calibration"]["log_wealth"] > 20
    assert found["auroc_high"] < 0.1
    assert quality(server, "/last/1h") == found
    assert server.metric("mlops_quality_label_coverage") == 0.75
    assert server.metric("mlops_quality_calibration_log_wealth") > 20
    watch = me.drift.connect(f"http://127.0.0.1:{server.http}", "binary", 1)
    assert watch.quality("1h") == found


def messages(tmp_path: Path) -> tuple[Any, Any]:
    protoc = shutil.which("protoc")
    assert protoc is not None
    out = tmp_path / "mlops.pb"
    command = [protoc, f"--proto_path={ROOT / 'src'}", f"--descriptor_set_out={out}"]
    subprocess.run([*command, "protocol/mlops.proto"], check=True)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return tuple(  # type: ignore[return-value]
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"mlops.v1.{name}"))
        for name in ("FeedbackRequest", "FeedbackResponse")
    )


def test_grpc(server: RunningServer, tmp_path: Path) -> None:
    request, response = messages(tmp_path)
    for name in "ab":
        predict(server, name, 0.75)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        call = channel.unary_unary(
            "/mlops.v1.FeedbackService/GiveFeedback",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        items = [{"id": "a", "label": 1}, {"id": "b", "reward": 0.5}, {"id": "c", "label": 1}]
        items += [{"id": "a", "label": 0, "correction": True}, {"id": "b", "label": 7}]
        answer = call(request(model="binary", items=items), timeout=20)
        names = [response.Outcome.Name(result) for result in answer.results]
        assert names == ["JOINED", "REWARDED", "UNKNOWN", "CORRECTED", "INADMISSIBLE"]
        wrong: list[tuple[Any, grpc.StatusCode]] = [
            (request(model="none", items=items), grpc.StatusCode.NOT_FOUND),
            (request(model="binary", items=[{"id": "a"}]), grpc.StatusCode.INVALID_ARGUMENT),
            (request(model="binary", items=[{"label": 1}]), grpc.StatusCode.INVALID_ARGUMENT),
            (
                request(model="binary", items=[{"id": "a", "label": float("nan")}]),
                grpc.StatusCode.INVALID_ARGUMENT,
            ),
            (
                request(model="binary", items=[{"id": "a", "label": 1}] * 10_001),
                grpc.StatusCode.INVALID_ARGUMENT,
            ),
        ]
        for message, status in wrong:
            with pytest.raises(grpc.RpcError) as caught:
                call(message, timeout=20)
            assert caught.value.code() == status


def test_from_python(tmp_path: Path) -> None:
    build(tmp_path)
    with me.Engine(tmp_path) as engine:
        for i, chance in enumerate((0.9, 0.2, 0.7)):
            row = np.array([[chance]], np.float32)
            engine.infer("binary", {"in": row}, request_id=f"r{i}")
        futures = [
            engine.submit("binary", {"in": np.full((1, 1), 0.4, np.float32)}, request_id=f"f{i}")
            for i in range(20)
        ]
        for future in futures:
            future.result()
        assert engine.feedback("binary", {"r0": 1, "r1": True, "x": 1}) == {
            "r0": "joined",
            "r1": "joined",
            "x": "unknown",
        }
        assert engine.feedback("binary", {"r1": 0}, kind="correction") == {"r1": "corrected"}
        assert engine.feedback("binary", {"r2": 3.5}, kind="reward") == {"r2": "rewarded"}
        labels = {f"f{i}": 0 for i in range(20)}
        assert set(engine.feedback("binary", labels).values()) == {"joined"}
        found = engine.drift("binary").quality()
        assert (found["predictions"], found["labels"], found["accuracy"]) == (23, 22, 1)
        assert found["reward_sum"] == 3.5
        with pytest.raises(me.NotFound):
            engine.feedback("silent", {"a": 1})
        with pytest.raises(me.InvalidArgument):
            engine.feedback("binary", {"a": 1}, kind="praise")  # type: ignore[arg-type]
