"""All figures of docs/benchmarks.md in one go: ``python bench/measure.py BUILD MODELS OUT``.

BUILD is a release build tree, OUT a folder for the results, MODELS a repository with ``identity``
and ``mlp`` (bench/make_models.py) and ``flights`` (``mlops train``). Needs two quiet cores
for six minutes.
"""

import json
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_engine.bench.overhead import ort_library
from mlops_engine.cli.bench import main as mlops_bench

SERVER_CPU, CLIENT_CPU = "0", "1"
LOADS = "1,8,64,1x64,8x8"
STARTS = 10


@contextmanager
def running(command: list[str]) -> Iterator[tuple[subprocess.Popen, dict]]:
    """Start a server and wait for the line of JSON that says it is ready.

    Raises
    ------
    RuntimeError
        With what it logged, when it ends before it is ready.
    """
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            for line in process.stdout:
                said = json.loads(line)
                if said.get("event", "ready") == "ready":
                    yield process, said
                    break
            else:
                log.seek(0)
                raise RuntimeError(f"not ready: {shlex.join(command)}\n{log.read()[-4000:]}")
        finally:
            process.send_signal(signal.SIGTERM)


def server_command(build: Path, models: Path, threads: int = 1) -> list[str]:
    ports = ["--http-port", "0", "--grpc-port", "0", "--metrics-port", "-1"]
    command = [str(build / "src/mlops-server"), "--model-repository", str(models), *ports]
    # A model that cannot serve ends it, or nobody would hear that it never gets ready.
    command += ["--host", "127.0.0.1", "--threads", str(threads), "--exit-on-error", "true"]
    return [*command, "--ort-library", str(ort_library())]


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def bench(out: Path, name: str, *words: str) -> None:
    print(f"\n## {name}\n", flush=True)
    pins = ["--server-cpus", SERVER_CPU, "--client-cpu", CLIENT_CPU]
    where = [] if "--in-process" in words else pins
    status = mlops_bench(["run", *words, *where, "--json", str(out / f"{name}.json")])
    if status != 0:
        raise SystemExit(f"{name}: mlops-bench ended with {status}")


def urls(said: dict, prefix: str = "") -> list[str]:
    http, grpc = said["http_port"], said["grpc_port"]
    return [
        *("--url", f"{prefix}http=http://127.0.0.1:{http}"),
        *("--url", f"{prefix}grpc=grpc://127.0.0.1:{grpc}"),
    ]


def network(build: Path, models: Path, out: Path, rows: Path) -> None:
    with (
        running(server_command(build, models)) as (_, server),
        running([str(build / "bench/floor/mlops-floor")]) as (_, floor),
    ):
        common = ["--concurrency", LOADS, "--duration", "1", "--warmup", "0.3", "--repeats", "5"]
        for model, extra in (
            ("identity", urls(floor, "floor-")),  # an echo answers as the model does: interleaved
            ("mlp", []),
            ("flights", ["--rows", str(rows)]),
        ):
            verify = ["--verify", str(models / model / "1/model.onnx")]
            bench(out, model, "--model", model, *verify, *common, *urls(server), *extra)


def in_process(models: Path, out: Path) -> None:
    for model in ("identity", "mlp", "flights"):
        path = str(models / model / "1/model.onnx")
        words = ["--model", model, "--in-process", path, "--concurrency", "1,8"]
        bench(out, f"{model}-in-process", *words, "--duration", "1", "--repeats", "5")


def cold_start(build: Path, models: Path, out: Path) -> None:
    ready_ms, rss = [], []
    for _ in range(STARTS):
        before = time.perf_counter()
        with running(server_command(build, models)) as (process, _):
            ready_ms.append((time.perf_counter() - before) * 1e3)
            rss.append(rss_kib(process.pid))
    sizes = {
        "server_mib": (build / "src/mlops-server").stat().st_size / 2**20,
        "ready_ms": {"median": statistics.median(ready_ms), "highest": max(ready_ms)},
        "idle_rss_mib": statistics.median(rss) / 1024,
        "models": sorted(path.name for path in models.iterdir() if path.is_dir()),
    }
    (out / "cold_start.json").write_text(json.dumps(sizes, indent=1) + "\n")
    print(f"\n## cold start, {STARTS} times\n\n{json.dumps(sizes, indent=1)}")


def main() -> None:
    build, models, out = (Path(word).resolve() for word in sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    loadgen = (build / "bench/loadgen", build / "bench/micro")
    os.environ["PATH"] = os.pathsep.join([*map(str, loadgen), os.environ["PATH"]])
    rows = out / "flights.npy"
    script = Path(__file__).with_name("make_rows.py")
    subprocess.run([sys.executable, script, rows], check=True, stderr=subprocess.DEVNULL)
    cold_start(build, models, out)
    network(build, models, out, rows)
    in_process(models, out)


if __name__ == "__main__":
    main()
