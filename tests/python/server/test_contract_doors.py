"""One request, four spellings: JSON, HTTP binary, gRPC raw, gRPC typed. All must mean the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from serving import RunningServer
from tritonclient.grpc import service_pb2
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

ROUNDS = 300
NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
TYPES = [*NUMBERS, "bool", "float32", "float64", "object"]
WORDS = [b"", b"plain", b"nul\0", b'"\\\n\x01', "\U0001f600".encode(), "é".encode()]
HTTP_OF_GRPC = {"INVALID_ARGUMENT": 400, "NOT_FOUND": 404}
CONFIG = """
backend: "identity"
max_batch_size: 0
input [{{ name: "in" data_type: TYPE_{0} dims: [ -1, -1 ] }}]
output [{{ name: "out" data_type: TYPE_{0} dims: [ -1, -1 ] }}]
"""
Tensor = np.ndarray[Any, Any]


class Ask:
    """One request as data, in each of its spellings."""

    def __init__(self, model: str, values: Tensor, **changes: Any):
        self.model = model
        self.datatype = changes.get("datatype") or np_to_triton_dtype(values.dtype)
        self.name = changes.get("name", "in")
        self.shape = changes.get("shape") or list(values.shape)
        self.output = changes.get("output", "out")
        self.timeout = changes.get("timeout", 60_000_000)
        self.values = values

    def _head(self, **more: Any) -> dict[str, Any]:
        return {"name": self.name, "shape": self.shape, "datatype": self.datatype, **more}

    def bytes_of_values(self) -> bytes:
        if self.values.dtype == object:
            packed = serialize_byte_tensor(self.values)
            return bytes(packed.item()) if packed.size else b""
        return self.values.tobytes()

    def json(self) -> tuple[bytes, dict[str, str]]:
        flat = [v.decode() if isinstance(v, bytes) else v for v in self.values.ravel().tolist()]
        return self._body(self._head(data=flat), False), {}

    def binary(self) -> tuple[bytes, dict[str, str]]:
        tail = self.bytes_of_values()
        head = self._body(self._head(parameters={"binary_data_size": len(tail)}), True)
        return head + tail, {"Inference-Header-Content-Length": str(len(head))}

    def _body(self, tensor: dict[str, Any], binary: bool) -> bytes:
        output = {"name": self.output, "parameters": {"binary_data": binary}}
        request = {"id": "r", "parameters": {"timeout": self.timeout}, "inputs": [tensor]}
        return json.dumps({**request, "outputs": [output]}).encode()

    def _message(self) -> Any:
        message = service_pb2.ModelInferRequest(model_name=self.model, id="r")
        message.parameters["timeout"].int64_param = self.timeout
        message.outputs.add(name=self.output)
        message.inputs.add(name=self.name, datatype=self.datatype, shape=self.shape)
        return message

    def raw(self) -> Any:
        message = self._message()
        message.raw_input_contents.append(self.bytes_of_values())
        return message

    def typed(self) -> Any:
        message = self._message()
        contents = message.inputs[0].contents
        small = "uint_contents" if self.values.dtype.kind == "u" else "int_contents"
        field = {
            "bool": "bool_contents",
            "int64": "int64_contents",
            "uint64": "uint64_contents",
            "float32": "fp32_contents",
            "float64": "fp64_contents",
            "object": "bytes_contents",
        }.get(str(self.values.dtype), small)
        getattr(contents, field).extend(self.values.ravel().tolist())
        return message


class Doors:
    def __init__(self, http: HTTPConnection, channel: grpc.Channel):
        self.http = http
        self.channel = channel

    def over_http(self, ask: Ask, spelling: Callable[[Ask], Any]) -> tuple[Any, ...]:
        """Status and, of an answer, shape and bytes; of an error, its text."""
        body, headers = spelling(ask)
        self.http.request("POST", f"/v2/models/{ask.model}/infer", body, headers)
        reply = self.http.getresponse()
        received = reply.read()
        split = int(reply.getheader("Inference-Header-Content-Length", len(received)))
        answer = json.loads(received[:split])
        if reply.status != 200:
            return reply.status, answer["error"].removeprefix("[request id: r] ")
        assert answer["id"] == "r"
        (output,) = answer["outputs"]
        if "data" not in output:
            return 200, output["shape"], received[split:]
        data = output["data"]
        if ask.values.dtype == object:
            data = [text.encode() for text in data]
        values = np.array(data, ask.values.dtype).reshape(output["shape"])
        return 200, output["shape"], Ask(ask.model, values).bytes_of_values()

    def over_grpc(self, ask: Ask, spelling: Callable[[Ask], Any]) -> tuple[Any, ...]:
        call = self.channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=service_pb2.ModelInferRequest.SerializeToString,
            response_deserializer=service_pb2.ModelInferResponse.FromString,
        )
        try:
            reply = call(spelling(ask), timeout=20)
        except grpc.RpcError as error:
            text = str(error.details()).removeprefix("[request id: r] ")
            return HTTP_OF_GRPC[error.code().name], text
        assert reply.id == "r"
        return 200, list(reply.outputs[0].shape), reply.raw_output_contents[0]

    def answers(self, ask: Ask) -> dict[str, tuple[Any, ...]]:
        return {
            "JSON": self.over_http(ask, Ask.json),
            "binary": self.over_http(ask, Ask.binary),
            "gRPC raw": self.over_grpc(ask, Ask.raw),
            "gRPC typed": self.over_grpc(ask, Ask.typed),
        }


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    repository: Path = tmp_path_factory.mktemp("doors")
    for name in TYPES:
        kind = np_to_triton_dtype(np.dtype(name)).replace("BYTES", "STRING")
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(CONFIG.format(kind))
    with RunningServer(repository, "--threads=1") as server:
        http = closing(HTTPConnection("127.0.0.1", server.http, 20))
        with http as connection, grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
            yield Doors(connection, channel)
        assert server.stop() == 0


def random_values(rng: np.random.Generator, kind: str) -> Tensor:
    shape = rng.integers(0, 4, 2).tolist()
    count = int(np.prod(shape))
    if kind == "object":
        words = np.empty(count, object)
        words[:] = [WORDS[i] for i in rng.integers(0, len(WORDS), count)]
        return words.reshape(shape)
    values = np.frombuffer(rng.bytes(count * np.dtype(kind).itemsize), np.uint8)
    values = (values & 1) if kind == "bool" else values
    made = values.view(kind).reshape(shape).copy()
    if made.dtype.kind == "f":
        made[np.isnan(made)] = -0.0  # NaN has payloads that text does not carry
    return made


def test_random_requests_mean_the_same(doors: Doors) -> None:
    rng = np.random.default_rng(11)
    for round_number in range(ROUNDS):
        kind = TYPES[round_number % len(TYPES)]
        values = random_values(rng, kind)
        ask = Ask(kind, values)
        expected = (200, list(values.shape), ask.bytes_of_values())
        for spelling, answer in doors.answers(ask).items():
            assert answer == expected, (spelling, kind, values)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"output": "other"},
        {"datatype": "FLOAT"},
        {"model": "nope"},
        {"timeout": -1},
        {"shape": [3, 1, 2]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_refusals_are_the_same(doors: Doors, changes: dict[str, Any]) -> None:
    changes = dict(changes)
    model = changes.pop("model", "float32")
    ask = Ask(model, np.ones((2, 3), np.float32), **changes)
    answers = doors.answers(ask)
    statuses = {spelling: answer[0] for spelling, answer in answers.items()}
    assert set(statuses.values()) <= {400, 404}, answers
    assert len(set(statuses.values())) == 1, answers
    if "timeout" not in changes:  # each spelling has its own types of parameters
        assert len(set(answers.values())) == 1, answers
