"""Calls that ask for a header, as Triton's operators restrict them, and their command lines."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from serving import RunningServer, infer_body, server_binary
from tritonclient.utils import InferenceServerException

GRPC_KEY = "triton-grpc-protocol-infer-key"


@pytest.fixture(scope="module")
def restricted(small_repository: Path) -> Iterator[RunningServer]:
    flags = [
        "--http-restricted-api=inference,metadata:infer-key=infer-value",
        "--grpc-restricted-protocol=inference,metadata:infer-key=infer-value",
        "--grpc-restricted-protocol=model-repository:admin-key=admin-value",
        # A command line of tritonserver's, of which these change nothing.
        "--backend-config=onnxruntime,default-max-batch-size=4",
        "--pinned-memory-pool-byte-size=0",
        "--allow-http=true",
    ]
    with RunningServer(small_repository, *flags) as server:
        yield server
        assert server.stop() == 0


def test_http_calls_need_their_header(restricted: RunningServer) -> None:
    post = ("POST", "/v2/models/type_fp32/infer", infer_body())
    status, body = restricted.request(*post)
    assert status == 403
    assert body == b"""{"error":"This API is restricted, expecting header 'infer-key'"}"""
    assert restricted.request(*post, infer_key="other")[0] == 403
    assert restricted.request(*post, infer_key="infer-value")[0] == 200
    assert restricted.request("GET", "/v2/models/type_fp32")[0] == 403
    assert restricted.request("GET", "/v2/health/ready")[0] == 200
    assert restricted.request("POST", "/v2/repository/index")[0] == 200  # on this door
    # One whose body is still on its way is refused before there is memory for it.
    with restricted.connect() as connection:
        connection.sendall(
            b"POST /v2/models/type_fp32/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 403 ")
    client = triton_http.InferenceServerClient(f"127.0.0.1:{restricted.http}")
    with pytest.raises(InferenceServerException, match="expecting header 'infer-key'"):
        client.get_model_metadata("type_fp32")
    client.get_model_metadata("type_fp32", headers={"Infer-Key": "infer-value"})
    client.close()


def test_grpc_calls_need_their_metadata(restricted: RunningServer) -> None:
    given = triton_grpc.InferInput("x", [1, 3], "FP32")
    given.set_data_from_numpy(np.ones((1, 3), np.float32))
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{restricted.grpc}") as client:
        assert client.is_server_ready()
        for headers in (None, {"infer-key": "infer-value"}, {GRPC_KEY: "other"}):
            with pytest.raises(InferenceServerException) as refused:
                client.infer("type_fp32", [given], headers=headers)
            assert refused.value.status() == "StatusCode.UNAVAILABLE"
            assert refused.value.message() == (
                f"This protocol is restricted, expecting header '{GRPC_KEY}'"
            )
        key = {GRPC_KEY: "infer-value"}
        client.infer("type_fp32", [given], headers=key)
        client.get_server_metadata(headers=key)
        with pytest.raises(InferenceServerException, match="triton-grpc-protocol-admin-key"):
            client.get_model_repository_index(headers=key)
        client.get_model_repository_index(headers={"triton-grpc-protocol-admin-key": "admin-value"})


def test_a_restricted_stream_is_refused_before_its_messages(restricted: RunningServer) -> None:
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{restricted.grpc}") as client:
        answers: list[tuple[object, InferenceServerException | None]] = []
        client.start_stream(lambda result, error: answers.append((result, error)))
        client.stop_stream()
    assert [error.status() for _, error in answers if error] == ["StatusCode.UNAVAILABLE"]


def test_what_has_no_effect_is_said(small_repository: Path) -> None:
    binary = server_binary()
    assert binary is not None
    command = [binary, f"--model-repository={small_repository}", "--check", "--rate-limit=off"]
    checked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert "without effect here = rate-limit\n" in checked.stdout
