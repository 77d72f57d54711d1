"""TLS and mutual TLS on both ports, with the clients that operators use."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from certificates import Identity, make_identity
from serving import RunningServer, infer_body, onnxruntime_library, server_binary


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("root"), "root")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, root: Identity) -> Identity:
    return make_identity(tmp_path_factory.mktemp("server"), "localhost", root)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, root: Identity) -> Identity:
    return make_identity(tmp_path_factory.mktemp("client"), "ana", root)


def tls_flags(door: str, own: Identity, root: Identity | None = None) -> list[str]:
    flags = [
        f"--{door}-use-ssl=true",
        f"--{door}-server-cert={own.certificate}",
        f"--{door}-server-key={own.key}",
    ]
    if root:
        flags += [f"--{door}-use-ssl-mutual=true", f"--{door}-root-cert={root.certificate}"]
    return flags


@pytest.fixture(scope="module")
def server(small_repository: Path, own: Identity, root: Identity) -> Iterator[RunningServer]:
    """HTTP with TLS, gRPC with mutual TLS."""
    flags = [*tls_flags("http", own), *tls_flags("grpc", own, root), "--threads=2"]
    with RunningServer(small_repository, *flags) as running:
        yield running
        assert running.stop() == 0


def context_for(root: Identity) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=root.certificate)


def rows(count: int) -> np.ndarray:
    return np.arange(3 * count, dtype=np.float32).reshape(count, 3)


def test_python_speaks_https(server: RunningServer, root: Identity) -> None:
    connection = http.client.HTTPSConnection(
        "localhost", server.http, context=context_for(root), timeout=20
    )
    for _ in range(3):
        connection.request("POST", "/v2/models/type_fp32/infer", infer_body(2))
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        reply.read()
    assert connection.sock is not None
    assert connection.sock.version() == "TLSv1.3"
    connection.close()


def test_tritonclient_over_https(server: RunningServer, root: Identity) -> None:
    options = {"ca_certs": str(root.certificate)}
    with triton_http.InferenceServerClient(
        f"localhost:{server.http}", ssl=True, ssl_options=options
    ) as triton:
        assert triton.is_server_ready()
        tensor = triton_http.InferInput("x", [40_000, 3], "FP32")
        tensor.set_data_from_numpy(rows(40_000))
        result = triton.infer("type_fp32", [tensor])
        assert result.as_numpy("same").shape[0] == 40_000


def test_tritonclient_over_grpc_with_a_certificate(
    server: RunningServer, root: Identity, client: Identity
) -> None:
    with triton_grpc.InferenceServerClient(
        f"localhost:{server.grpc}",
        ssl=True,
        root_certificates=str(root.certificate),
        private_key=str(client.key),
        certificate_chain=str(client.certificate),
    ) as triton:
        assert triton.is_server_ready()
        tensor = triton_grpc.InferInput("x", [40_000, 3], "FP32")
        tensor.set_data_from_numpy(rows(40_000))
        result = triton.infer("type_fp32", [tensor])
        assert result.as_numpy("same").shape[0] == 40_000


def test_grpc_without_a_certificate_is_refused(server: RunningServer, root: Identity) -> None:
    credentials = grpc.ssl_channel_credentials(root.certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{server.grpc}", credentials) as channel:
        live = channel.unary_unary("/inference.GRPCInferenceService/ServerLive")
        with pytest.raises(grpc.RpcError) as refused:
            live(b"", timeout=10)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_plain_text_on_a_tls_port_is_refused(server: RunningServer) -> None:
    with server.connect() as plain:
        plain.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n")
        received = b""
        while part := plain.recv(4096):
            received += part
        assert b"HTTP/1.1" not in received
    assert server.metric("mlops_server_handshakes_failed_total") >= 1


def test_tls_on_a_plain_port_is_refused(small_repository: Path, root: Identity) -> None:
    with RunningServer(small_repository) as plain:
        with plain.connect() as raw, pytest.raises((ssl.SSLError, OSError)):
            context_for(root).wrap_socket(raw, server_hostname="localhost")
        assert plain.request("GET", "/v2/health/live")[0] == 200


def test_clients_that_vanish_mid_handshake_hurt_nobody(
    server: RunningServer, root: Identity
) -> None:
    for cut in (1, 5, 60, 200):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = context_for(root).wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        with server.connect() as raw:
            raw.sendall(outgoing.read()[:cut])
    test_python_speaks_https(server, root)


def test_a_slow_handshake_is_cut(small_repository: Path, own: Identity) -> None:
    flags = [*tls_flags("http", own), "--ssl-handshake-timeout-ms=200"]
    with RunningServer(small_repository, *flags) as quick, quick.connect() as silent:
        assert silent.recv(1) == b""
        assert quick.metric("mlops_server_connections_timed_out_total") == 1


def refusal(repository: Path, *flags: str) -> str:
    binary = server_binary()
    assert binary is not None
    command = [str(binary), "--model-repository", str(repository), "--host=127.0.0.1"]
    command += ["--http-port=0", "--grpc-port=0", "--metrics-port=0"]
    command += ["--ort-library", str(onnxruntime_library()), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    return done.stderr


def test_start_up_errors_say_what_is_wrong(
    small_repository: Path, own: Identity, client: Identity, tmp_path: Path
) -> None:
    absent = tmp_path / "absent.pem"
    good = tls_flags("http", own)
    assert str(absent) in refusal(small_repository, *good, f"--http-server-cert={absent}")
    mixed = refusal(small_repository, *good, f"--http-server-key={client.key}")
    assert "does not belong to the certificate" in mixed
    assert "--grpc-server-cert" in refusal(small_repository, "--grpc-use-ssl=true")
    assert "--http-use-ssl" in refusal(small_repository, f"--http-server-cert={own.certificate}")
    mutual = [*good, "--http-use-ssl-mutual=true"]
    assert "--http-root-cert" in refusal(small_repository, *mutual)
