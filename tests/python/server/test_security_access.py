"""Tokens, JWTs, roles, rates, the admin port and the audit log, against the real server."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import jwt
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from faults import eventually
from serving import RunningServer, infer_body, onnxruntime_library, server_binary
from tritonclient.utils import InferenceServerException

from mlops_engine.cli.main import main as mlops

EXPLICIT = ("--model-control-mode=explicit", "--load-model=type_fp32")
SERVICE = "/inference.GRPCInferenceService/"


@dataclass
class Secured:
    """A server with tokens, an issuer of JWTs and an audit log."""

    server: RunningServer
    tokens: dict[str, str]
    issuer: ec.EllipticCurvePrivateKey
    audit: Path

    def call(
        self, method: str, path: str, token: str | None, body: bytes | str | None = None
    ) -> tuple[int, bytes, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http, timeout=20)
        with contextlib.closing(connection):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers

    def rpc(self, method: str, token: str | None, message: bytes = b"") -> grpc.StatusCode:
        metadata = [("authorization", f"Bearer {token}")] if token else []
        with grpc.insecure_channel(f"127.0.0.1:{self.server.grpc}") as channel:
            try:
                channel.unary_unary(method)(message, timeout=20, metadata=metadata)
            except grpc.RpcError as error:
                return error.code()
        return grpc.StatusCode.OK

    def jwt(self, **claims: Any) -> str:
        whole = {
            "iss": "https://issuer.test",
            "aud": "mlops",
            "sub": "ana",
            "exp": int(time.time()) + 60,
            "roles": ["predict"],
            **claims,
        }
        return jwt.encode(whole, self.issuer, algorithm="ES256")

    def audited(self, at_least: int = 0) -> list[dict[str, Any]]:
        """The audit log, which is written a moment after the answer."""
        eventually(lambda: self.audit.read_text().count("\n") >= at_least)
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


def new_token(file: Path, capsys_out: Any, name: str, *roles: str, **options: float) -> str:
    arguments = ["token", "new", f"--name={name}", f"--append={file}"]
    arguments += [f"--role={role}" for role in roles]
    arguments += [f"--{key}={value}" for key, value in options.items()]
    with contextlib.redirect_stdout(capsys_out):
        assert mlops(arguments) == 0
    printed = capsys_out.getvalue().splitlines()
    return str(printed[-2].removeprefix("token: "))


@pytest.fixture(scope="module")
def secured(small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    import io

    folder = tmp_path_factory.mktemp("access")
    file = folder / "tokens"
    out = io.StringIO()
    tokens = {role: new_token(file, out, role, role) for role in ("predict", "observe", "admin")}
    tokens["slow"] = new_token(file, out, "slow", "predict", rate=0.01, burst=2)
    tokens["old"] = new_token(file, out, "old", "predict", days=-1)
    issuer = ec.generate_private_key(ec.SECP256R1())
    keys = folder / "keys.pem"
    keys.write_bytes(
        issuer.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    flags = [f"--auth-tokens={file}", f"--auth-jwt-keys={keys}", f"--audit-log={folder / 'audit'}"]
    flags += ["--auth-jwt-issuer=https://issuer.test", "--auth-jwt-audience=mlops", *EXPLICIT]
    with RunningServer(small_repository, *flags, "--threads=2") as server:
        yield Secured(server, tokens, issuer, folder / "audit")
        assert server.stop() == 0


# Who may do what, by both doors; the three tokens have one role each.
CALLS = [
    ("GET", "/v2/health/ready", "ServerReady", "open"),
    ("GET", "/v2", "ServerMetadata", "predict observe admin"),
    ("POST", "/v2/models/type_fp32/infer", "ModelInfer", "predict"),
    ("GET", "/v2/models/stats", "ModelStatistics", "observe admin"),
    ("POST", "/v2/repository/index", "RepositoryIndex", "observe admin"),
    ("POST", "/v2/repository/models/mlp_small/load", "RepositoryModelLoad", "admin"),
    ("POST", "/v2/repository/models/mlp_small/unload", "RepositoryModelUnload", "admin"),
    ("POST", "/v2/systemsharedmemory/unregister", "SystemSharedMemoryUnregister", "admin"),
    ("POST", "/v2/trace/setting", "TraceSetting", "admin"),
    ("POST", "/v2/logging", "LogSettings", "admin"),
]


@pytest.mark.parametrize(("method", "path", "rpc", "roles"), CALLS)
def test_each_call_needs_its_role(
    secured: Secured, method: str, path: str, rpc: str, roles: str
) -> None:
    refused_rpc = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
    status, body, headers = secured.call(method, path, None, "{}" if method == "POST" else None)
    if roles == "open":
        assert (status, secured.rpc(SERVICE + rpc, None)) == (200, grpc.StatusCode.OK)
        return
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert b"needs a token" in body
    assert secured.rpc(SERVICE + rpc, None) == grpc.StatusCode.UNAUTHENTICATED
    for role in ("predict", "observe", "admin"):
        token = secured.tokens[role]
        status, body, _ = secured.call(method, path, token, "{}" if method == "POST" else None)
        code = secured.rpc(SERVICE + rpc, token)
        if role in roles.split():
            assert status not in (401, 403), body
            assert code not in refused_rpc
        else:
            assert (status, code) == (403, grpc.StatusCode.PERMISSION_DENIED), (role, body)


def test_tokens_that_are_none_are_refused(secured: Secured) -> None:
    good = secured.tokens["predict"]
    for bad in (
        good[:-1],
        good + "x",
        good.upper(),
        "mlops_",
        "a.b.c",
        "x" * 9000,
        "é".encode().hex(),
    ):
        status, body, headers = secured.call("GET", "/v2", bad)
        assert status == 401
        assert "invalid_token" in headers["WWW-Authenticate"]
        assert bad.encode() not in body
        assert secured.rpc(SERVICE + "ServerMetadata", bad) == grpc.StatusCode.UNAUTHENTICATED
    assert b"has expired" in secured.call("GET", "/v2", secured.tokens["old"])[1]
    status, _ = secured.server.request("GET", "/v2", Authorization=f"Basic {good}")
    assert status == 401
    status, _ = secured.server.request("GET", "/v2", authorization=f"bEaReR   {good}")
    assert status == 200


def test_two_credentials_are_one_too_many(secured: Secured) -> None:
    twice = f"Authorization: Bearer {secured.tokens['predict']}\r\n" * 2
    with secured.server.connect() as raw:
        raw.sendall(f"GET /v2 HTTP/1.1\r\nHost: h\r\n{twice}\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 400")


def test_a_body_is_not_awaited_from_strangers(secured: Secured) -> None:
    """An answer comes although 60 MB were announced and one byte was sent."""
    with secured.server.connect() as raw:
        raw.sendall(
            b"POST /v2/models/type_fp32/infer HTTP/1.1\r\nHost: h\r\n"
            b"Content-Length: 60000000\r\n\r\n{"
        )
        reply = raw.recv(4096)
    assert reply.startswith(b"HTTP/1.1 401")
    assert b"WWW-Authenticate: Bearer" in reply


def test_json_web_tokens(secured: Secured) -> None:
    def status(token: str) -> int:
        path = "/v2/models/type_fp32/infer"
        http_status = secured.call("POST", path, token, infer_body())[0]
        code = secured.rpc(SERVICE + "ServerMetadata", token)
        assert (http_status == 401) == (code == grpc.StatusCode.UNAUTHENTICATED)
        return http_status

    assert status(secured.jwt()) == 200
    assert status(secured.jwt(roles="observe predict")) == 200
    assert status(secured.jwt(roles=["observe"])) == 403
    assert status(secured.jwt(roles=[])) == 403
    assert status(secured.jwt(exp=int(time.time()) - 60)) == 401
    assert status(secured.jwt(nbf=int(time.time()) + 600)) == 401
    assert status(secured.jwt(iss="https://other.test")) == 401
    assert status(secured.jwt(aud=["other"])) == 401
    claims = jwt.decode(secured.jwt(), options={"verify_signature": False})
    others = [
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "s" * 32, algorithm="HS256"),
        jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256"),
    ]
    assert [status(token) for token in others] == [401] * len(others)


def test_rates_are_limited(secured: Secured) -> None:
    slow = secured.tokens["slow"]
    assert [secured.call("GET", "/v2", slow)[0] for _ in range(2)] == [200, 200]
    status, body, headers = secured.call("GET", "/v2", slow)
    assert (status, b"rate limit" in body) == (429, True)
    assert 90 <= int(headers["Retry-After"]) <= 100
    assert secured.rpc(SERVICE + "ServerMetadata", slow) == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert secured.call("GET", "/v2", secured.tokens["predict"])[0] == 200


def test_tritonclient_with_tokens(secured: Secured) -> None:
    headers = {"authorization": f"Bearer {secured.tokens['predict']}"}  # copied: HTTP adds to it
    data = np.ones((2, 3), np.float32)
    with triton_http.InferenceServerClient(f"127.0.0.1:{secured.server.http}") as client:
        tensor = triton_http.InferInput("x", [2, 3], "FP32")
        tensor.set_data_from_numpy(data)
        assert client.infer("type_fp32", [tensor], headers=dict(headers)).get_response()
        with pytest.raises(InferenceServerException, match="needs a token"):
            client.infer("type_fp32", [tensor])
        with pytest.raises(InferenceServerException, match="roles admin"):
            client.load_model("mlp_small", headers=dict(headers))
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{secured.server.grpc}") as client:
        tensor = triton_grpc.InferInput("x", [2, 3], "FP32")
        tensor.set_data_from_numpy(data)
        assert client.infer("type_fp32", [tensor], headers=dict(headers)).get_response()
        with pytest.raises(InferenceServerException, match="needs a token"):
            client.infer("type_fp32", [tensor])


def test_administration_is_audited(secured: Secured) -> None:
    before = len(secured.audited())
    admin, predict = secured.tokens["admin"], secured.tokens["predict"]
    load = "/v2/repository/models/mlp_small/load"
    assert secured.call("POST", load, admin)[0] == 200
    assert secured.call("POST", "/v2/repository/models/absent/load", admin)[0] == 500
    assert secured.call("POST", load, predict)[0] == 403
    message = b"\x12\x09mlp_small"
    assert secured.rpc(SERVICE + "RepositoryModelUnload", admin, message) == grpc.StatusCode.OK
    records = secured.audited(before + 4)[before:]
    facts = [[r["call"], r["door"], r["who"], r.get("target"), r["result"]] for r in records]
    assert facts == [
        ["repository_load", "http", "admin", "mlp_small", "200"],
        ["repository_load", "http", "admin", "absent", "500"],
        ["repository_load", "http", "predict", None, "403"],
        ["repository_unload", "grpc", "admin", "mlp_small", "OK"],
    ]
    assert all(r["address"] == "127.0.0.1" and r["time"].endswith("Z") for r in records)
    text = secured.audit.read_text()
    assert not any(token in text for token in secured.tokens.values())


def test_the_metrics_port_needs_an_observer(secured: Secured) -> None:
    def status(**headers: str) -> int:
        metrics = http.client.HTTPConnection("127.0.0.1", secured.server.metrics, timeout=20)
        with contextlib.closing(metrics):
            metrics.request("GET", "/metrics", headers=dict(headers))
            return metrics.getresponse().status

    assert status() == 401
    assert status(Authorization=f"Bearer {secured.tokens['predict']}") == 403
    assert status(Authorization=f"Bearer {secured.tokens['observe']}") == 200


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def test_an_admin_port_takes_administration_away(small_repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "admin.sock"
    flags = ["--admin-port=0", f"--admin-socket={file}", *EXPLICIT]
    with RunningServer(small_repository, *flags) as server:
        load = "/v2/repository/models/mlp_small/load"
        status, body = server.request("POST", load)
        assert (status, b"admin port" in body) == (403, True)
        assert server.request("POST", "/v2/models/type_fp32/infer", infer_body())[0] == 200
        with (
            triton_grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client,
            pytest.raises(InferenceServerException, match="admin port"),
        ):
            client.load_model("mlp_small")
        with triton_http.InferenceServerClient(
            f"127.0.0.1:{server.started['admin_port']}"
        ) as client:
            client.load_model("mlp_small")
            assert client.is_model_ready("mlp_small")
        assert file.stat().st_mode & 0o777 == 0o600
        local = SocketConnection(file)
        local.request("POST", load.replace("/load", "/unload"), "{}")
        assert local.getresponse().read() == b""
        local.request("POST", "/v2/models/type_fp32/infer", infer_body())
        assert local.getresponse().status == 403
        local.close()
        assert server.stop() == 0
    assert not file.exists()


def test_a_wrong_tokens_file_is_refused_without_quoting_it(
    small_repository: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    file.write_text("mlops_secretsecretsecret\n")
    binary = server_binary()
    assert binary is not None
    command = [str(binary), "--model-repository", str(small_repository), "--http-port=0"]
    command += ["--grpc-port=0", "--metrics-port=0", "--host=127.0.0.1"]
    command += ["--ort-library", str(onnxruntime_library()), f"--auth-tokens={file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{file}: line 1: a line begins with token or role" in done.stderr
    assert "secretsecret" not in done.stderr + done.stdout
