"""Answers that a server keeps: marked, counted as Triton counts them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from serving import RunningServer

CONFIG = """
backend: "identity"
max_batch_size: 64
input [ { name: "in" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "out" data_type: TYPE_FP32 dims: [ 2 ] } ]
"""
CACHED = CONFIG + "response_cache { enable: true }\n"
ROWS = (
    CACHED
    + """
parameters { key: "response_cache_rows" value: { string_value: "on" } }
parameters { key: "response_cache_step:in" value: { string_value: "0.5" } }
"""
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    for name, config in (("kept", CACHED), ("plain", CONFIG), ("rows", ROWS)):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "config.pbtxt").write_text(config)
    with RunningServer(tmp_path, "--cache-config=local,size=1048576") as running:
        yield running
        assert running.stop() == 0


def infer(server: RunningServer, value: float, model: str = "kept", request: str = "") -> Any:
    tensor = {"name": "in", "shape": [1, 2], "datatype": "FP32", "data": [value] * 2}
    body = json.dumps({"id": request, "inputs": [tensor]})
    status, answer = server.request("POST", f"/v2/models/{model}/infer", body)
    assert status == 200
    return json.loads(answer)


def test_a_hit_is_the_same_answer_with_its_own_id_and_a_mark(server: RunningServer) -> None:
    first = infer(server, 3, request="a")
    second = infer(server, 3, request="b")
    assert "parameters" not in first
    assert second.pop("parameters") == {"cache": "hit"}
    assert (first.pop("id"), second.pop("id")) == ("a", "b")
    assert first == second
    assert "parameters" not in infer(server, 4)
    for _ in range(2):
        assert "parameters" not in infer(server, 3, "plain")


def test_hits_are_counted_as_triton_counts_them(server: RunningServer) -> None:
    for value in (1, 1, 1, 2):
        infer(server, value)
    answer = server.request("GET", "/v2/models/kept/stats")[1]
    stats = json.loads(answer)["model_stats"][0]
    counts = {name: figure["count"] for name, figure in stats["inference_stats"].items()}
    assert counts["success"] == 4
    assert counts["cache_hit"] == 2
    assert counts["cache_miss"] == 2
    assert counts["compute_input"] == counts["compute_infer"] == counts["compute_output"] == 2
    assert stats["inference_count"] == stats["execution_count"] == 2
    assert stats["inference_stats"]["cache_hit"]["ns"] > 0
    assert server.metric("nv_cache_num_hits_per_model") == 2
    assert server.metric("nv_cache_num_misses_per_model") == 2
    assert server.metric("nv_inference_request_success") == 4
    assert server.metric("mlops_cache_entries") == 2


def test_grpc_clients_see_the_mark_too(server: RunningServer) -> None:
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
        tensor = triton_grpc.InferInput("in", [1, 2], "FP32")
        tensor.set_data_from_numpy(np.array([[5, 6]], np.float32))
        client.infer("kept", [tensor])
        hit = client.infer("kept", [tensor])
        assert hit.get_response().parameters["cache"].string_param == "hit"
        assert hit.as_numpy("out").tolist() == [[5, 6]]


def test_what_was_kept_is_told_and_forgotten(server: RunningServer) -> None:
    for value in (1, 1, 2):
        infer(server, value)
    status, body = server.request("GET", "/mlops/v1/cache")
    assert status == 200
    report = json.loads(body)
    assert report["cache"]["entries"] == 2
    assert report["cache"]["footprint"] <= 1048576
    version, rows = report["versions"]
    assert (version["name"], version["version"]) == ("kept", "1")
    assert rows["name"] == "rows"
    assert (version["hits"], version["misses"]) == (1, 2)
    assert server.request("POST", "/mlops/v1/models/kept/versions/1/cache/flush")[0] == 200
    assert "parameters" not in infer(server, 1)
    assert infer(server, 1)["parameters"] == {"cache": "hit"}
    assert server.request("POST", "/mlops/v1/models/nobody/cache/flush")[0] == 404


def test_rows_are_found_one_by_one_and_in_steps(server: RunningServer) -> None:
    def ask(*values: float) -> Any:
        data = [value for value in values for _ in range(2)]
        tensor = {"name": "in", "shape": [len(values), 2], "datatype": "FP32", "data": data}
        status, answer = server.request(
            "POST", "/v2/models/rows/infer", json.dumps({"inputs": [tensor]})
        )
        assert status == 200
        answer = json.loads(answer)
        mark = answer.get("parameters", {}).get("cache")
        return mark, answer["outputs"][0]["shape"], answer["outputs"][0]["data"][::2]

    assert ask(1, 2) == (None, [2, 2], [1, 2])
    assert ask(3, 2, 1) == ("partial", [3, 2], [3, 2, 1])
    assert ask(2, 3) == ("hit", [2, 2], [2, 3])
    assert ask(2.2) == ("hit", [1, 2], [2])  # the first of its cell
    versions = json.loads(server.request("GET", "/mlops/v1/cache")[1])["versions"]
    rows = next(version for version in versions if version["name"] == "rows")
    assert (rows["partial"], rows["row_hits"], rows["row_misses"]) == (1, 5, 3)
    assert server.metric("mlops_cache_row_hits_total") == 5
