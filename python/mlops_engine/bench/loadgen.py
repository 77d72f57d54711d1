"""Runs ``mlops-loadgen`` for one repeat and reads its answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_engine.bench.histogram import Histogram
from mlops_engine.bench.load import Load
from mlops_engine.bench.payload import Payload
from mlops_engine.bench.result import Repeat

EXIT_REPLY_ERRORS = 3


class LoadgenError(RuntimeError):
    """The load generator could not run, or ended without a result."""


def find_program(name: str) -> Path | None:
    """Find a binary of this distribution.

    Parameters
    ----------
    name : str
        ``mlops-loadgen``, ``mlops-overhead``, ...

    Returns
    -------
    Path or None
        Beside this Python's scripts, on PATH, or in a build tree of this package's checkout.
    """
    beside = Path(sys.executable).with_name(name)
    if beside.is_file():
        return beside
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    checkout = Path(__file__).resolve().parents[3]
    built = [path for path in checkout.glob(f"build/*/bench/*/{name}") if os.access(path, os.X_OK)]
    return max(built, key=lambda path: path.stat().st_mtime) if built else None


@dataclass(frozen=True)
class Endpoint:
    """Where and how the load generator sends.

    Parameters
    ----------
    protocol : str
        ``http``, ``http-json``, ``http-raw`` or ``grpc``.
    address : str
        ``host:port``.
    model : str
        Model name.
    server_pids : sequence of int
        Processes whose CPU time, summed, is charged to the requests.
    token_file : Path or None
        File with the token that is sent with every request.
    """

    protocol: str
    address: str
    model: str
    server_pids: Sequence[int] = ()
    token_file: Path | None = None


@dataclass(frozen=True)
class Timing:
    """Length of one repeat.

    Parameters
    ----------
    warmup_s, duration_s : float
        Discarded and measured seconds.
    client_cpu : int or None
        CPU the generator is pinned to.
    arrivals : str
        ``poisson`` or ``constant``, for open loops.
    seed : int
        Of the arrivals.
    spin : bool
        Poll instead of sleeping.
    trace : Path or None
        Instants of an open loop, in place of its rate: int64, nanoseconds from the start.
    """

    warmup_s: float
    duration_s: float
    client_cpu: int | None = None
    arrivals: str = "poisson"
    seed: int = 1
    spin: bool = False
    trace: Path | None = None


class Loadgen:
    """Measures repeats with one payload.

    Parameters
    ----------
    payload : Payload
        Written once to `folder`.
    folder : Path
        An existing scratch folder that outlives this object.
    program : Path
        The ``mlops-loadgen`` binary.
    allow_remote : bool
        Whether addresses beyond loopback are allowed.
    """

    def __init__(
        self, payload: Payload, folder: Path, program: Path, *, allow_remote: bool = False
    ) -> None:
        self._program = program
        self._arguments: list[str] = ["--allow-remote"] if allow_remote else []
        for index, (spec, array) in enumerate(zip(payload.inputs, payload.arrays, strict=True)):
            path = folder / f"input-{index}.rows"
            path.write_bytes(array.tobytes())
            shape = ",".join(str(extent) for extent in spec.shape)
            self._arguments += ["--input", f"{spec.name}:{spec.datatype}:{shape}:{path}"]
        if payload.expected is not None:
            path = folder / "expected.rows"
            path.write_bytes(payload.expected)
            self._arguments += ["--expect", str(path), "--tolerance", str(payload.tolerance)]
            self._arguments += ["--expect-layout", payload.layout]

    def command(self, endpoint: Endpoint, load: Load, timing: Timing) -> list[str]:
        """Return the command line of one repeat."""
        grpc = endpoint.protocol == "grpc"
        command = [str(self._program), *self._arguments]
        command += [
            "--protocol",
            endpoint.protocol,
            "--address",
            endpoint.address,
            "--model",
            endpoint.model,
        ]
        command += ["--connections", str(load.connections if grpc else load.in_flight)]
        command += ["--streams", str(load.streams if grpc else 1)]
        command += [
            "--warmup-s",
            str(timing.warmup_s),
            "--window-s",
            str(timing.duration_s),
            "--windows",
            "1",
        ]
        if timing.trace is not None:
            command += ["--trace", str(timing.trace)]
        elif load.rate_per_s is not None:
            command += [
                "--rate",
                str(load.rate_per_s),
                "--arrivals",
                timing.arrivals,
                "--seed",
                str(timing.seed),
            ]
        if endpoint.token_file is not None:
            command += ["--token-file", str(endpoint.token_file)]
        for pid in endpoint.server_pids:
            command += ["--server-pid", str(pid)]
        if timing.client_cpu is not None:
            command += ["--cpu", str(timing.client_cpu)]
        return [*command, "--spin"] if timing.spin else command

    def measure(self, endpoint: Endpoint, load: Load, timing: Timing) -> Repeat:
        """Run one repeat.

        Returns
        -------
        Repeat
            Replies with errors are counted in it, not raised.

        Raises
        ------
        LoadgenError
            If there is no result: wrong arguments, no connection, no end in time.
        """
        limit_s = timing.warmup_s + timing.duration_s + 30
        command = self.command(endpoint, load, timing)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=limit_s, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LoadgenError(f"mlops-loadgen: {error}") from error
        if done.returncode not in (0, EXIT_REPLY_ERRORS):
            raise LoadgenError(done.stderr.strip() or f"mlops-loadgen ended with {done.returncode}")
        return parse_result(json.loads(done.stdout))


def parse_result(data: Mapping[str, Any]) -> Repeat:
    """Turn the load generator's JSON object into a repeat.

    Raises
    ------
    LoadgenError
        If the object has another schema.
    """
    if data.get("schema") != "mlops-loadgen/1":
        raise LoadgenError(f"mlops-loadgen speaks {data.get('schema')}, expected mlops-loadgen/1")
    total = data["total"]
    latency = total["latency"]
    return Repeat(
        duration_s=total["duration_s"],
        completed=total["completed"],
        latency=Histogram(dict(latency["histogram"]), latency["mean_ns"] * latency["count"]),
        errors={kind: count for kind, count in total["errors"].items() if count},
        unfinished=data["unfinished"],
        client_share=total["client_share"],
        server_cpu_s=total["server_cpu_s"],
    )
