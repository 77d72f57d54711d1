"""A real MLflow server on the loopback, for as long as the demo runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from mlops_engine.errors import Unavailable
from mlops_engine.server import HOST, free_port

__all__ = ["mlflow_server"]

START_S, END_S = 120.0, 20.0


@contextlib.contextmanager
def mlflow_server(program: Path, folder: Path) -> Iterator[str]:
    """Run MLflow over SQLite; yields its address, and ends all its processes on leaving.

    Raises
    ------
    Unavailable
        It does not come up; its own words are in `mlflow.log`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = ["env", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", str(program.absolute())]
    command += ["server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.sqlite"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"]
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, process_group=0)
    url = f"http://{HOST}:{port}"
    try:
        deadline = time.monotonic() + START_S
        while not _healthy(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"MLflow did not start: see {folder}/mlflow.log")
            time.sleep(0.2)
        yield url
    finally:
        _end(process)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers, which are one process group."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
