"""Triton's client examples, unmodified: `MLOPS_CLIENT_EXAMPLES=<their folder> pytest <this file>`.

They are not part of this project, so without the folder these tests are skipped;
`test_client_flows.py` does what they do in code of our own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from example_models import GRPC_MODELS, HTTP_MODELS, build_examples
from serving import RunningServer

EXAMPLES = os.environ.get("MLOPS_CLIENT_EXAMPLES")
pytestmark = pytest.mark.skipif(not EXAMPLES, reason="MLOPS_CLIENT_EXAMPLES names no folder")

HTTP = {
    "simple_http_health_metadata": [[]],
    "simple_http_infer_client": [
        [],
        *(
            [f"--{d}-compression-algorithm", c]
            for d in ("request", "response")
            for c in ("gzip", "deflate")
        ),
    ],
    "simple_http_async_infer_client": [[]],
    "simple_http_aio_infer_client": [[]],
    "simple_http_string_infer_client": [[]],
    "simple_http_shm_client": [[]],
    "simple_http_shm_string_client": [[]],
    "simple_http_sequence_sync_infer_client": [[], ["--dyna", "--offset=10"]],
    "reuse_infer_objects_client": [["-i", "HTTP"]],
}
GRPC = {
    "simple_grpc_health_metadata": [[]],
    "simple_grpc_infer_client": [[], ["-C", "gzip"], ["-C", "deflate"], ["-t", "20"]],
    "simple_grpc_async_infer_client": [[]],
    "simple_grpc_aio_infer_client": [[]],
    "simple_grpc_string_infer_client": [[]],
    "simple_grpc_shm_client": [[]],
    "simple_grpc_shm_string_client": [[]],
    "simple_grpc_sequence_sync_infer_client": [[], ["--dyna", "--offset=30"]],
    "simple_grpc_sequence_stream_infer_client": [[], ["--dyna", "--offset=20"]],
    "simple_grpc_aio_sequence_stream_infer_client": [[], ["--dyna", "--offset=40"]],
    "simple_grpc_custom_repeat": [[]],
    "simple_grpc_custom_args_client": [[]],
    "simple_grpc_keepalive_client": [[], ["--grpc-keepalive-time", "1000"]],
    "grpc_explicit_byte_content_client": [[]],
    "grpc_explicit_int8_content_client": [[]],
    "grpc_explicit_int_content_client": [[]],
    "reuse_infer_objects_client": [["-i", "gRPC"]],
}


def _serve(folder: Path, door: str, *arguments: str) -> Iterator[tuple[RunningServer, str]]:
    build_examples(folder, HTTP_MODELS if door == "http" else GRPC_MODELS)
    with RunningServer(folder, "--compat-server-name=triton", *arguments) as server:
        yield server, f"127.0.0.1:{getattr(server, door)}"
        assert server.stop() == 0


@pytest.fixture(scope="module", params=["http", "grpc"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, door: str
) -> Iterator[tuple[RunningServer, str]]:
    yield from _serve(tmp_path_factory.mktemp(door), door, "--allow-client-shm=true")


@pytest.fixture
def controlled(tmp_path: Path, door: str) -> Iterator[tuple[RunningServer, str]]:
    yield from _serve(tmp_path, door, "--model-control-mode=explicit")


def _run(script: str, url: str, *arguments: str) -> None:
    assert EXAMPLES is not None
    path = Path(EXAMPLES) / f"{script}.py"
    takes_url = "--url" in path.read_text()
    command = [sys.executable, str(path), *(["-u", url] if takes_url else []), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (command, done.stdout[-3000:], done.stderr[-3000:])
    assert "FAIL" not in done.stdout


def test_examples(served: tuple[RunningServer, str], door: str) -> None:
    for script, calls in (HTTP if door == "http" else GRPC).items():
        for arguments in calls:
            _run(script, served[1], *arguments)
        assert served[0].process.poll() is None


def test_model_control(controlled: tuple[RunningServer, str], door: str) -> None:
    _run(f"simple_{door}_model_control", controlled[1])
