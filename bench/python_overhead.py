"""What `Engine.infer` costs from Python over the same call from C++, and beside bare onnxruntime.

    PYTHONPATH=build/release/python .venv/bin/python bench/python_overhead.py [--json]

One thread, one request in flight, NumPy arrays in and out. Blocks of calls of each candidate take
turns, so that all see the same machine; a block's time is divided by its calls, which keeps out the
cost of reading the clock. Shown are the median over blocks and the quartiles, in nanoseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import mlops_engine as me

WIDTHS = {"identity": (64,), "mlp": (64, 256, 256, 16)}


def save_network(name: str, directory: Path) -> Path:
    """Write an identity of 64 floats, or a multilayer perceptron with ReLUs."""
    widths, rng = WIDTHS[name], np.random.default_rng(1)
    nodes, weights, last = [], [], "input"
    for layer, (rows, columns) in enumerate(pairwise(widths)):
        weight = (rng.standard_normal((rows, columns)) / rows**0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"m{layer}"]))
        nodes.append(helper.make_node("Relu", [f"m{layer}"], [f"r{layer}"]))
        last = f"r{layer}"
    nodes.append(helper.make_node("Identity", [last], ["output"]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", widths[0]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", widths[-1]])],
        weights,
    )
    path = directory / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def timed(call: Callable[[Any, Any], object], first: Any, second: Any) -> Callable[[int], int]:
    """A block of calls with two arguments, written out: a lambda would add a frame of its own."""

    def block(repeats: int) -> int:
        turns = range(repeats)
        begin = time.perf_counter_ns()
        for _ in turns:
            call(first, second)
        return time.perf_counter_ns() - begin

    return block


def measure(blocks: dict[str, Callable[[int], int]], rounds: int, repeats: int) -> dict[str, list]:
    """Median and quartiles of nanoseconds per call, the candidates taking turns."""
    times: dict[str, list[float]] = {name: [] for name in blocks}
    for block in blocks.values():
        block(repeats)
    for _ in range(rounds):
        for name, block in blocks.items():
            times[name].append(block(repeats) / repeats)
    times["python over c++"] = [
        python - cpp for python, cpp in zip(times["engine.infer"], times["c++ infer"], strict=True)
    ]
    return {
        name: [round(q) for q in statistics.quantiles(values, n=4)]
        for name, values in times.items()
    }


def candidates(engine: me.Engine, name: str, path: Path | None) -> dict[str, Callable[[int], int]]:
    inputs = {"input": np.random.default_rng(0).random((1, 64), np.float32)}
    blocks = {
        "engine.infer": timed(engine.infer, name, inputs),
        "c++ infer": lambda repeats: engine._time_calls(name, inputs, repeats),
    }
    if path is not None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        blocks["onnxruntime"] = timed(session.run, None, inputs)
    return blocks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=100, help="calls per block")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as directory, me.Engine(lanes=1) as engine:
        engine._load_echo("echo", "FP32", [-1, 64])
        paths: dict[str, Path | None] = {"echo": None}
        for name in WIDTHS:
            paths[name] = save_network(name, Path(directory))
            engine.load(name, paths[name])
        for name, path in paths.items():
            blocks = candidates(engine, name, path)
            results[name] = measure(blocks, arguments.rounds, arguments.repeats)
    if arguments.json:
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        versions |= {"onnxruntime": onnxruntime.__version__, "mlops_engine": me.__version__}
        print(json.dumps({"versions": versions, "load": os.getloadavg()[0], "ns": results}))
        return
    print(
        f"{'model':10} {'candidate':16} {'p25':>8} {'p50':>8} {'p75':>8} ns per call, [1, 64] fp32"
    )
    for model, rows in results.items():
        for name, quartiles in rows.items():
            print(f"{model:10} {name:16} " + " ".join(f"{q:8}" for q in quartiles))


if __name__ == "__main__":
    main()
