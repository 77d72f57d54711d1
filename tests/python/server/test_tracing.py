"""Traces as an OpenTelemetry collector sees them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from collector import Collector
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from serving import RunningServer, infer_body

CALLER = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{CALLER}-b7ad6b7169203331-01"


def _attributes(span: Span) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for attribute in span.attributes:
        value = attribute.value
        found[attribute.key] = getattr(value, value.WhichOneof("value") or "string_value")
    return found


def _events(span: Span) -> list[str]:
    return [event.name for event in span.events]


def _infer(server: RunningServer, **headers: str) -> int:
    return server.request("POST", "/v2/models/type_fp32/infer", infer_body(), **headers)[0]


def test_a_request_is_three_spans_with_tritons_names(small_repository: Path) -> None:
    with Collector() as collector:
        resource = "--trace-config=opentelemetry,resource=service.name=mine"
        flags = [*collector.flags(), resource]
        before = time.time_ns()
        with RunningServer(small_repository, *flags) as server:
            body = json.dumps({**json.loads(infer_body()), "id": "r-1"})
            assert server.request("POST", "/v2/models/type_fp32/infer", body)[0] == 200
            export = collector.export()
        after = time.time_ns()
    assert collector.paths == ["/v1/traces"]
    named = {a.key: a.value.string_value for a in export.resource_spans[0].resource.attributes}
    assert named["service.name"] == "mine"
    root, model, compute = export.resource_spans[0].scope_spans[0].spans
    assert [root.name, model.name, compute.name] == ["InferRequest", "type_fp32", "compute"]
    assert root.kind == Span.SPAN_KIND_SERVER
    assert (root.parent_span_id, len(root.trace_id), len(root.span_id)) == (b"", 16, 8)
    assert (model.parent_span_id, compute.parent_span_id) == (root.span_id, model.span_id)
    assert {model.trace_id, compute.trace_id} == {root.trace_id}
    assert _events(root) == [
        "HTTP_RECV_START",
        "HTTP_RECV_END",
        "INFER_RESPONSE_COMPLETE",
        "HTTP_SEND_START",
        "HTTP_SEND_END",
    ]
    assert _events(model) == ["REQUEST_START", "QUEUE_START", "REQUEST_END"]
    assert _events(compute) == [
        "COMPUTE_START",
        "COMPUTE_INPUT_END",
        "COMPUTE_OUTPUT_START",
        "COMPUTE_END",
    ]
    assert _attributes(model) == {
        "triton.model_name": "type_fp32",
        "triton.model_version": 1,
        "triton.trace_id": 1,
        "triton.trace_parent_id": 0,
        "triton.request_id": "r-1",
    }
    times = [event.time_unix_nano for event in [*root.events[:2], *compute.events, root.events[4]]]
    assert times == sorted(times)
    assert before <= root.start_time_unix_nano <= times[0]
    assert times[-1] <= root.end_time_unix_nano <= after


def test_the_callers_trace_is_continued_on_both_doors(small_repository: Path) -> None:
    headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    with Collector() as collector:
        # Triton traces what its caller traces, whatever the rate.
        with RunningServer(small_repository, *collector.flags(rate=0)) as server:
            assert _infer(server) == 200
            assert _infer(server, traceparent="00-not-a-context-01") == 200
            assert _infer(server, **headers) == 200
            over_http = collector.spans(3)
            client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}")
            given = tritonclient.grpc.InferInput("x", [1, 3], "FP32")
            given.set_data_from_numpy(np.ones((1, 3), np.float32))
            client.infer("type_fp32", [given], headers=headers)
            over_grpc = collector.spans(3)
            client.close()
        assert collector.exports.empty()
    assert _events(over_grpc[0])[:2] == ["GRPC_WAITREAD_START", "GRPC_WAITREAD_END"]
    for spans in (over_http, over_grpc):
        assert len(spans) == 3
        assert {span.trace_id.hex() for span in spans} == {CALLER}
        assert spans[0].parent_span_id.hex() == "b7ad6b7169203331"
        assert {span.trace_state for span in spans} == {"vendor=1"}


ENSEMBLE = """
name: "twice" platform: "ensemble" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 3 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }
ensemble_scheduling { step [
  { model_name: "type_fp32" model_version: -1
    input_map { key: "x" value: "x" } output_map { key: "same" value: "between" } },
  { model_name: "type_fp32" model_version: -1
    input_map { key: "x" value: "between" } output_map { key: "same" value: "y" } }
] }
"""


def test_members_of_an_ensemble_are_spans_below_it(small_repository: Path, tmp_path: Path) -> None:
    repository = tmp_path / "models"
    shutil.copytree(small_repository, repository)
    (repository / "twice" / "1").mkdir(parents=True)
    (repository / "twice" / "config.pbtxt").write_text(ENSEMBLE)
    with (
        Collector() as collector,
        RunningServer(repository, *collector.flags()) as server,
    ):
        status, reply = server.request("POST", "/v2/models/twice/infer", infer_body())
        assert status == 200, reply
        spans = collector.spans(6)
    assert [span.name for span in spans] == [
        *("InferRequest", "twice", "type_fp32", "compute", "type_fp32", "compute")
    ]
    root, ensemble, first, first_compute, second, second_compute = spans
    assert ensemble.parent_span_id == root.span_id
    assert {first.parent_span_id, second.parent_span_id} == {ensemble.span_id}
    assert first_compute.parent_span_id == first.span_id
    assert second_compute.parent_span_id == second.span_id
    assert first.end_time_unix_nano <= second.end_time_unix_nano <= ensemble.end_time_unix_nano
    numbers = [_attributes(span)["triton.trace_id"] for span in (ensemble, first, second)]
    assert numbers == [1, 2, 3]
    assert _attributes(second)["triton.trace_parent_id"] == 1


def test_streams_and_generation_are_traced(small_repository: Path) -> None:
    with (
        Collector() as collector,
        RunningServer(small_repository, *collector.flags()) as server,
    ):
        client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}")
        answers: list[object] = []
        client.start_stream(lambda result, error: answers.append(error or result))
        given = tritonclient.grpc.InferInput("x", [1, 3], "FP32")
        given.set_data_from_numpy(np.ones((1, 3), np.float32))
        client.async_stream_infer("type_fp32", [given])
        streamed = collector.spans(3)
        client.stop_stream()
        client.close()
        body = json.dumps({"x": [1, 2, 3]})
        status, reply = server.request("POST", "/v2/models/type_fp32/generate", body)
        assert status == 200, reply
        generated = collector.spans(3)
    assert [span.name for span in streamed] == ["InferRequest", "type_fp32", "compute"]
    assert _events(streamed[0])[0] == "GRPC_WAITREAD_START"
    assert _events(generated[0])[0] == "HTTP_RECV_START"


def test_a_failure_is_a_span_with_its_reason(small_repository: Path) -> None:
    with (
        Collector() as collector,
        RunningServer(small_repository, *collector.flags()) as server,
    ):
        body = infer_body().replace('"name": "x"', '"name": "y"')
        assert server.request("POST", "/v2/models/type_fp32/infer", body)[0] == 400
        spans = collector.spans(2)
    assert [span.name for span in spans] == ["InferRequest", "type_fp32"]
    assert {span.status.code for span in spans} == {Status.STATUS_CODE_ERROR}
    assert "unexpected inference input" in spans[0].status.message


def test_settings_change_what_is_traced(small_repository: Path) -> None:
    with (
        Collector() as collector,
        RunningServer(small_repository, *collector.flags(rate=1000)) as server,
    ):
        client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.http}")
        assert client.get_trace_settings() == {
            "trace_level": ["TIMESTAMPS"],
            "trace_rate": "1000",
            "trace_count": "-1",
            "trace_mode": "opentelemetry",
        }
        assert _infer(server) == 200
        client.update_trace_settings("type_fp32", {"trace_rate": "2", "trace_count": "1"})
        for _ in range(6):
            assert _infer(server) == 200
        assert len(collector.spans(3)) == 3
        client.update_trace_settings(None, {"trace_level": "OFF"})
        assert _infer(server, traceparent=TRACEPARENT) == 200
        client.close()
        assert server.stop() == 0  # exports what is queued
        assert collector.exports.empty()


def test_a_collector_that_is_away_costs_no_request(small_repository: Path) -> None:
    with Collector() as gone:
        flags = gone.flags()
    with RunningServer(small_repository, *flags) as server:
        for _ in range(20):
            assert _infer(server) == 200
        deadline = time.monotonic() + 20
        while server.metric("mlops_trace_export_failures_total ") == 0:
            assert time.monotonic() < deadline
        assert server.request("GET", "/v2/health/ready")[0] == 200
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 10


def test_an_export_that_fails_is_tried_again(small_repository: Path) -> None:
    with (
        Collector(statuses=(503, 429)) as collector,
        RunningServer(small_repository, *collector.flags()) as server,
    ):
        assert _infer(server) == 200
        assert len(collector.spans(3)) == 3
        assert server.metric("mlops_trace_export_failures_total ") == 2
        assert server.metric("mlops_trace_spans_dropped_total") == 0


@pytest.mark.parametrize(
    "setting", ["opentelemetry,url=ftp://x", "opentelemetry,bsp_schedule_delay=x", "mode=zipkin"]
)
def test_settings_that_cannot_work_are_refused(small_repository: Path, setting: str) -> None:
    with (
        pytest.raises(AssertionError, match="--trace-config"),
        RunningServer(small_repository, f"--trace-config={setting}"),
    ):
        pass
