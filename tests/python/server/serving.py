"""Runs the real `mlops-server` on free ports, and talks to it below client libraries."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[3]


def server_binary() -> Path | None:
    """The binary of this tree when it is built, else an installed one."""
    if named := os.environ.get("MLOPS_SERVER_BINARY"):
        return Path(named)
    built = ROOT / "build" / "dev" / "src" / "mlops-server"
    if built.is_file():
        return built
    on_path = shutil.which("mlops-server")
    return Path(on_path) if on_path else None


def onnxruntime_library() -> Path:
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    return sorted((Path(spec.origin).parent / "capi").glob("libonnxruntime.so*"))[0]


class RunningServer:
    """A server process; `http`, `grpc` and `metrics` are its ports. `under` is a command that
    becomes the server after it has changed its surroundings."""

    def __init__(
        self,
        repository: Path,
        *arguments: str,
        wait_ready: bool = True,
        under: Sequence[str] = (),
        environment: dict[str, str] | None = None,
        **limits: Any,
    ):
        binary = server_binary()
        assert binary is not None
        ports = ("--http-port=0", "--grpc-port=0", "--metrics-port=0", "--host=127.0.0.1")
        command = [*under, str(binary), "--model-repository", str(repository), *ports, *arguments]
        command += ["--ort-library", str(onnxruntime_library())]
        named = {f"MLOPS_{k.upper()}": str(v) for k, v in limits.items()}
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **named, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        listening = self.event()
        assert listening["event"] == "listening", listening
        self.http, self.grpc, self.metrics = (
            listening[f"{name}_port"] for name in ("http", "grpc", "metrics")
        )
        if wait_ready:
            self.started = self.event()
            assert self.started["event"] == "ready", self.started

    def event(self) -> dict[str, Any]:
        """The next line of standard output."""
        stdout: IO[str] | None = self.process.stdout
        assert stdout is not None
        line = stdout.readline()
        assert line, self.process.communicate(timeout=10)[1]
        return dict(json.loads(line))

    def connect(self, port: int | None = None) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port or self.http), timeout=20)

    def request(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            reply = connection.getresponse()
            return reply.status, reply.read()

    def metric(self, name: str) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            page = connection.getresponse().read().decode()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name)
        )

    def stop(self) -> int:
        self.process.terminate()
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        return self.process.returncode

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.stop()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


def receive_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def receive_reply(connection: socket.socket) -> tuple[int, bytes]:
    """One HTTP response; raises EOFError when the server closes instead."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(1 << 16)
        if not part:
            raise EOFError(received)
        received += part
    head, body = received.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    while len(body) < int(fields.get("content-length", 0)):
        body += connection.recv(1 << 16)
    return int(lines[0].split()[1]), body


def infer_body(rows: int = 1) -> str:
    """A JSON request to the zoo's `type_fp32`."""
    data = [[float(i), 0.5, -2.0] for i in range(rows)]
    inputs = [{"name": "x", "shape": [rows, 3], "datatype": "FP32", "data": data}]
    return json.dumps({"inputs": inputs})
