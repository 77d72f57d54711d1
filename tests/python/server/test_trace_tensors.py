"""Trace level TENSORS in Triton's trace files, through every door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from serving import RunningServer
from tritonclient.utils import InferenceServerException

ROW = np.array([[0.5, -2.0, 3.25]], np.float32)
TEXT = {"data": "0.5,-2.0,3.25", "shape": "1,3", "dtype": "FP32"}
EXPECTED = [
    ("TENSOR_QUEUE_INPUT", {"name": "x", **TEXT}),
    ("TENSOR_BACKEND_OUTPUT", {"name": "same", **TEXT}),
    (
        "TENSOR_BACKEND_OUTPUT",
        {"name": "twice", "data": "0.5,-2.0,3.25,0.5,-2.0,3.25", "shape": "1,6", "dtype": "FP32"},
    ),
]


def _tensors(file: Path) -> list[tuple[str, dict[str, Any]]]:
    entries = json.loads(file.read_text())
    return [(entry["activity"], entry["tensor"]) for entry in entries if "activity" in entry]


def test_tensors_are_written_through_every_door(small_repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    flags = [f"--trace-config=file={file}", "--trace-config=rate=1"]
    with RunningServer(small_repository, *flags, "--trace-config=level=TENSORS") as server:
        http = triton_http.InferenceServerClient(f"127.0.0.1:{server.http}")
        for binary in (False, True):
            given = triton_http.InferInput("x", ROW.shape, "FP32")
            given.set_data_from_numpy(ROW, binary_data=binary)
            http.infer("type_fp32", [given])
        http.close()
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as grpc:
            row = triton_grpc.InferInput("x", ROW.shape, "FP32")
            row.set_data_from_numpy(ROW)
            grpc.infer("type_fp32", [row])
            grpc.start_stream(lambda result, error: None)
            grpc.async_stream_infer("type_fp32", [row])
            grpc.stop_stream()
        assert server.stop() == 0
    assert _tensors(file) == EXPECTED * 4
    assert not [entry for entry in json.loads(file.read_text()) if "timestamps" in entry]


SQUARE = """
backend: "square"
max_batch_size: 0
model_transaction_policy { decoupled: True }
input [{ name: "IN" data_type: TYPE_INT32 dims: [ 1 ] }]
output [{ name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] }]
"""


def test_all_responses_of_a_decoupled_model_are_written(tmp_path: Path) -> None:
    repository, file = tmp_path / "models", tmp_path / "trace.json"
    (repository / "square" / "1").mkdir(parents=True)
    (repository / "square" / "config.pbtxt").write_text(SQUARE)
    flags = [f"--trace-config=file={file}", "--trace-config=rate=1"]
    with RunningServer(repository, *flags, "--trace-config=level=TENSORS") as server:
        given = triton_grpc.InferInput("IN", [1], "INT32")
        given.set_data_from_numpy(np.array([3], np.int32))
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as grpc:
            grpc.start_stream(lambda result, error: None)
            grpc.async_stream_infer("square", [given])
            grpc.stop_stream()
        status, events = server.request("POST", "/v2/models/square/generate_stream", '{"IN": 2}')
        assert (status, events.count(b"data: ")) == (200, 2)
        assert server.stop() == 0
    told = [(activity, tensor["name"], tensor["data"]) for activity, tensor in _tensors(file)]
    assert told == [
        ("TENSOR_QUEUE_INPUT", "IN", "3"),
        *[("TENSOR_BACKEND_OUTPUT", "OUT", "3")] * 3,
        ("TENSOR_QUEUE_INPUT", "IN", "2"),
        *[("TENSOR_BACKEND_OUTPUT", "OUT", "2")] * 2,
    ]


def test_the_level_is_changed_while_it_serves(small_repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    flags = [f"--trace-config=file={file}", "--trace-config=rate=1"]
    with RunningServer(small_repository, *flags) as server:
        client = triton_http.InferenceServerClient(f"127.0.0.1:{server.http}")
        given = triton_http.InferInput("x", ROW.shape, "FP32").set_data_from_numpy(ROW)
        client.infer("type_fp32", [given])
        client.update_trace_settings("type_fp32", {"trace_level": ["TIMESTAMPS", "TENSORS"]})
        client.infer("type_fp32", [given])
        # What failed has its inputs.
        bad = triton_http.InferInput("wrong", ROW.shape, "FP32").set_data_from_numpy(ROW)
        with pytest.raises(InferenceServerException, match="wrong"):
            client.infer("type_fp32", [bad])
        client.close()
        assert server.stop() == 0
    assert _tensors(file) == [*EXPECTED, ("TENSOR_QUEUE_INPUT", {"name": "wrong", **TEXT})]
    assert len([e for e in json.loads(file.read_text()) if "timestamps" in e]) == 2
