"""Cases of tests/contract that need their own server: hostile names, and who may do what."""

from __future__ import annotations

import http.client
import json
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from contract_cases import CONTRACT, Case, build_models, cases, differences
from google.protobuf import json_format
from serving import RunningServer
from tritonclient.grpc import service_pb2

SERVICE = "/inference.GRPCInferenceService/"
FILLS = re.compile(r"\{(.)\*(\d+)\}")


def _filled(text: str) -> str:
    """`{a*3}` is aaa: what is too long to be written down."""
    return FILLS.sub(lambda found: found[1] * int(found[2]), text)


def _serve(folder: Path, *flags: str) -> Iterator[RunningServer]:
    build_models(folder)
    with RunningServer(folder, "--threads=1", *flags) as running:
        yield running
        assert running.process.poll() is None
        assert running.request("GET", "/v2/health/ready")[0] == 200
        assert running.stop() == 0


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    flags = ["--model-control-mode=explicit", "--load-model=*", "--allow-client-shm=true"]
    yield from _serve(tmp_path_factory.mktemp("names"), *flags)


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """After a reload, which must leave the doors as they were."""
    flags = [f"--auth-tokens={CONTRACT / 'access' / 'tokens'}", "--model-control-mode=explicit"]
    for running in _serve(tmp_path_factory.mktemp("access"), *flags, "--load-model=*"):
        running.process.send_signal(signal.SIGHUP)
        assert running.process.stderr is not None
        assert any("reload: done" in line for line in running.process.stderr)
        yield running


def _over_http(server: RunningServer, request: Case) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=20)
    # http.client refuses what these cases are made of.
    connection._validate_path = lambda url: None  # type: ignore[attr-defined]
    headers = {name: _filled(value) for name, value in request["headers"].items()}
    body = _filled(request["text"]) if "text" in request else None
    with closing(connection):
        connection.request(request["method"], _filled(request["path"]), body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers


def _message(request: Case) -> bytes:
    said = json.loads(_filled(json.dumps(request["message"])))
    if request["method"].startswith("/"):  # health: its only field is a name
        name = said.get("service", "").encode()
        return service_pb2.ModelReadyRequest(name=name).SerializeToString()
    message = getattr(service_pb2, f"{request['method']}Request")()
    json_format.ParseDict(said, message)
    return bytes(message.SerializeToString())


def _over_grpc(channel: grpc.Channel, request: Case) -> tuple[str, str]:
    method = request["method"] if request["method"].startswith("/") else SERVICE + request["method"]
    metadata = list(request.get("metadata", {}).items())
    try:
        channel.unary_unary(method)(_message(request), timeout=20, metadata=metadata)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


@pytest.mark.parametrize("folder", ["names", "access"])
def test_http(folder: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("open_server" if folder == "names" else "guarded_server")
    failed = []
    asked = 0
    for name, case in cases(folder, "http"):
        status, text, headers = _over_http(server, case["request"])
        wrong = differences(case["response"], text) if text else []
        if status != case["response"]["status"] or wrong:
            failed.append((name, status, text[:200], wrong))
        if status == 401:
            assert headers["WWW-Authenticate"].startswith("Bearer"), name
        if status == 429:
            assert int(headers["Retry-After"]) > 0, name
        assert len(text) < 4096, name  # nothing long is sent back
        asked += 1
    assert failed == []
    assert asked >= 30


@pytest.mark.parametrize("folder", ["names", "access"])
def test_grpc(folder: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("open_server" if folder == "names" else "guarded_server")
    failed = []
    asked = 0
    options = [("grpc.max_send_message_length", 1 << 26)]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}", options) as channel:
        for name, case in cases(folder, "grpc"):
            status, details = _over_grpc(channel, case["request"])
            expected = case["response"]
            if status != expected["status"] or expected.get("error_contains", "") not in details:
                failed.append((name, status, details[:200]))
            asked += 1
    assert failed == []
    assert asked >= 15
