"""The statistics extension, and the metrics that say the same, through PyPI's tritonclient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from serving import RunningServer, infer_body
from tritonclient.utils import InferenceServerException

STEPS = ["queue", "compute_input", "compute_infer", "compute_output"]


@pytest.fixture(scope="module")
def fresh(small_repository: Path) -> Iterator[RunningServer]:
    with RunningServer(
        small_repository, "--threads=1", "--metrics-config=summary_latencies=true"
    ) as server:
        yield server


def over_http(server: RunningServer, model: str = "", version: str = "") -> list[dict[str, Any]]:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.http}") as client:
        return list(client.get_inference_statistics(model, version)["model_stats"])


def over_grpc(server: RunningServer, model: str = "", version: str = "") -> list[dict[str, Any]]:
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
        return list(client.get_inference_statistics(model, version, as_json=True)["model_stats"])


def test_counts_are_exact_and_equal_over_both_doors(fresh: RunningServer) -> None:
    before = over_http(fresh, "type_fp32")[0]
    for rows in (1, 2, 2):
        status, _ = fresh.request("POST", "/v2/models/type_fp32/infer", infer_body(rows))
        assert status == 200
    after = over_http(fresh, "type_fp32", "1")[0]
    assert after["inference_count"] - before["inference_count"] == 5
    assert after["execution_count"] - before["execution_count"] == 3
    stats = after["inference_stats"]
    assert {stats[step]["count"] for step in STEPS} == {stats["success"]["count"]}
    sizes = {batch["batch_size"]: batch["compute_infer"]["count"] for batch in after["batch_stats"]}
    assert sizes[1] >= 1
    assert sizes[2] >= 2
    assert after["last_inference"] > 1_600_000_000_000
    same = over_grpc(fresh, "type_fp32")[0]
    assert int(same["inference_count"]) == after["inference_count"]
    assert int(same["inference_stats"]["success"]["count"]) == stats["success"]["count"]


def test_all_models_and_unknown_ones(fresh: RunningServer) -> None:
    assert [m["name"] for m in over_http(fresh)] == ["mlp_small", "type_fp32"]
    assert [m["name"] for m in over_grpc(fresh)] == ["mlp_small", "type_fp32"]
    for ask in (over_http, over_grpc):
        with pytest.raises(InferenceServerException, match="requested model 'nope' is not"):
            ask(fresh, "nope")
        with pytest.raises(InferenceServerException, match="requested model version is not"):
            ask(fresh, "type_fp32", "9")


def test_failures_are_counted_with_their_reason(fresh: RunningServer) -> None:
    label = 'nv_inference_request_failure{model="type_fp32",version="1",reason="OTHER"}'
    before = over_http(fresh, "type_fp32")[0]["inference_stats"]["fail"]["count"]
    failures = fresh.metric(label)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{fresh.http}") as client:
        tensor = tritonclient.http.InferInput("x", [1, 7], "FP32")
        tensor.set_data_from_numpy(np.zeros((1, 7), np.float32))
        with pytest.raises(InferenceServerException, match="unexpected shape"):
            client.infer("type_fp32", [tensor])
    after = over_http(fresh, "type_fp32")[0]["inference_stats"]["fail"]["count"]
    assert after - before == 1
    assert fresh.metric(label) - failures == 1


@pytest.mark.parametrize(
    "family",
    [
        "nv_inference_count",
        "nv_inference_exec_count",
        "nv_inference_request_duration_us",
        "nv_inference_compute_infer_duration_us",
        "nv_inference_first_response_histogram_ms_count",
        "nv_inference_request_summary_us_count",
        "nv_cpu_memory_total_bytes",
    ],
)
def test_the_metrics_that_dashboards_look_for(fresh: RunningServer, family: str) -> None:
    fresh.request("POST", "/v2/models/type_fp32/infer", infer_body(1))
    assert fresh.metric(family) > 0
