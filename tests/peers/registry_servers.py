"""Real servers of other people's registries, each in its own process on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from environment import python_with

# 3.18 needs an mlflow-skinny that is not published.
MLFLOW = (
    "mlflow==3.17.2",
    "boto3==1.44.8",
    "Flask-WTF==1.3.0",
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
)
# model-signing uses pyOpenSSL, and does not say so.
SIGNING = ("model-signing==1.1.1", "pyOpenSSL==26.4.0")
CLIENT = Path(__file__).parent / "registries" / "client.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def mlflow_server(folder: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """Run MLflow's server over SQLite; yields its address when it answers."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [python_with(*MLFLOW), "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.sqlite", *arguments]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **environment},
            stdout=log,
            stderr=log,
            process_group=0,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _healthy(url):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)  # until a port that others own is open
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _healthy(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{url}/health", timeout=5).status == 200)
    except (urllib.error.URLError, OSError):
        return False


def client(url: str, folder: Path, *steps: list[Any], **environment: str) -> list[Any]:
    """Let MLflow's own client take these steps; returns its answers."""
    answers = folder / "answers.json"
    command = [python_with(*MLFLOW), "-W", "ignore", CLIENT, url, answers]
    done = subprocess.run(
        command,
        input=json.dumps(steps),
        text=True,
        capture_output=True,
        env={**os.environ, "GIT_PYTHON_REFRESH": "quiet", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(answers.read_text())
    return found
