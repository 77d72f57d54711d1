"""One request of many rows through the engine, and whole through ONNX Runtime in Python.

    python bench/large_request.py MODEL.onnx ROWS [OPEN_AXIS_SIZE]

Each way has a process of its own. Prints one JSON object: seconds of the call, and by how many MiB
the process's peak exceeds what was resident before it.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

import mlops_engine as me


def options() -> onnxruntime.SessionOptions:
    """As the engine makes its sessions."""
    made = onnxruntime.SessionOptions()
    made.intra_op_num_threads = 1
    made.enable_cpu_mem_arena = False
    made.enable_mem_pattern = False
    return made


def inputs(path: str, rows: int, size: int) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, options(), providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
    made = {}
    for spec in session.get_inputs():
        rest = [axis if isinstance(axis, int) else size for axis in spec.shape[1:]]
        made[spec.name] = np.ones([rows, *rest], types[spec.type])
    return made


def resident_mib(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise LookupError(key)


def one_way(way: str, path: str, rows: int, size: int) -> None:
    given = inputs(path, rows, size)
    if way == "engine":
        engine = me.Engine(lanes=1)
        engine.load("model", path)
        call = lambda: engine.infer("model", given)  # noqa: E731
    else:
        session = onnxruntime.InferenceSession(path, options(), providers=["CPUExecutionProvider"])
        call = lambda: session.run(None, given)  # noqa: E731
    before = resident_mib("VmRSS")
    began = time.perf_counter()
    answer = call()
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    del answer
    after = resident_mib("VmRSS")
    figures = {
        "s": round(took, 3),
        "peak_mib": round(peak - before),
        "kept_mib": round(after - before),
    }
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("rows", type=int)
    parser.add_argument("size", type=int, nargs="?", default=32)
    parser.add_argument("--way", choices=["engine", "onnxruntime"])
    given = parser.parse_args()
    if given.way:
        one_way(given.way, given.model, given.rows, given.size)
        return
    report = {}
    for way in ("engine", "onnxruntime"):
        command = [sys.executable, __file__, given.model, str(given.rows), str(given.size)]
        run = subprocess.run([*command, "--way", way], check=True, capture_output=True, text=True)
        report[way] = json.loads(run.stdout)
    print(json.dumps({"schema": "mlops-large-request/1", "rows": given.rows, **report}))


if __name__ == "__main__":
    main()
