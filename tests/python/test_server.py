"""Finding the server binary and ONNX Runtime's library, and what can go wrong before it listens."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlops_engine import server


def _script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return path


def _options(tmp_path: Path) -> server.ServerOptions:
    return server.ServerOptions(tmp_path, *(server.free_port() for _ in range(3)))


def test_the_binary_beside_this_python_goes_before_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = _script(tmp_path / "scripts" / server.BINARY, "")
    on_path = _script(tmp_path / "path" / server.BINARY, "")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setattr("sysconfig.get_path", lambda *_: str(tmp_path / "scripts"))
    assert server.find_binary() == beside
    beside.unlink()
    assert server.find_binary() == on_path
    on_path.unlink()
    with pytest.raises(server.ServerError, match=r"scripts nor on PATH"):
        server.find_binary()


def test_the_library_of_the_installed_wheel_is_found() -> None:
    library = server.find_onnxruntime()
    assert library is not None
    assert library.is_file()


def test_the_command_line() -> None:
    options = server.ServerOptions(Path("models"), 1, 2, 3, Path("lib.so"), ["--x"])
    expected = "--model-repository models --http-port 1 --grpc-port 2 --metrics-port 3"
    assert " ".join(options.arguments()) == f"{expected} --ort-library lib.so --x"


def test_a_port_given_twice_is_refused(tmp_path: Path) -> None:
    port = server.free_port()
    with pytest.raises(server.ServerError, match=f"port {port} is given for http and grpc"):
        server.refuse_busy_ports(server.ServerOptions(tmp_path, port, port))


def test_what_cannot_be_executed_is_an_error(tmp_path: Path) -> None:
    text = tmp_path / server.BINARY
    text.write_text("no program")
    with pytest.raises(server.ServerError, match=r"cannot execute .*: Permission denied"):
        server.Server(_options(tmp_path), text)


def test_never_ready_is_an_error_after_the_deadline(tmp_path: Path) -> None:
    binary = _script(tmp_path / server.BINARY, "import signal; signal.pause()")
    with server.Server(_options(tmp_path), binary) as running:
        with pytest.raises(server.ServerError, match=r"not ready after 0\.05 s"):
            running.wait_ready(0.05)
        assert running.process.poll() is None
    assert running.process.returncode == -15


def test_an_end_before_readiness_is_told_from_readiness(tmp_path: Path) -> None:
    binary = _script(tmp_path / server.BINARY, "raise SystemExit(5)")
    with server.Server(_options(tmp_path), binary) as running:
        assert running.wait_ready() is False
        assert running.wait() == 5


def test_a_server_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    binary = _script(
        tmp_path / server.BINARY,
        "import pathlib, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\nwhile True: signal.pause()",
    )
    running = server.Server(_options(tmp_path), binary)
    while not ready.exists():
        assert running.process.poll() is None
    assert running.stop(grace_s=0.05) == 128 + 9
