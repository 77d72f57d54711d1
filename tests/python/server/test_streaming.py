"""Streams as tritonclient opens them, generate as any HTTP client does, sequences over both."""

from __future__ import annotations

import http.client
import json
import queue
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from serving import RunningServer
from tritonclient.utils import InferenceServerException

TIMEOUT_S = 20

SQUARE = """
backend: "square"
max_batch_size: 0
model_transaction_policy { decoupled: True }
input [{ name: "IN" data_type: TYPE_INT32 dims: [ 1 ] }]
output [{ name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] }]
"""
REPEAT = """
backend: "repeat"
max_batch_size: 0
model_transaction_policy { decoupled: True }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]
instance_group [{ kind: KIND_CPU count: 1 }]
"""
IDENTITY = """
backend: "identity"
max_batch_size: 4
input [{ name: "INPUT0" data_type: TYPE_STRING dims: [ -1 ] }]
output [{ name: "OUTPUT0" data_type: TYPE_STRING dims: [ -1 ] }]
parameters [{ key: "execute_delay_ms" value: { string_value: "1" } }]
"""
CONTROLS = """
  control_input [
    { name: "START" control [{ kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] }] },
    { name: "READY" control [{ kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0, 1 ] }] }%s
  ]
"""
OLDEST_CONTROLS = """,
    { name: "END" control [{ kind: CONTROL_SEQUENCE_END fp32_false_true: [ 0, 1 ] }] },
    { name: "CORRID" control [{ kind: CONTROL_SEQUENCE_CORRID data_type: %s }] }"""
SEQUENCE = """
backend: "sequence"
max_batch_size: 8
sequence_batching { max_sequence_idle_microseconds: 60000000 %s }
input [{ name: "INPUT" data_type: TYPE_INT32 dims: [ 1 ] }]
output [{ name: "OUTPUT" data_type: TYPE_INT32 dims: [ 1 ] }]
instance_group [{ kind: KIND_CPU count: 2 }]
"""
OLDEST = "oldest { max_candidate_sequences: 4 }" + CONTROLS
MODELS = {
    "square_int32": SQUARE,
    "repeat_int32": REPEAT,
    "identity_bytes": IDENTITY,
    "sequence_direct": SEQUENCE % (CONTROLS % ""),
    "sequence_oldest": SEQUENCE % (OLDEST % (OLDEST_CONTROLS % "TYPE_UINT64")),
    "sequence_text": SEQUENCE % (OLDEST % (OLDEST_CONTROLS % "TYPE_STRING")),
}


@pytest.fixture(scope="module")
def streaming_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    repository: Path = tmp_path_factory.mktemp("streaming")
    for name, config in MODELS.items():
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(config)
    with RunningServer(repository, "--threads=2") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def serving(streaming_server: RunningServer) -> Iterator[RunningServer]:
    """The server, which must survive the test."""
    yield streaming_server
    assert streaming_server.process.poll() is None
    assert streaming_server.request("GET", "/v2/health/ready")[0] == 200


class Stream:
    """A client with an open stream, and what came out of it."""

    def __init__(self, server: RunningServer, **options: Any):
        self.client = grpcclient.InferenceServerClient(f"127.0.0.1:{server.grpc}")
        self.received: queue.Queue[Any] = queue.Queue()
        self.client.start_stream(partial(self._callback, self.received), **options)

    @staticmethod
    def _callback(received: queue.Queue[Any], result: Any, error: Any) -> None:
        received.put(error if error is not None else result)

    def next(self) -> Any:
        return self.received.get(timeout=TIMEOUT_S)

    def next_result(self) -> Any:
        got = self.next()
        assert not isinstance(got, InferenceServerException), got
        return got

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.stop_stream(cancel_requests=True)
        self.client.close()


def _tensor(module: Any, name: str, values: np.ndarray[Any, Any]) -> Any:
    kinds = {"i": "INT32", "u": "UINT32", "O": "BYTES"}
    made = module.InferInput(name, list(values.shape), kinds[values.dtype.kind])
    made.set_data_from_numpy(values)
    return made


def _square(number: int) -> list[Any]:
    return [_tensor(grpcclient, "IN", np.array([number], np.int32))]


def _repeat(values: list[int], delay_ms: int = 0) -> list[Any]:
    return [
        _tensor(grpcclient, "IN", np.array(values, np.int32)),
        _tensor(grpcclient, "DELAY", np.array([delay_ms] * len(values), np.uint32)),
        _tensor(grpcclient, "WAIT", np.array([0], np.uint32)),
    ]


def _is_final(result: Any) -> bool:
    return bool(result.get_response().parameters["triton_final_response"].bool_param)


def test_square_answers_as_often_as_the_number_says(serving: RunningServer) -> None:
    with Stream(serving) as stream:
        for number in (3, 1, 0):
            stream.client.async_stream_infer(
                "square_int32",
                _square(number),
                request_id=str(number),
                enable_empty_final_response=True,
            )
        parts: dict[str, int] = {}
        finals: set[str] = set()
        while len(finals) < 3:
            result = stream.next_result()
            name = result.get_response().id
            if _is_final(result):
                assert not result.get_response().outputs
                finals.add(name)
            else:
                assert result.as_numpy("OUT").tolist() == [int(name)]
                parts[name] = parts.get(name, 0) + 1
        assert parts == {"3": 3, "1": 1}


def test_an_end_without_outputs_is_not_sent_unasked(serving: RunningServer) -> None:
    with Stream(serving) as stream:
        stream.client.async_stream_infer("square_int32", _square(0), request_id="none")
        stream.client.async_stream_infer("square_int32", _square(1), request_id="one")
        assert stream.next_result().get_response().id == "one"
        stream.client.stop_stream()
        assert stream.received.empty()


def test_responses_are_counted_by_their_number(serving: RunningServer) -> None:
    def counts(stats: dict[str, Any]) -> dict[str, tuple[int, int]]:
        responses = stats.get("response_stats", {})
        return {
            number: (
                int(of.get("success", {}).get("count", 0)),
                int(of.get("empty_response", {}).get("count", 0)),
            )
            for number, of in responses.items()
        }

    with (
        closing(httpclient.InferenceServerClient(f"127.0.0.1:{serving.http}")) as over_http,
        Stream(serving) as stream,
    ):

        def grown() -> list[tuple[int, ...]]:
            after = counts(over_http.get_inference_statistics("repeat_int32")["model_stats"][0])
            return [
                tuple(a - b for a, b in zip(after[n], before.get(n, (0, 0)), strict=True))
                for n in ("0", "1", "2", "3")
                if n in after
            ]

        before = counts(over_http.get_inference_statistics("repeat_int32")["model_stats"][0])
        stream.client.async_stream_infer("repeat_int32", _repeat([7, 8, 9]))
        for _ in range(3):
            stream.next_result()
        # The last one is counted when it has been answered, which is not sent.
        deadline = time.monotonic() + TIMEOUT_S
        while grown()[3:] != [(0, 1)]:
            assert time.monotonic() < deadline, grown()
        assert grown() == [(1, 0), (1, 0), (1, 0), (0, 1)]
        same = stream.client.get_inference_statistics("repeat_int32", as_json=True)
        total = over_http.get_inference_statistics("repeat_int32")["model_stats"][0]
        assert counts(same["model_stats"][0]) == counts(total)


def test_repeat_gives_each_element_in_order(serving: RunningServer) -> None:
    with Stream(serving) as stream:
        values = list(range(100, 150))
        stream.client.async_stream_infer("repeat_int32", _repeat(values))
        results = [stream.next_result() for _ in values]
        assert [int(r.as_numpy("OUT")[0]) for r in results] == values
        assert [int(r.as_numpy("IDX")[0]) for r in results] == list(range(50))


def test_requests_of_one_instance_interleave(serving: RunningServer) -> None:
    with Stream(serving) as stream:
        stream.client.async_stream_infer(
            "repeat_int32", _repeat([0, 1], delay_ms=3_600_000), request_id="slow"
        )
        stream.client.async_stream_infer("repeat_int32", _repeat([7]), request_id="quick")
        assert stream.next_result().get_response().id == "quick"
    # Leaving cancels the slow one: unloading, at the server's end, does not wait an hour for it.


def test_an_error_is_a_message_and_the_stream_goes_on(serving: RunningServer) -> None:
    with Stream(serving) as stream:
        stream.client.async_stream_infer("square_int32", _square(-1), request_id="bad")
        error = stream.next()
        assert isinstance(error, InferenceServerException)
        assert "cannot be answered" in error.message()
        stream.client.async_stream_infer("nope", _square(1))
        assert "nope" in stream.next().message()
        stream.client.async_stream_infer("square_int32", _square(1))
        assert stream.next_result().as_numpy("OUT").tolist() == [1]


def test_a_client_may_ask_for_a_status_instead(serving: RunningServer) -> None:
    with Stream(serving, headers={"triton_grpc_error": "true"}) as stream:
        stream.client.async_stream_infer("nope", _square(1))
        error = stream.next()
        assert isinstance(error, InferenceServerException)
        assert error.status() == "StatusCode.NOT_FOUND"


def test_a_slow_reader_loses_nothing_and_stops_nobody(serving: RunningServer) -> None:
    with Stream(serving) as stream, Stream(serving) as other:
        stream.client.async_stream_infer("square_int32", _square(20_000))
        other.client.async_stream_infer("square_int32", _square(1))
        assert other.next_result().as_numpy("OUT").tolist() == [1]
        for _ in range(20_000):
            assert stream.next_result().as_numpy("OUT")[0] == 20_000


def test_calls_for_one_answer_are_told(serving: RunningServer) -> None:
    expected = "doesn't support models with decoupled transaction policy"
    with closing(grpcclient.InferenceServerClient(f"127.0.0.1:{serving.grpc}")) as client:
        with pytest.raises(InferenceServerException, match=expected) as refused:
            client.infer("square_int32", _square(1))
        assert refused.value.status() == "StatusCode.UNIMPLEMENTED"
        config = client.get_model_config("square_int32", as_json=True)["config"]
        assert config["model_transaction_policy"]["decoupled"] is True
    inputs = [{"name": "IN", "shape": [1], "datatype": "INT32", "data": [1]}]
    status, body = serving.request(
        "POST", "/v2/models/square_int32/infer", json.dumps({"inputs": inputs})
    )
    assert status == 501
    assert expected in json.loads(body)["error"]


def _generate(server: RunningServer, model: str, route: str, body: Any) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=TIMEOUT_S)
    with closing(connection):
        connection.request("POST", f"/v2/models/{model}/{route}", json.dumps(body))
        reply = connection.getresponse()
        return reply.status, reply.headers["Content-Type"], reply.read().decode()


def _events(text: str) -> list[dict[str, Any]]:
    assert text == "" or text.endswith("\n\n")
    events = text.split("\n\n")[:-1]
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_generate_answers_flat(serving: RunningServer) -> None:
    status, kind, body = _generate(
        serving, "identity_bytes", "generate", {"INPUT0": "hi", "id": "42", "temperature": 0.5}
    )
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {
        "id": "42",
        "model_name": "identity_bytes",
        "model_version": "1",
        "OUTPUT0": "hi",
    }
    status, _, body = _generate(serving, "identity_bytes", "generate", {"INPUT0": ["a", "b"]})
    assert json.loads(body)["OUTPUT0"] == ["a", "b"]


def test_generate_wants_one_response(serving: RunningServer) -> None:
    assert json.loads(_generate(serving, "square_int32", "generate", {"IN": 1})[2])["OUT"] == 1
    for number in (0, 2, 100_000):
        status, kind, body = _generate(serving, "square_int32", "generate", {"IN": number})
        assert (status, kind) == (500, "application/json")
        assert "generate expects model to produce exactly 1 response" in json.loads(body)["error"]


def test_generate_stream_sends_events(serving: RunningServer) -> None:
    body: dict[str, Any] = {"IN": [4, 5, 6], "DELAY": [0, 1, 0], "WAIT": 0}
    status, kind, text = _generate(serving, "repeat_int32", "generate_stream", body)
    assert (status, kind) == (200, "text/event-stream; charset=utf-8")
    assert [(e["OUT"], e["IDX"]) for e in _events(text)] == [(4, 0), (5, 1), (6, 2)]
    _, _, text = _generate(serving, "identity_bytes", "generate_stream", {"INPUT0": "x"})
    assert [e["OUTPUT0"] for e in _events(text)] == ["x"]
    _, _, text = _generate(serving, "square_int32", "generate_stream", {"IN": 0})
    assert _events(text) == []


def test_generate_stream_errors(serving: RunningServer) -> None:
    status, kind, text = _generate(serving, "nope", "generate_stream", {"IN": 1})
    assert (status, kind) == (404, "application/json")
    status, kind, text = _generate(serving, "square_int32", "generate_stream", {"IN": "x"})
    assert (status, kind) == (400, "application/json")
    status, kind, text = _generate(serving, "square_int32", "generate_stream", {"IN": -1})
    assert (status, kind) == (400, "text/event-stream; charset=utf-8")
    assert "cannot be answered" in _events(text)[0]["error"]


def test_a_client_that_leaves_an_endless_stream_costs_nothing(serving: RunningServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", serving.http, timeout=TIMEOUT_S)
    with closing(connection):
        body = json.dumps({"IN": 2**30})
        connection.request("POST", "/v2/models/square_int32/generate_stream", body)
        reply = connection.getresponse()
        assert reply.read(100).startswith(b"data: ")
        reply.close()
    status, _, text = _generate(serving, "square_int32", "generate_stream", {"IN": 3})
    assert status == 200
    assert len(_events(text)) == 3


VALUES = [11, 7, 5, 3, 2, 0, 1]
SUMS = np.cumsum(VALUES).tolist()


@pytest.mark.parametrize("model", ["sequence_direct", "sequence_oldest", "sequence_text"])
def test_sequences_over_a_stream(serving: RunningServer, model: str) -> None:
    text = model == "sequence_text"
    ids: list[Any] = [f"s{i}" if text else 1000 + i for i in range(12)]  # more than there are slots
    with Stream(serving) as stream:
        for at, value in enumerate(VALUES):
            for number, sequence in enumerate(ids):
                stream.client.async_stream_infer(
                    model,
                    [_tensor(grpcclient, "INPUT", np.array([[value + number]], np.int32))],
                    request_id=f"{number}_{at}",
                    sequence_id=sequence,
                    sequence_start=at == 0,
                    sequence_end=at == len(VALUES) - 1,
                )
        for _ in range(len(VALUES) * len(ids)):
            result = stream.next_result()
            number, at = map(int, result.get_response().id.split("_"))
            assert result.as_numpy("OUTPUT").tolist() == [[SUMS[at] + number * (at + 1)]]
            assert _is_final(result)


@pytest.mark.parametrize("model", ["sequence_direct", "sequence_oldest"])
def test_sequences_over_http(serving: RunningServer, model: str) -> None:
    with closing(httpclient.InferenceServerClient(f"127.0.0.1:{serving.http}")) as client:

        def ask(value: int, **marks: Any) -> int:
            tensor = _tensor(httpclient, "INPUT", np.array([[value]], np.int32))
            output = client.infer(model, [tensor], **marks).as_numpy("OUTPUT")
            assert output is not None
            return int(output[0][0])

        with pytest.raises(InferenceServerException) as refused:
            ask(1, sequence_id=77)
        assert refused.value.message() == (
            f"inference request for sequence 77 to model '{model}' must specify the START flag on "
            "the first request of the sequence"
        )
        with pytest.raises(InferenceServerException, match="non-zero or non-empty correlation ID"):
            ask(1)
        sums = [
            ask(v, sequence_id=77, sequence_start=i == 0, sequence_end=i == len(VALUES) - 1)
            for i, v in enumerate(VALUES)
        ]
        assert sums == SUMS
        with pytest.raises(InferenceServerException, match="must specify the START flag"):
            ask(1, sequence_id=77)
        metadata = client.get_model_metadata(model)
        assert [t["name"] for t in metadata["inputs"]] == ["INPUT"]
