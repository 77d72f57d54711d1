"""Triton's load generator, the real binary of PyPI's tritonclient 2.46, against our server."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest
from serving import RunningServer

SHARED = ["--shared-memory", "system"]
REPEAT = ["--shape=IN:4", "--shape=DELAY:4", "--shape=WAIT:1", "--input-data=zero"]
ONE = ["--concurrency-range=2"]
RUNS = {
    "http": ("simple", "http", ONE),
    "http, asynchronous, in batches": ("simple", "http", [*ONE, "-a", "-b", "8"]),
    "http, shared memory": ("simple", "http", [*ONE, *SHARED]),
    "http, constant rate": ("simple", "http", ["--request-rate-range=200"]),
    "http, strings": ("simple_identity", "http", [*ONE, "--shape=INPUT0:3"]),
    "http, sequences": ("simple_sequence", "http", [*ONE, "--sequence-length=5"]),
    "grpc": ("simple", "grpc", ONE),
    "grpc, compressed": ("simple", "grpc", [*ONE, "--grpc-compression-algorithm=gzip"]),
    "grpc, shared memory": ("simple", "grpc", [*ONE, *SHARED]),
    "streaming": ("simple", "grpc", [*ONE, "--streaming"]),
    "streaming, shared memory": ("simple", "grpc", [*ONE, "--streaming", *SHARED]),
    "streaming, sequences": ("simple_dyna_sequence", "grpc", [*ONE, "--streaming"]),
    "streaming, decoupled": ("repeat_int32", "grpc", [*ONE, "--streaming", *REPEAT]),
}


def _counts(server: RunningServer, model: str) -> dict[str, int]:
    reply = json.loads(server.request("GET", f"/v2/models/{model}/stats")[1])
    statistics = reply["model_stats"][0]["inference_stats"]
    return {name: duration["count"] for name, duration in statistics.items()}


@pytest.mark.parametrize("name", RUNS)
def test_perf_analyzer_completes(
    name: str, environment: Path, examples: RunningServer, tmp_path: Path
) -> None:
    model, protocol, options = RUNS[name]
    cuda = next(environment.rglob("libcudart.so.12"))
    report = tmp_path / "report.csv"
    # Unstable figures are nobody's failure here: any are taken.
    command = [environment / "bin" / "perf_analyzer", "-m", model, "-i", protocol]
    command += ["-u", f"127.0.0.1:{getattr(examples, protocol)}", "-f", report, *options]
    command += ["--measurement-mode=count_windows", "--measurement-request-count=50", "-s", "999"]
    before = _counts(examples, model)
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "LD_LIBRARY_PATH": str(cuda.parent)},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (row,) = csv.DictReader(report.read_text().splitlines())
    assert float(row["Inferences/Second"]) > 0
    after = _counts(examples, model)
    assert after["success"] >= before["success"] + 150  # three windows
    assert after["fail"] == before["fail"]
    # What it takes for granted of every server.
    assert after["compute_input"] == after["compute_infer"] == after["compute_output"]
