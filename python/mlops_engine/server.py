"""Find the bundled `mlops-server` (C++) and run it as a child process."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .process import exit_code, spawn

BINARY = "mlops-server"
HOST = "127.0.0.1"
POLL_S = 0.01


class ServerError(RuntimeError):
    """The server cannot be found or started, or did not answer as it must."""


@dataclass(frozen=True)
class ServerOptions:
    """Command line of `mlops-server`.

    Attributes
    ----------
    repository
        Model repository, laid out as Triton's.
    http_port, grpc_port, metrics_port
        TCP ports.
    ort_library
        Shared library of ONNX Runtime; None lets the server search for it.
    extra
        Further arguments, passed on as they are.
    """

    repository: Path
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    ort_library: Path | None = None
    extra: Sequence[str] = field(default=())

    def arguments(self) -> list[str]:
        """Spell the options as the server's command line."""
        found = ["--model-repository", str(self.repository)]
        for name, port in self.ports().items():
            found += [f"--{name}-port", str(port)]
        if self.ort_library is not None:
            found += ["--ort-library", str(self.ort_library)]
        return [*found, *self.extra]

    def ports(self) -> dict[str, int]:
        """List the ports by what listens on them."""
        return {"http": self.http_port, "grpc": self.grpc_port, "metrics": self.metrics_port}


def find_binary(explicit: Path | None = None) -> Path:
    """Find the server binary: as told, beside this Python's scripts, or on PATH.

    Raises
    ------
    ServerError
        Names every place that was searched.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise ServerError(f"{explicit} is not a file")
        return explicit.resolve()
    schemes = ("posix_prefix", "posix_user", "venv")
    places = [Path(sysconfig.get_path("scripts"))]
    places += [Path(p) for s in schemes if (p := sysconfig.get_path("scripts", s))]
    for place in dict.fromkeys(places):
        if (place / BINARY).is_file():
            return place / BINARY
    on_path = shutil.which(BINARY)
    if on_path is None:
        searched = ", ".join(str(p) for p in dict.fromkeys(places))
        raise ServerError(f"no {BINARY} in {searched} nor on PATH; say where with --server-binary")
    return Path(on_path)


def find_onnxruntime() -> Path | None:
    """Find the shared library in the installed `onnxruntime` or `onnxruntime-gpu` wheel.

    Returns
    -------
    Path or None
        None without such a wheel; the server then searches the system.
    """
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "capi").glob("libonnxruntime.so*"))
    return found[0] if found else None


def free_port() -> int:
    """Let the kernel choose a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def refuse_busy_ports(options: ServerOptions) -> None:
    """Raise `ServerError` for a port that somebody listens on, or one given twice.

    The server listens with SO_REUSEPORT: two of them on one port would start without complaint
    and share its requests.
    """
    taken: dict[int, str] = {}
    for name, port in options.ports().items():
        advice = f"choose another with --{name}-port"
        if port in taken:
            raise ServerError(f"port {port} is given for {taken[port]} and {name}; {advice}")
        taken[port] = name
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
                probe.listen()
            except OSError as error:
                reason = error.strerror or str(error)
                raise ServerError(f"port {port} ({name}): {reason}; {advice}") from error


class Server:
    """A running `mlops-server`; a context manager that stops it on leaving.

    Not for use from several threads, except that `stop` may be called from any.
    """

    def __init__(self, options: ServerOptions, binary: Path | None = None) -> None:
        """Start the process; does not wait until it is ready.

        Raises
        ------
        ServerError
            A port is taken, or the binary is not found or cannot be executed.
        """
        refuse_busy_ports(options)
        self.options = options
        command = [str(find_binary(binary)), *options.arguments()]
        try:
            self.process: subprocess.Popen[bytes] = spawn(command)
        except OSError as error:
            raise ServerError(f"cannot execute {command[0]}: {error.strerror}") from error

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def wait_ready(self, timeout_s: float = 60.0) -> bool:
        """Poll `/v2/health/ready` until it says yes.

        Returns
        -------
        bool
            True when ready; False if the process ended first (its own message says why).

        Raises
        ------
        ServerError
            If `timeout_s` passes; the process is left running.
        """
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.request("GET", "/v2/health/ready", timeout_s=1.0)[0] == 200:
                    return True
            if time.monotonic() > deadline:
                raise ServerError(f"the server was not ready after {timeout_s:g} s")
            time.sleep(POLL_S)
        return False

    def request(
        self, method: str, path: str, body: str | None = None, timeout_s: float = 10.0
    ) -> tuple[int, bytes]:
        """Send one HTTP request; returns status and body."""
        connection = http.client.HTTPConnection(HOST, self.options.http_port, timeout=timeout_s)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def infer(self, model: str, body: str) -> dict[str, Any]:
        """Infer with a JSON body; returns the decoded reply.

        Raises
        ------
        ServerError
            For any status but 200, or a reply that is not a JSON object.
        """
        path = f"/v2/models/{model}/infer"
        try:
            status, reply = self.request("POST", path, body)
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"{path}: {error!r}") from error
        text = reply.decode(errors="replace")
        if status != 200:
            raise ServerError(f"{path} answered {status}: {text}")
        try:
            decoded = json.loads(text)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            raise ServerError(f"{path} answered what is not a JSON object: {text[:200]}")
        return decoded

    def wait(self) -> int:
        """Wait until the process ends; returns its exit code as a shell would."""
        return exit_code(self.process.wait())

    def stop(self, grace_s: float = 10.0) -> int:
        """Ask the process to end, and make it after `grace_s`; returns its exit code."""
        self.process.terminate()
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.wait()
