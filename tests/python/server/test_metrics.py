"""The metrics page, read with Prometheus's own parser."""

from __future__ import annotations

import http.client
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from serving import RunningServer, infer_body

MODEL = {"model", "version"}
# Triton's names that dashboards and tools expect of every model: labels besides the model's, type.
PER_MODEL = {
    "nv_inference_request_success": ("counter", set()),
    "nv_inference_request_failure": ("counter", {"reason"}),
    "nv_inference_count": ("counter", set()),
    "nv_inference_exec_count": ("counter", set()),
    "nv_inference_pending_request_count": ("gauge", set()),
    "nv_inference_request_duration_us": ("counter", set()),
    "nv_inference_queue_duration_us": ("counter", set()),
    "nv_inference_compute_input_duration_us": ("counter", set()),
    "nv_inference_compute_infer_duration_us": ("counter", set()),
    "nv_inference_compute_output_duration_us": ("counter", set()),
    "nv_inference_first_response_histogram_ms": ("histogram", {"le"}),
    "nv_cache_num_hits_per_model": ("counter", set()),
    "nv_cache_num_misses_per_model": ("counter", set()),
    "nv_cache_hit_duration_per_model": ("counter", set()),
    "nv_cache_miss_duration_per_model": ("counter", set()),
    "nv_inference_request_summary_us": ("summary", {"quantile"}),
    "nv_inference_queue_summary_us": ("summary", {"quantile"}),
    "nv_inference_compute_input_summary_us": ("summary", {"quantile"}),
    "nv_inference_compute_infer_summary_us": ("summary", {"quantile"}),
    "nv_inference_compute_output_summary_us": ("summary", {"quantile"}),
    "mlops_request_duration_seconds": ("histogram", {"le"}),
    "mlops_request_failures": ("counter", {"code"}),
    "mlops_compute_seconds": ("counter", set()),
    "mlops_compute_weight": ("gauge", set()),
}
OF_THE_SERVER = {
    "nv_cpu_utilization",
    "nv_cpu_memory_total_bytes",
    "nv_cpu_memory_used_bytes",
    "nv_pinned_memory_pool_total_bytes",
    "nv_pinned_memory_pool_used_bytes",
    "mlops_pool_cores",
    "mlops_pool_busy_cores",
    "mlops_pool_threads",
    "mlops_pool_turns",
    "mlops_pool_wait_seconds",
    "mlops_pool_overruns",
}
SUMMARIES = "--metrics-config=summary_latencies=true"


def page(server: RunningServer) -> dict[str, tuple[str, list[Sample]]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics, timeout=20)
    with closing(connection):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return {f.name: (f.type, list(f.samples)) for f in text_string_to_metric_families(text)}


@pytest.fixture(scope="module")
def families(small_repository):
    with RunningServer(small_repository, SUMMARIES) as server:
        for _ in range(3):
            body = infer_body(2)
            assert server.request("POST", "/v2/models/type_fp32/infer", body)[0] == 200
        wrong = infer_body().replace('"name": "x"', '"name": "y"')
        assert server.request("POST", "/v2/models/type_fp32/infer", wrong)[0] == 400
        return page(server)


@pytest.mark.parametrize("name", PER_MODEL)
def test_each_family_has_tritons_type_and_labels(families, name: str) -> None:
    kind, more = PER_MODEL[name]
    assert name in families
    found_kind, samples = families[name]
    assert found_kind == kind
    models = {sample.labels["model"] for sample in samples}
    assert models == {"type_fp32", "mlp_small"}
    for sample in samples:
        extra = set(sample.labels) - MODEL
        whole = sample.name.endswith(("_sum", "_count", "_created"))
        assert extra == (set() if whole and kind in ("summary", "histogram") else more), sample


def value(families, family: str, name: str | None = None, **labels: str) -> float:
    wanted = {"model": "type_fp32", "version": "1", **labels}
    named = name or family
    return sum(
        sample.value
        for sample in families[family][1]
        if sample.name in (named, named + "_total") and wanted.items() <= sample.labels.items()
    )


def test_counts_say_what_happened(families) -> None:
    assert value(families, "nv_inference_request_success") == 3
    assert value(families, "nv_inference_count") == 6
    assert value(families, "nv_inference_exec_count") == 3
    assert value(families, "nv_inference_request_failure", reason="OTHER") == 1
    assert value(families, "nv_inference_request_failure") == 1
    assert value(families, "nv_inference_request_duration_us") > 0
    histogram = "nv_inference_first_response_histogram_ms"
    assert value(families, histogram, f"{histogram}_bucket", le="+Inf") == 3
    assert value(families, histogram, f"{histogram}_count") == 3


def test_every_reason_of_a_failure_is_there_from_the_start(families) -> None:
    samples = families["nv_inference_request_failure"][1]
    reasons = {s.labels["reason"] for s in samples if s.labels["model"] == "mlp_small"}
    assert reasons == {"REJECTED", "CANCELED", "BACKEND", "OTHER"}


def test_the_servers_own_are_there_and_a_cpu_has_no_gpus(families) -> None:
    assert set(families) >= OF_THE_SERVER
    assert 0 <= families["nv_cpu_utilization"][1][0].value <= 1
    assert not [name for name in families if name.startswith(("nv_gpu_", "nv_energy_"))]


def test_latencies_are_told_as_configured(small_repository) -> None:
    off = [f"--metrics-config={name}_latencies=false" for name in ("counter", "histogram")]
    with RunningServer(small_repository, *off) as server:
        families = page(server)
    assert "nv_inference_count" in families
    assert not [name for name in families if name.startswith("nv_") and "duration_us" in name]
    assert "nv_inference_first_response_histogram_ms" not in families
    assert not [name for name in families if "summary" in name]
    with RunningServer(
        small_repository, SUMMARIES, "--metrics-config=summary_quantiles=0.5:0.05,0.9:0.01"
    ) as server:
        samples = page(server)["nv_inference_queue_summary_us"][1]
    assert {s.labels["quantile"] for s in samples if "quantile" in s.labels} == {"0.5", "0.9"}
