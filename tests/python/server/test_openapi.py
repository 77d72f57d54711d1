"""The published description of our HTTP surface against the real server, by schemathesis."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import faults
import pytest
from serving import ROOT, RunningServer

ECHO = """
backend: "identity"
max_batch_size: 8
input [{ name: "in" data_type: TYPE_FP32 dims: [ 4 ] }]
output [{ name: "out" data_type: TYPE_FP32 dims: [ 4 ] }]
"""
CHECKS = [
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]
# Coverage is a fixed set of requests to every operation; fuzzing goes on as long as it may.
PHASES = "examples,coverage,fuzzing" if faults.LONG else "coverage"
MAX_TIME_S = 300


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    (tmp_path / "echo" / "1").mkdir(parents=True)
    (tmp_path / "echo" / "config.pbtxt").write_text(ECHO)
    arguments = ("--model-control-mode=explicit", "--load-model=*", "--allow-client-shm=true")
    with RunningServer(tmp_path, *arguments) as running:
        yield running
        assert running.process.poll() is None
        assert running.request("GET", "/v2/health/live")[0] == 200
        assert running.stop() == 0


@pytest.mark.timeout(MAX_TIME_S + 100)
def test_the_server_is_what_the_description_says(server: RunningServer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(ROOT / "docs" / "openapi.yaml")]
    command += [f"--url=http://127.0.0.1:{server.http}", f"--checks={','.join(CHECKS)}"]
    command += [f"--phases={PHASES}", "--max-examples=1000", f"--max-time={MAX_TIME_S}"]
    command += ["--request-timeout=20", "--no-color", "--seed=1", "--suppress-health-check=all"]
    command += ["--generation-database=none", "--warnings=off", "--continue-on-failure"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=MAX_TIME_S + 90,
        check=False,
    )
    print(done.stdout[-600:])
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout
