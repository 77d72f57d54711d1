"""Another server, in an environment of its own: installed, started, ready, ended by its processes.

Everything is bounded: installing, getting ready and ending each have their seconds. A server and
all that it starts are ended by their ids; orphans of its processes come to this one.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_engine.bench.payload import Payload

HERE = Path(__file__).resolve().parent
INSTALL_SECONDS, READY_SECONDS, END_SECONDS = 900, 90, 10
PR_SET_CHILD_SUBREAPER = 36
NO_REPORTS_HOME = {"BENTOML_DO_NOT_TRACK": "True", "RAY_USAGE_STATS_ENABLED": "0"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Peer:
    name: str
    protocols: tuple[str, ...]

    @property
    def pins(self) -> Path:
        return HERE / f"peers/{self.name}.txt"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("triton", ("http", "grpc")),
        Peer("mosec", ("http-raw",)),
        Peer("mlserver", ("http-json", "grpc")),
        Peer("kserve", ("http", "grpc")),
        Peer("bentoml", ("http-json",)),
        Peer("litserve", ("http-json",)),
        Peer("ray", ("http-json",)),
    )
}


@dataclass(frozen=True)
class What:
    """What a peer is to serve, and on which processors: a thread (worker, instance) on each."""

    name: str
    model: Path
    payload: Payload
    cpus: set[int]


@dataclass(frozen=True)
class Running:
    http_port: int
    grpc_port: int
    pid: int

    def address(self, protocol: str) -> str:
        return f"127.0.0.1:{self.grpc_port if protocol == 'grpc' else self.http_port}"


def environment(peer: Peer, folder: Path) -> Path:
    """The peer's own Python, made on first use and again when its pins change."""
    home = folder / peer.name
    python, made_from = home / "bin/python", home / "pins.txt"
    if not made_from.is_file() or made_from.read_text() != peer.pins.read_text():
        print(f"installing {peer.name} into {home}", file=sys.stderr, flush=True)
        # Not made from the environment of this run, whose packages are no peer's.
        subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=INSTALL_SECONDS)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", peer.pins], check=True, timeout=INSTALL_SECONDS)
        made_from.write_text(peer.pins.read_text())
    return python


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def family(root: int) -> tuple[int, ...]:
    """A process and its descendants, as they are now."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # ended meanwhile
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return tuple(found)


def probe(protocol: str, payload: Payload) -> tuple[bytes, str]:
    """One request's body and its type."""
    first = payload.request(0)
    if protocol == "http-raw":
        return b"".join(array.tobytes() for array in first.values()), "application/octet-stream"
    inputs = [
        {
            "name": spec.name,
            "datatype": spec.datatype,
            "shape": list(spec.shape),
            "data": first[spec.name].ravel().tolist(),
        }
        for spec in payload.inputs
    ]
    return json.dumps({"inputs": inputs}).encode(), "application/json"


def wait_ready(process: subprocess.Popen, url: str, body: tuple[bytes, str]) -> None:
    """Ready is whoever answers a prediction."""
    until = time.monotonic() + READY_SECONDS
    request = urllib.request.Request(url, body[0], {"Content-Type": body[1]})
    why: object = None
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it was ready")
        try:
            urllib.request.urlopen(request, timeout=10).read()
            return
        except urllib.error.HTTPError as error:
            why = f"{error}: {error.read(500)!r}"
        except OSError as error:
            why = error
        time.sleep(0.2)
    raise RuntimeError(f"not ready in {READY_SECONDS} s: {why}")


def end(process: subprocess.Popen, orphans_before: set[int]) -> None:
    everyone = set(family(process.pid))
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_SECONDS)
    # What outlived its parent is ours now, for `running` makes us its reaper.
    everyone |= set(family(os.getpid())) - orphans_before
    for pid in everyone - {process.pid}:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue  # ended before, or waited for by a parent of its own that is ending too


@contextmanager
def confined(cpus: set[int]) -> Iterator[None]:
    """What is started here inherits these processors."""
    inherited = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, inherited)


@contextmanager
def running(
    peer: Peer, python: Path, what: What, scratch: Path, backend: str | None
) -> Iterator[Running]:
    """Start it and wait for its first answer; `scratch` gets its log and whatever it writes."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    http_port, grpc_port = free_ports(2)
    told = {"model": str(what.model), "name": what.name, "http": http_port, "grpc": grpc_port}
    told |= {"threads": len(what.cpus), "scratch": str(scratch), "triton_backend": backend}
    environ = {"COMPARE_PEER": json.dumps(told), "PYTHONPATH": ""}
    before = set(family(os.getpid()))
    with (scratch / "log.txt").open("w") as log, confined(what.cpus):
        process = subprocess.Popen(
            [python, HERE / f"peers/{peer.name}_server.py"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=scratch,
            start_new_session=True,
            env={**os.environ, **NO_REPORTS_HOME, **ONE_THREAD, **environ},
        )
    try:
        url = f"http://127.0.0.1:{http_port}/v2/models/{what.name}/infer"
        try:
            wait_ready(process, url, probe(peer.protocols[0], what.payload))
        except RuntimeError as error:
            last = (scratch / "log.txt").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{peer.name}: {error}\n{last}") from error
        yield Running(http_port, grpc_port, process.pid)
    finally:
        end(process, before)
