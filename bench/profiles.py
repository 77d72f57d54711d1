"""Where the time of each path goes: ``python bench/profiles.py BUILD MODELS TREES OUT``.

``perf record`` of the release server under load (core 0, the client on core 1) and of the
in-process benchmarks; a flame graph and the shares of symbols for each path. MODELS has
``identity`` (bench/make_models.py), TREES is an ONNX file of trees (bench/make_trees.py). Needs
Debian's linux-perf.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from flame_graph import folded, own_share, svg
from measure import CLIENT_CPU, SERVER_CPU, running, server_command

from mlops_engine.bench.overhead import ort_library
from mlops_engine.cli.bench import main as mlops_bench

SECONDS = 3
SAMPLING = ["-F", "999", "--call-graph", "dwarf,4096"]
LOADS = {"http-64": ("http", "64"), "grpc-64": ("grpc", "64"), "grpc-8x8": ("grpc", "8x8")}


def record(what: list[str], data: Path) -> str:
    command = ["perf", "record", "-q", "-o", str(data), *SAMPLING, *what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if not data.is_file():
        raise RuntimeError(f"perf record: {done.stderr}")
    script = ["perf", "script", "-i", str(data), "-F", "ip,sym,dso"]
    return subprocess.run(script, capture_output=True, text=True, timeout=120, check=True).stdout


def served(build: Path, models: Path, load: tuple[str, str], folder: Path) -> str:
    with running(["taskset", "-c", SERVER_CPU, *server_command(build, models)]) as (process, said):
        url = f"{load[0]}://127.0.0.1:{said[f'{load[0]}_port']}"
        words = ["run", "--model", "identity", "--input", "input:FP32:1,64", "--url", url]
        words += ["--concurrency", load[1], "--duration", str(SECONDS + 2), "--repeats", "1"]
        words += ["--client-cpu", CLIENT_CPU, "--warmup", "0.2"]
        client = threading.Thread(target=mlops_bench, args=(words,))
        client.start()
        try:
            return record(["-p", str(process.pid), "--", "sleep", str(SECONDS)], folder / "data")
        finally:
            client.join()


def main() -> None:
    build, models, trees, out = (Path(word).resolve() for word in sys.argv[1:5])
    out.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(build / "bench/loadgen"), os.environ["PATH"]])
    micro = build / "bench/micro"
    identity = str(models / "identity/1/model.onnx")
    overhead = [str(micro / "mlops-overhead"), "--ort-library", str(ort_library())]
    overhead += ["--model", identity, "--rounds", "2000"]
    on_core = ["taskset", "-c", SERVER_CPU]
    shares = {}
    with tempfile.TemporaryDirectory() as folder:
        scripts = {n: served(build, models, load, Path(folder)) for n, load in LOADS.items()}
        scripts["in-process"] = record([*on_core, *overhead], Path(folder, "in"))
        command = [str(micro / "mlops-trees"), str(ort_library()), str(trees)]
        scripts["trees"] = record([*on_core, *command], Path(folder, "trees"))
    for name, script in scripts.items():
        stacks = folded(script)
        (out / f"{name}.svg").write_text(svg(stacks, name))
        shares[name] = own_share(stacks)[:40]
        print(f"\n{name}: " + ", ".join(f"{s} {share:.1%}" for s, share in shares[name][:16]))
    (out / "shares.json").write_text(json.dumps(shares, indent=0))


if __name__ == "__main__":
    main()
