"""The process itself: killed, out of disk, given what cannot be read, its clock set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from serving import RunningServer
from test_serving_repository import add_version, ask, http_client, index_of
from tritonclient.utils import InferenceServerException

LABELS = 'parameters { key: "version_label.%s" value { string_value: "%d" } }\n'
TIMED = json.dumps(
    {
        "parameters": {"timeout": 5_000_000},
        "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 1, 1, 1]}],
    }
)
# Counts seconds from a file that the test writes: CLOCK_REALTIME only, as when a clock is set.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const int failed = real(clock, now);
  long offset = 0;
  const char *path = getenv("CLOCK_OFFSET_FILE");
  const int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  FILE *file = wall && path ? fopen(path, "r") : NULL;
  if (file) {
    if (fscanf(file, "%ld", &offset) == 1) now->tv_sec += offset;
    fclose(file);
  }
  return failed;
}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "models"
    made.mkdir()
    for version in (1, 2, 3):
        add_version(made, "a", version, float(version))
    config = "version_policy: { all { } }\n" + LABELS % ("stable", 2) + LABELS % ("canary", 3)
    (made / "a" / "config.pbtxt").write_text(config)
    add_version(made, "b", 1, 10.0)
    return made


def what_it_serves(server: RunningServer) -> dict[str, object]:
    """Index, labels, configuration and limits, as a client sees them."""
    with http_client(server) as client:
        large = b" " * 100_001
        return {
            "index": index_of(client),
            "newest": ask(client, "a", version="3"),
            "stable": ask(client, "a"),
            "canary": ask(client, "a", version_label="canary"),
            "config": client.get_model_config("a"),
            "too large": server.request("POST", "/v2/models/a/infer", large)[0],
        }


def test_killed_and_started_again_it_is_as_before(repository: Path, tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text(
        'threads = 1\nhttp-max-input-size = 100000\nmodel-control-mode = "explicit"\n'
    )
    start = partial(RunningServer, repository, f"--config={config}", "--load-model=*")
    with start() as server:
        before = what_it_serves(server)
        assert before["stable"] == 2.0
        assert before["canary"] == 3.0
        assert before["too large"] == 400
        with http_client(server) as client:
            client.unload_model("b")
            server.process.send_signal(signal.SIGKILL)
            assert server.process.wait(10) == -signal.SIGKILL
    with start() as server:
        assert what_it_serves(server) == before
        assert server.stop() == 0


def test_killed_at_any_moment_of_a_swap(repository: Path) -> None:
    """What is published by a rename is whole, whenever the server dies."""
    arguments = ("--model-control-mode=explicit", "--load-model=b", "--threads=1")
    for version in range(2, 5):
        with RunningServer(repository, *arguments) as server:
            add_version(repository, "b", version, 10.0 * version)
            with server.connect() as connection:
                head = b"POST /v2/repository/models/b/load HTTP/1.1\r\nHost: h\r\n"
                connection.sendall(head + b"Content-Length: 0\r\n\r\n")
                server.process.kill()
        with RunningServer(repository, *arguments) as server, http_client(server) as client:
            assert ask(client, "b") == 10.0 * version
            assert server.stop() == 0


# As a full disk, or a service manager's LimitFSIZE=: writes beyond that fail.
SMALL_FILES = ("prlimit", "--fsize=4096")


def test_a_full_disk_costs_traces_and_nothing_else(repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    arguments = [f"--trace-config=file={file}", "--trace-config=level=TIMESTAMPS"]
    arguments += ["--trace-config=rate=1", "--threads=1"]
    with RunningServer(repository, *arguments, under=SMALL_FILES) as server:
        with http_client(server) as client:
            assert [ask(client, "a") for _ in range(100)] == [2.0] * 100
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
        assert server.process.returncode == 0
        assert log.count("traces are lost") == 1
        assert file.stat().st_size <= 4096


def test_a_load_that_does_not_fit_on_the_disk(repository: Path) -> None:
    arguments = ("--model-control-mode=explicit", "--load-model=b", "--threads=1")
    with RunningServer(repository, *arguments, under=SMALL_FILES) as server:
        with http_client(server) as client:
            with pytest.raises(InferenceServerException, match="failed to load 'b'"):
                client.load_model("b", config="{}", files={"file:1/model.onnx": b"x" * 10_000})
            assert ask(client, "b") == 10.0
        assert server.stop() == 0


def unreadable(folder: Path, kind: str) -> None:
    model = folder / "model.onnx"
    folder.mkdir()
    if kind == "directory":
        model.mkdir()
    elif kind == "fifo":
        os.mkfifo(model)
    elif kind == "endless":
        model.symlink_to("/dev/zero")
    elif kind == "dangling":
        model.symlink_to(folder / "nowhere")
    elif kind == "loop":
        model.symlink_to(model)
    else:
        model.write_bytes(b"" if kind == "empty" else os.urandom(5000))


@pytest.mark.parametrize(
    "kind", ["directory", "fifo", "endless", "dangling", "loop", "empty", "noise"]
)
def test_a_version_that_cannot_be_read_leaves_the_old_one(
    explicit: RunningServer, repository: Path, kind: str
) -> None:
    unreadable(repository / "b" / "2", kind)
    with http_client(explicit) as client:
        with pytest.raises(InferenceServerException, match="load"):
            client.load_model("b")
        assert ask(client, "b") == 10.0
        assert index_of(client)["b/1"] == ("READY", "")


@pytest.fixture
def explicit(repository: Path) -> Iterator[RunningServer]:
    arguments = ("--model-control-mode=explicit", "--load-model=b", "--threads=1")
    with RunningServer(repository, *arguments) as server:
        yield server
        assert server.stop() == 0


def test_the_clock_jumps(repository: Path, tmp_path: Path) -> None:
    """Years forth and back: deadlines and timeouts hold, and every line of the log has its time."""
    library, offset = tmp_path / "shim.so", tmp_path / "offset"
    (tmp_path / "shim.c").write_text(SHIM)
    compiler = ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "shim.c"), "-ldl"]
    subprocess.run(compiler, check=True, timeout=60)
    offset.write_text("0")
    environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(offset)}
    with RunningServer(repository, "--threads=1", environment=environment) as server:
        with server.connect():  # an idle connection, which must not be timed out
            stamps: list[float] = []  # a lane that has not run since keeps the one it gave
            for years in (0, 10, -10, 200):
                written = tmp_path / "offset.new"
                written.write_text(str(years * 365 * 86_400))
                written.rename(offset)
                began = time.monotonic()
                status, answer = server.request("POST", "/v2/models/a/infer", TIMED)
                assert status == 200, answer
                assert time.monotonic() < began + 5
                stamps.append((time.time() + years * 365 * 86_400) * 1000)
                page = json.loads(server.request("GET", "/v2/models/a/versions/2/stats")[1])
                last = page["model_stats"][0]["last_inference"]
                assert any(abs(last - stamp) < 120_000 for stamp in stamps), years
            assert server.metric("mlops_server_connections_timed_out_total") == 0
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
        assert server.process.returncode == 0
    assert all("time" in json.loads(line) for line in log.splitlines())
