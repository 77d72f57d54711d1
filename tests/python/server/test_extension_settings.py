"""Trace and logging settings through tritonclient, and their effect on the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from serving import RunningServer, infer_body
from tritonclient.utils import InferenceServerException


class Door:
    """One of the two clients, with plain dictionaries as answers."""

    def __init__(self, server: RunningServer, grpc: bool):
        self.grpc = grpc
        door = tritonclient.grpc if grpc else tritonclient.http
        port = server.grpc if grpc else server.http
        self.client = door.InferenceServerClient(f"127.0.0.1:{port}")

    def _plain(self, reply: Any) -> dict[str, Any]:
        if not self.grpc:
            return dict(reply)
        settings = {}
        for key, value in reply.settings.items():
            if hasattr(value, "value"):
                values = list(value.value)
                settings[key] = values if key == "trace_level" else "".join(values)
            else:
                settings[key] = getattr(value, value.WhichOneof("parameter_choice"))
        return settings

    def trace(self, model: str | None = None, **settings: Any) -> dict[str, Any]:
        if not settings:
            return self._plain(self.client.get_trace_settings(model))
        return self._plain(self.client.update_trace_settings(model, settings))

    def log(self, **settings: Any) -> dict[str, Any]:
        if not settings:
            return self._plain(self.client.get_log_settings())
        return self._plain(self.client.update_log_settings(settings))


@pytest.fixture(params=["http", "grpc"])
def door(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Door]:
    made = Door(server, request.param == "grpc")
    yield made
    made.trace(trace_level=None, trace_rate=None, trace_count=None, log_frequency=None)
    made.log(log_info=True, log_verbose_level=0, log_format="default")
    made.client.close()


def test_trace_settings_are_read_changed_and_cleared(door: Door) -> None:
    assert door.trace() == {
        "trace_level": ["OFF"],
        "trace_rate": "1000",
        "trace_count": "-1",
        "log_frequency": "0",
        "trace_file": "",
        "trace_mode": "triton",
    }
    changed = door.trace(trace_level=["TIMESTAMPS"], trace_rate="5", trace_count="7")
    assert (changed["trace_level"], changed["trace_rate"]) == (["TIMESTAMPS"], "5")
    model = door.trace("type_fp32", trace_rate="2", log_frequency="3")
    assert (model["trace_rate"], model["trace_count"], model["log_frequency"]) == ("2", "7", "3")
    assert door.trace()["trace_rate"] == "5"
    assert door.trace("type_fp32", trace_rate=None)["trace_rate"] == "5"
    cleared = door.trace(trace_level=None, trace_rate=None, trace_count=None)
    assert (cleared["trace_level"], cleared["trace_rate"]) == (["OFF"], "1000")
    door.trace("type_fp32", log_frequency=None)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"trace_file": "/x"}, "trace file location can not be updated through network protocol"),
        ({"trace_mode": "x"}, "can not be updated"),
        ({"trace_level": ["OFF", "TIMESTAMPS"]}, "Expect only one trace level 'OFF'"),
        ({"trace_level": ["LOUD"]}, "unknown trace level 'LOUD'"),
        ({"trace_rate": "x"}, "Unable to parse 'trace_rate', got: x"),
        ({"trace_rate": "-1"}, "value is out of range"),
        ({"trace_rate": "99999999999999999999"}, "value is out of range"),
        ({"trace_count": "-2"}, "Expecting value >= -1"),
        ({"log_frequency": "1.5"}, "Unable to parse 'log_frequency'"),
        ({"nonsense": "1"}, "unknown trace setting 'nonsense'"),
    ],
)
def test_what_trace_settings_refuse(door: Door, settings: dict[str, Any], error: str) -> None:
    before = door.trace()
    with pytest.raises(InferenceServerException, match=error):
        door.trace(**settings)
    assert door.trace() == before


def test_an_unknown_model_has_no_trace_settings(door: Door) -> None:
    with pytest.raises(InferenceServerException, match="Request for unknown model : nope"):
        door.trace("nope")


def test_log_settings_are_read_and_changed(door: Door) -> None:
    assert door.log() == {
        "log_file": "",
        "log_info": True,
        "log_warning": True,
        "log_error": True,
        "log_verbose_level": 0,
        "log_format": "default",
    }
    changed = door.log(log_info=False, log_verbose_level=2, log_format="ISO8601")
    assert changed["log_info"] is False
    assert changed["log_verbose_level"] == 2
    assert changed["log_format"] == "ISO8601"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"log_file": "/x"}, "log file location can not be updated through network protocol"),
        ({"log_format": "loud"}, "invalid argument for log_format, got: loud"),
        ({"nonsense": True}, "unknown log setting 'nonsense'"),
    ],
)
def test_what_log_settings_refuse(door: Door, settings: dict[str, Any], error: str) -> None:
    before = door.log()
    with pytest.raises(InferenceServerException, match=error):
        door.log(**settings)
    assert door.log() == before


@pytest.mark.parametrize("settings", [{"log_info": 1}, {"log_verbose_level": True}])
def test_settings_of_a_near_type(server: RunningServer, settings: dict[str, Any]) -> None:
    """JSON shows that 1 is no boolean. Over gRPC tritonclient itself makes it one before it sends;
    what clients that do not are told is in tests/contract/grpc."""
    over_http, over_grpc = Door(server, grpc=False), Door(server, grpc=True)
    before = over_http.log()
    with pytest.raises(InferenceServerException, match="Unable to parse 'log_"):
        over_http.log(**settings)
    assert over_http.log() == before
    if "log_info" in settings:
        assert over_grpc.log(**settings) == before
    over_http.client.close()
    over_grpc.client.close()


def test_the_log_follows_its_settings(small_repository: Path) -> None:
    with RunningServer(small_repository, "--threads=1") as server:
        post = {"Content_Type": "application/json"}
        server.request("POST", "/v2/logging", json.dumps({"log_verbose_level": 1}), **post)
        server.request("GET", "/v2/models/type_fp32/ready")
        server.request("POST", "/v2/logging", json.dumps({"log_verbose_level": 0}), **post)
        server.request("GET", "/v2/models/type_fp32/stats")
        server.request("POST", "/v2/logging", json.dumps({"log_info": False}), **post)
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
    lines = [json.loads(line) for line in log.splitlines()]
    verbose = [line["message"] for line in lines if line["level"] == "verbose"]
    assert any("model_ready 200" in message for message in verbose)
    assert not any("model_statistics" in message for message in verbose)
    assert not any("draining" in line["message"] for line in lines)


def test_traces_are_written_as_tritons_are(small_repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    arguments = [f"--trace-config=file={file}", "--trace-config=level=TIMESTAMPS"]
    arguments += ["--trace-config=rate=2", "--trace-config=count=3", "--threads=1"]
    with RunningServer(small_repository, *arguments) as server:
        for _ in range(10):
            status, _ = server.request("POST", "/v2/models/type_fp32/infer", infer_body())
            assert status == 200
        traces = json.loads(file.read_text())
        assert [t["id"] for t in traces] == [1, 1, 2, 2, 3, 3]
        assert traces[0]["model_name"] == "type_fp32"
        steps = [step["name"] for step in traces[1]["timestamps"]]
        assert steps == [
            "REQUEST_START",
            "QUEUE_START",
            "COMPUTE_START",
            "COMPUTE_INPUT_END",
            "COMPUTE_OUTPUT_START",
            "COMPUTE_END",
            "REQUEST_END",
        ]
        times = [step["ns"] for step in traces[1]["timestamps"]]
        assert times == sorted(times)
        with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
            assert client.get_trace_settings().settings["trace_count"].value[0] == "0"
            client.update_trace_settings("type_fp32", {"trace_count": "1", "trace_rate": "1"})
            tensor = tritonclient.grpc.InferInput("x", [1, 3], "FP32")
            tensor.set_data_from_numpy(np.zeros((1, 3), np.float32))
            for _ in range(3):
                client.infer("type_fp32", [tensor], request_id="mine")
        traces = json.loads(file.read_text())
        assert [t.get("request_id") for t in traces[6:]] == ["mine", None]
