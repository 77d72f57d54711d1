"""Priorities, queue policies, limits and objectives, over both doors, against models that sleep."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from serving import RunningServer
from tritonclient.utils import InferenceServerException

# One lane, so that whatever is sent while it runs has to wait.
_MODEL = """
backend: "identity"
max_batch_size: 8
input [{ name: "in" data_type: TYPE_FP32 dims: [1] }]
output [{ name: "out" data_type: TYPE_FP32 dims: [1] }]
instance_group [{ kind: KIND_CPU count: 1 }]
"""


def _sleeps(ms: int, **more: object) -> str:
    parameters = {"execute_delay_ms": ms, **more}
    return "".join(
        f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n'
        for key, value in parameters.items()
    )


_MODELS = {
    "levels": "dynamic_batching { priority_levels: 2 default_priority_level: 2 }" + _sleeps(500),
    "small_queue": "dynamic_batching { default_queue_policy { max_queue_size: 2 } }" + _sleeps(400),
    "rejects": "dynamic_batching { default_queue_policy { default_timeout_microseconds: 50000 } }"
    + _sleeps(300),
    "overrides": "dynamic_batching { default_queue_policy { allow_timeout_override: true } }"
    + _sleeps(300),
    "plain": _sleeps(300),
    "two_at_most": _sleeps(400, max_inflight_requests=2),
    "objective": _sleeps(60, slo_p99_us=100_000),
}


@pytest.fixture(scope="module")
def queueing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    repository = tmp_path_factory.mktemp("queueing")
    for name, config in _MODELS.items():
        (repository / name / "1").mkdir(parents=True)
        text = _MODEL
        if name == "levels":  # one at a time, or the lower level would share the higher one's batch
            text = text.replace("max_batch_size: 8", "max_batch_size: 1")
        (repository / name / "config.pbtxt").write_text(text + config)
    with RunningServer(repository, "--threads=2") as server:
        yield server
        assert server.stop() == 0


class Asked(threading.Thread):
    """One request on a thread of its own."""

    def __init__(self, server: RunningServer, door: str, model: str, **more: Any) -> None:
        super().__init__()
        self.server, self.door, self.model, self.more = server, door, model, more
        self.error: InferenceServerException | None = None
        self.answered_at = 0.0
        self.start()

    def run(self) -> None:
        client = tritonclient.http if self.door == "http" else tritonclient.grpc
        tensor = client.InferInput("in", [1, 1], "FP32")
        tensor.set_data_from_numpy(np.ones((1, 1), np.float32))
        port = self.server.http if self.door == "http" else self.server.grpc
        with client.InferenceServerClient(f"127.0.0.1:{port}") as connection:
            try:
                connection.infer(self.model, [tensor], **self.more)
            except InferenceServerException as error:
                self.error = error
        self.answered_at = time.monotonic()

    def outcome(self) -> InferenceServerException | None:
        self.join(30)
        assert not self.is_alive()
        return self.error


def _while_busy(server: RunningServer, door: str, model: str) -> Asked:
    """A request that is running."""
    asked = Asked(server, door, model)
    running = f'mlops_requests_in_flight{{model="{model}"'
    while server.metric(running) == 0 or server.metric(_WAITING % model) > 0:
        assert asked.is_alive()
    return asked


_WAITING = 'nv_inference_pending_request_count{model="%s"'
DOORS = pytest.mark.parametrize("door", ["http", "grpc"])


def _is_unavailable(door: str, error: InferenceServerException | None, text: str) -> bool:
    assert error is not None
    status = {"http": "503", "grpc": "StatusCode.UNAVAILABLE"}[door]
    return error.status() == status and text in error.message()


@DOORS
def test_a_higher_level_overtakes(queueing: RunningServer, door: str) -> None:
    running = _while_busy(queueing, door, "levels")
    low = [Asked(queueing, door, "levels") for _ in range(2)]
    while queueing.metric(_WAITING % "levels") < 2:
        assert running.is_alive()
    high = Asked(queueing, door, "levels", priority=1)
    assert [asked.outcome() for asked in [running, *low, high]] == [None] * 4
    assert high.answered_at < max(asked.answered_at for asked in low)


@DOORS
def test_a_full_queue(queueing: RunningServer, door: str) -> None:
    running = _while_busy(queueing, door, "small_queue")
    asked = [Asked(queueing, door, "small_queue") for _ in range(4)]
    errors = [one.outcome() for one in asked]
    assert running.outcome() is None
    refused = [error for error in errors if error is not None]
    assert len(refused) == 2
    assert all(_is_unavailable(door, e, "Exceeds maximum queue size") for e in refused)
    label = 'mlops_requests_refused_total{model="small_queue",version="1",reason="queue_full"}'
    assert queueing.metric(label) >= 2


@DOORS
def test_time_in_the_queue_is_over(queueing: RunningServer, door: str) -> None:
    running = _while_busy(queueing, door, "rejects")
    late = Asked(queueing, door, "rejects")
    assert _is_unavailable(door, late.outcome(), "Request timeout expired")
    assert running.outcome() is None
    assert late.answered_at < running.answered_at  # it did not wait for the lane
    rejected = 'nv_inference_request_failure{model="rejects",version="1",reason="REJECTED"}'
    assert queueing.metric(rejected) >= 1


@DOORS
def test_whether_a_timeout_counts_is_the_policys_choice(queueing: RunningServer, door: str) -> None:
    running = _while_busy(queueing, door, "overrides")
    late = Asked(queueing, door, "overrides", timeout=20_000)
    assert _is_unavailable(door, late.outcome(), "Request timeout expired")
    assert running.outcome() is None
    running = _while_busy(queueing, door, "small_queue")
    ignored = Asked(queueing, door, "small_queue", timeout=20_000)
    assert ignored.outcome() is None
    assert running.outcome() is None


@DOORS
def test_without_a_policy_it_is_a_deadline(queueing: RunningServer, door: str) -> None:
    running = _while_busy(queueing, door, "plain")
    late = Asked(queueing, door, "plain", timeout=20_000).outcome()
    assert late is not None
    assert late.status() == {"http": "504", "grpc": "StatusCode.DEADLINE_EXCEEDED"}[door]
    assert running.outcome() is None


@DOORS
def test_requests_in_flight_are_bounded(queueing: RunningServer, door: str) -> None:
    running = _while_busy(queueing, door, "two_at_most")
    asked = [Asked(queueing, door, "two_at_most") for _ in range(3)]
    refused = [error for error in (one.outcome() for one in asked) if error is not None]
    assert len(refused) == 2
    assert all(_is_unavailable(door, e, "requests in flight") for e in refused)
    assert running.outcome() is None


@DOORS
def test_what_cannot_be_in_time_is_refused_at_once(queueing: RunningServer, door: str) -> None:
    for _ in range(3):
        assert Asked(queueing, door, "objective").outcome() is None
    began = time.monotonic()
    asked = [Asked(queueing, door, "objective") for _ in range(40)]
    errors = [one.outcome() for one in asked]
    refused = [error for error in errors if error is not None]
    assert refused
    assert len(refused) < 40
    assert all(_is_unavailable(door, e, "latency objective") for e in refused)
    assert time.monotonic() - began < 20


def test_refusals_say_when_to_come_again(queueing: RunningServer) -> None:
    running = _while_busy(queueing, "http", "two_at_most")
    waiting = Asked(queueing, "http", "two_at_most")
    while queueing.metric(_WAITING % "two_at_most") < 1:
        assert running.is_alive()
    tensor = {"name": "in", "shape": [1, 1], "datatype": "FP32", "data": [1]}
    connection = http.client.HTTPConnection("127.0.0.1", queueing.http, timeout=20)
    with contextlib.closing(connection):
        path = "/v2/models/two_at_most/infer"
        connection.request("POST", path, json.dumps({"inputs": [tensor]}))
        reply = connection.getresponse()
        assert reply.status == 503
        assert int(reply.headers["Retry-After"]) >= 1
        assert "in flight" in json.loads(reply.read())["error"]
    assert running.outcome() is None
    assert waiting.outcome() is None


def test_bad_parameters_are_said_at_loading(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "config.pbtxt").write_text(_MODEL + _sleeps(0, slo_p99_us="soon"))
    with RunningServer(tmp_path, wait_ready=False) as server:
        body: list[dict[str, Any]] = [{}]
        deadline = time.monotonic() + 10
        while "slo_p99_us" not in body[0].get("reason", ""):
            assert time.monotonic() < deadline, body
            body = json.loads(server.request("POST", "/v2/repository/index", "{}")[1]) or [{}]
