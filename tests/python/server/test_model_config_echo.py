"""Whatever a config.pbtxt states comes back from the configuration endpoints, over both doors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from google.protobuf import json_format, text_format
from serving import RunningServer
from tritonclient.grpc.model_config_pb2 import ModelConfig
from tritonclient.utils import InferenceServerException

TENSOR = "data_type: TYPE_FP32 dims: [ 4 ] is_non_linear_format_io: true"

BATCHED = f"""
name: "batched" platform: "identity" backend: "identity" runtime: "none" max_batch_size: 8
version_policy {{ specific {{ versions: [ 1 ] }} }}
input [ {{ name: "INPUT0" {TENSOR} format: FORMAT_NONE }} ]
output [ {{ name: "OUTPUT0" {TENSOR} label_filename: "labels.txt" }} ]
instance_group [ {{
  name: "group" kind: KIND_CPU count: 2 passive: false host_policy: "host" profile: [ "a", "b" ]
  secondary_devices [ {{ kind: KIND_NVDLA device_id: 3 }} ]
  rate_limiter {{ resources [ {{ name: "R" global: true count: 2 }} ] priority: 2 }} }} ]
default_model_filename: "model.bin"
cc_model_filenames {{ key: "7.5" value: "other.bin" }}
metric_tags {{ key: "team" value: "risk" }}
parameters {{ key: "execute_delay_ms" value: {{ string_value: "0" }} }}
optimization {{
  graph {{ level: -1 }} priority: PRIORITY_MAX eager_batching: true
  gather_kernel_buffer_threshold: 5
  input_pinned_memory {{ enable: true }} output_pinned_memory {{ enable: false }}
  cuda {{
    graphs: true busy_wait_events: true output_copy_stream: true
    graph_spec [ {{
      batch_size: 4 input {{ key: "INPUT0" value: {{ dim: [ 4, -1 ] }} }}
      graph_lower_bound {{ batch_size: 1 input {{ key: "INPUT0" value: {{ dim: 4 }} }} }} }} ] }}
  execution_accelerators {{
    gpu_execution_accelerator [ {{ name: "tensorrt" parameters {{ key: "k" value: "v" }} }} ]
    cpu_execution_accelerator [ {{ name: "openvino" }}, {{ name: "xnnpack" }} ] }} }}
dynamic_batching {{
  preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 10
  default_queue_policy {{ timeout_action: DELAY default_timeout_microseconds: 9000000000
    allow_timeout_override: true max_queue_size: 7 }} }}
model_warmup [ {{ name: "w" batch_size: 1 count: 2
  inputs {{ key: "INPUT0" value: {{ data_type: TYPE_FP32 dims: 4 random_data: true }} }} }} ]
model_operations {{ op_library_filename: [ "a.so", "b.so" ] }}
model_transaction_policy {{ decoupled: false }}
model_repository_agents {{ agents [ {{ name: "checksum" parameters {{ key: "k" value: "v" }} }} ] }}
response_cache {{ enable: true }}
model_metrics {{ metric_control [ {{ metric_identifier {{ family: "nv_first" }}
  histogram_options {{ buckets: [ 0.1, 100 ] }} }} ] }}
"""

SEQUENCE = """
name: "sequence" platform: "sequence" backend: "sequence" max_batch_size: 4
version_policy { latest { num_versions: 1 } }
input [ { name: "INPUT" data_type: TYPE_INT32 dims: [ 1 ] } ]
output [ { name: "OUTPUT" data_type: TYPE_INT32 dims: [ 1 ] } ]
instance_group [ { name: "g" kind: KIND_CPU count: 1 } ]
default_model_filename: "model.onnx"
sequence_batching {
  max_sequence_idle_microseconds: 5000000
  oldest { max_candidate_sequences: 6 preferred_batch_size: [ 2 ] preserve_ordering: true
           max_queue_delay_microseconds: 20 }
  control_input [ { name: "START" control [ { kind: CONTROL_SEQUENCE_START
    int32_false_true: [ 0, 1 ] } ] } ] }
model_transaction_policy { decoupled: false }
response_cache { enable: false }
"""

ENSEMBLE = """
name: "ensemble" platform: "ensemble" max_batch_size: 8
version_policy { all {} }
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 4 ] } ]
ensemble_scheduling {
  max_inflight_requests: 5
  step [ { model_name: "batched" model_version: -1 model_namespace: "n"
    input_map { key: "INPUT0" value: "IN" } output_map { key: "OUTPUT0" value: "OUT" } } ] }
metric_tags { key: "team" value: "risk" }
model_transaction_policy { decoupled: false }
response_cache { enable: false }
"""

MODELS = {"batched": BATCHED, "sequence": SEQUENCE, "ensemble": ENSEMBLE}


def as_json(text: str) -> dict[str, Any]:
    stated = text_format.Parse(text, ModelConfig())
    return dict(json_format.MessageToDict(stated, preserving_proto_field_name=True))


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    repository = tmp_path_factory.mktemp("stated")
    for name, text in MODELS.items():
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(text)
    (repository / "batched" / "labels.txt").write_text("one\ntwo\n")
    with RunningServer(
        repository, "--threads=1", "--model-control-mode=explicit", "--load-model=*"
    ) as server:
        yield server


@pytest.mark.parametrize("name", MODELS)
def test_every_stated_field_comes_back(stated: RunningServer, name: str) -> None:
    expected = text_format.Parse(MODELS[name], ModelConfig())
    with grpcclient.InferenceServerClient(f"127.0.0.1:{stated.grpc}") as client:
        assert client.get_model_config(name).config == expected
    with httpclient.InferenceServerClient(f"127.0.0.1:{stated.http}") as client:
        shown = client.get_model_config(name)
    assert json_format.ParseDict(shown, ModelConfig()) == expected


def test_what_was_shown_can_be_loaded(stated: RunningServer) -> None:
    expected = text_format.Parse(BATCHED, ModelConfig())
    expected.optimization.graph.level = 1
    with httpclient.InferenceServerClient(f"127.0.0.1:{stated.http}") as client:
        shown = client.get_model_config("batched")
        shown["optimization"]["graph"]["level"] = 1
        client.load_model("batched", config=json.dumps(shown))
        again = json_format.ParseDict(client.get_model_config("batched"), ModelConfig())
        assert again == expected
        client.unload_model("batched")
        client.load_model("batched")
        client.load_model("ensemble")


@pytest.mark.parametrize(
    ("member", "value", "error"),
    [
        ("optimization", {"graf": {}}, "unknown key 'graf' in optimization; did you mean 'graph'"),
        ("optimization", {"priority": "HIGH"}, "one of PRIORITY_DEFAULT, PRIORITY_MAX"),
        ("model_operations", {"op_library_filename": [1]}, "expected a string"),
        (
            "model_metrics",
            {"metric_control": [{"histogram_options": {"buckets": ["x"]}}]},
            "number",
        ),
    ],
)
def test_what_has_no_effect_is_still_checked(
    stated: RunningServer, member: str, value: dict[str, Any], error: str
) -> None:
    config = json.dumps({**as_json(BATCHED), member: value})
    with (
        httpclient.InferenceServerClient(f"127.0.0.1:{stated.http}") as client,
        pytest.raises(InferenceServerException, match=error),
    ):
        client.load_model("batched", config=config)
