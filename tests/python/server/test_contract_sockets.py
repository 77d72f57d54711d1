"""The cases of tests/contract against the real server: HTTP in two framings, and gRPC."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import grpc
import pytest
from contract_cases import Case, build_models, cases, differences, same
from google.protobuf import json_format
from serving import RunningServer
from tritonclient.grpc import service_pb2

SERVICE = "/inference.GRPCInferenceService/"
HEADER_LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def contract_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    repository = tmp_path_factory.mktemp("contract")
    build_models(repository)
    with RunningServer(repository, "--threads=1", "--allow-client-shm=true") as running:
        yield running
        assert running.stop() == 0


def _ask(connection: http.client.HTTPConnection, request: Case, chunked: bool) -> tuple[int, Any]:
    body = request.get("text", "").encode() + bytes.fromhex(request.get("hex", ""))
    sent: Any = body
    if chunked:
        size = 7 + len(body) // 500
        sent = (body[i : i + size] for i in range(0, len(body), size))
    headers = dict(request["headers"])
    connection.request(request["method"], request["path"], sent, headers, encode_chunked=chunked)
    reply = connection.getresponse()
    received = reply.read()
    split = int(reply.getheader(HEADER_LENGTH, len(received)))
    assert (split < len(received)) == (
        reply.getheader("Content-Type") == "application/octet-stream"
    )
    return reply.status, (received[:split].decode(), received[split:])


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_http_cases(contract_server: RunningServer, chunked: bool) -> None:
    asked = 0
    with closing(http.client.HTTPConnection("127.0.0.1", contract_server.http, 20)) as connection:
        for name, case in cases("cases"):
            if chunked and case["request"]["method"] != "POST":
                continue
            status, (text, binary) = _ask(connection, case["request"], chunked)
            assert status == case["response"]["status"], (name, text)
            assert differences(case["response"], text, binary) == [], (name, text)
            asked += 1
    assert asked >= 60


def _plain(method: str, message: bytes) -> Any:
    """An answer as the cases spell it."""
    reply = getattr(service_pb2, f"{method}Response").FromString(message)
    plain = json_format.MessageToDict(
        reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=False
    )
    if method == "ModelReady":
        return {"ready": reply.ready}
    for key in ("inputs", "outputs"):
        for tensor in plain.get(key, []):
            tensor["shape"] = [int(dim) for dim in tensor.get("shape", [])]
    if method == "ModelMetadata":
        plain.pop("platform", None)
        return plain
    plain.pop("raw_output_contents", None)
    for tensor, raw in zip(plain.get("outputs", []), reply.raw_output_contents, strict=True):
        tensor["raw"] = raw.hex()
    return plain


def test_grpc_cases(contract_server: RunningServer) -> None:
    asked = 0
    with grpc.insecure_channel(f"127.0.0.1:{contract_server.grpc}") as channel:
        for name, case in cases("grpc"):
            method, expected = case["request"]["method"], case["response"]
            call = channel.unary_unary(SERVICE + method)
            try:
                answer = _plain(method, call(bytes.fromhex(case["request"]["hex"]), timeout=20))
                status, details = "OK", ""
            except grpc.RpcError as error:
                status, details, answer = error.code().name, error.details(), None
            assert status == expected["status"], (name, details)
            assert expected.get("error_contains", "") in details, (name, details)
            assert same(expected.get("json"), answer), (name, answer)
            asked += 1
    assert asked >= 60


def test_grpc_cases_are_what_their_messages_say() -> None:
    for name, case in cases("grpc"):
        request = case["request"]
        if "message" not in request:
            continue
        message = getattr(service_pb2, f"{request['method']}Request")()
        json_format.ParseDict(request["message"], message)
        assert message.SerializeToString(deterministic=True).hex() == request["hex"], name
