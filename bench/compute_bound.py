"""Heavy models: the best that can be set up by hand, and what the engine finds alone.

``python bench/compute_bound.py MODELS OUT MODEL [--precision auto] [NAME:DATATYPE:SHAPE ...]``. By
hand: every batch size, number of sessions that run at a time and threads in a run that the
machine's processors allow, in bare onnxruntime and bare OpenVINO (with ``--precision auto`` in BF16
too). The engine: told the precision and the shapes of inputs, if they are given, and nothing else;
IN_FLIGHT requests of one row in flight. Both in this process, taking turns, other rows in every
request.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import onnxruntime
import openvino

import mlops_engine as me
from mlops_engine.bench import payload

IN_FLIGHT = 64
BATCHES = (1, 2, 4, 8, 16, 32)
SWEEP_SECONDS, LEARNING_SECONDS, SECONDS, ROUNDS = 0.7, 10.0, 1.5, 4
ROWS = 128
Feeds = dict[str, np.ndarray]
Run = Callable[[Feeds], object]


def make_rows(inputs: list[payload.Input]) -> Feeds:
    """Random tokens and pixels; masks say that all is there."""
    random = np.random.default_rng(5)
    feeds = {}
    for spec in inputs:
        shape = (ROWS, *spec.shape[1:])
        dtype = np.dtype(payload.DTYPES[spec.datatype])
        if dtype.kind == "f":
            feeds[spec.name] = random.standard_normal(shape).astype(dtype)
        elif "mask" in spec.name:
            feeds[spec.name] = np.ones(shape, dtype)
        else:
            high = 1 if "type" in spec.name else 30_000
            feeds[spec.name] = random.integers(0, high, shape).astype(dtype)
    return feeds


def cut(feeds: Feeds, batch: int) -> list[Feeds]:
    return [{n: a[i : i + batch] for n, a in feeds.items()} for i in range(0, ROWS, batch)]


def in_onnxruntime(file: Path, threads: int) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options)
    return lambda feeds: session.run(None, feeds)


def in_openvino(file: Path, threads: int, precision: str) -> Run:
    core = openvino.Core()
    hints = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
    }
    request = core.compile_model(core.read_model(file), "CPU", hints).create_infer_request()
    return lambda feeds: request.infer(feeds, share_inputs=True)


def by_hand(file: Path, way: str, sessions: int, threads: int) -> list[Run]:
    if way == "onnxruntime":
        return [in_onnxruntime(file, threads) for _ in range(sessions)]
    return [in_openvino(file, threads, way) for _ in range(sessions)]


def rows_per_s(runs: list[Run], parts: list[Feeds], seconds: float) -> float:
    """One thread for each of `runs`, all through the same requests."""
    counts = [0] * len(runs)
    start = time.perf_counter()

    def work(index: int) -> None:
        while time.perf_counter() - start < seconds:
            runs[index](parts[(counts[index] * len(runs) + index) % len(parts)])
            counts[index] += 1

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(runs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    batch = len(next(iter(parts[0].values())))
    return sum(counts) * batch / (time.perf_counter() - start)


def engine_rate(engine: me.Engine, name: str, requests: list[Feeds], seconds: float) -> float:
    """Requests a second with IN_FLIGHT of them in flight: each that ends starts the next."""
    end = time.perf_counter() + seconds
    lock = threading.Lock()
    started = done = 0
    idle = threading.Semaphore(0)

    def start_next(_: Future | None = None) -> None:
        nonlocal started, done
        with lock:
            done += _ is not None
            if time.perf_counter() >= end:
                idle.release()
                return
            index, started = started, started + 1
        engine.submit(name, requests[index % len(requests)]).add_done_callback(start_next)

    begin = time.perf_counter()
    for _ in range(IN_FLIGHT):
        start_next()
    for _ in range(IN_FLIGHT):
        idle.acquire()
    return done / (time.perf_counter() - begin)


def sweep(file: Path, rows: Feeds, ways: list[str]) -> list[dict]:
    cores = len(os.sched_getaffinity(0))
    found = []
    for way in ways:
        for lanes in range(1, cores + 1):
            runs = by_hand(file, way, lanes, cores // lanes)
            for batch in BATCHES:
                rate = rows_per_s(runs, cut(rows, batch), SWEEP_SECONDS)
                setting = {"way": way, "lanes": lanes, "threads": cores // lanes, "batch": batch}
                found.append({**setting, "rows_s": rate})
                print(found[-1], file=sys.stderr, flush=True)
    return sorted(found, key=lambda of: -of["rows_s"])


def repository(folder: Path, file: Path, precision: str, inputs: list[payload.Input]) -> Path:
    """A repository of the one model; a configuration says what was said on the command line."""
    version = folder / "model/1"
    version.mkdir(parents=True)
    (version / "model.onnx").symlink_to(file.resolve())
    config = f'parameters {{ key: "precision" value {{ string_value: "{precision}" }} }}\n'
    for spec in inputs:
        dims = ", ".join(map(str, spec.shape[1:]))
        config += (
            f'input {{ name: "{spec.name}" data_type: TYPE_{spec.datatype} dims: [{dims}] }}\n'
        )
    if inputs:
        config += "max_batch_size: 64\n"
    (folder / "model/config.pbtxt").write_text(config)
    return folder


def offline(file: Path, rows: Feeds, engine: me.Engine, ways: list[str]) -> dict:
    found = sweep(file, rows, ways)
    best = found[0]
    calls = by_hand(file, best["way"], best["lanes"], best["threads"])
    engine.wait_trials()
    said = engine.model("model").execution
    print(said, file=sys.stderr, flush=True)
    ones, parts = cut(rows, 1), cut(rows, best["batch"])
    engine_rate(engine, "model", ones, LEARNING_SECONDS)
    pairs = [
        (rows_per_s(calls, parts, SECONDS), engine_rate(engine, "model", ones, SECONDS))
        for _ in range(ROUNDS)
    ]
    rates = {"by_hand": [p[0] for p in pairs], "engine": [p[1] for p in pairs]}
    return {"sweep": found, "execution": said, **rates}


def spread(a: list[float], b: list[float]) -> str:
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})"


def main() -> None:
    words = sys.argv[1:]
    precision = "auto" if words[3:5] == ["--precision", "auto"] else "exact"
    if precision == "auto":
        del words[3:5]
    models, out, model = Path(words[0]), Path(words[1]), words[2]
    file = models / model / "1/model.onnx"
    said = [payload.parse_input(text) for text in words[3:]]
    inputs = said or payload.inputs_from_model(file, 1)
    out.mkdir(parents=True, exist_ok=True)
    ways = ["onnxruntime", "f32"] + (["bf16"] if precision == "auto" else [])
    with (
        tempfile.TemporaryDirectory() as folder,
        me.Engine(repository(Path(folder), file, precision, said)) as engine,
    ):
        found = offline(file, make_rows(inputs), engine, ways)
    best, hand, engine = found["sweep"][0], found["by_hand"], found["engine"]
    print(
        f"| {model} | {best['way']}, {best['lanes']} x {best['threads']}, batch {best['batch']} "
        f"| {statistics.median(hand):,.0f} | {statistics.median(engine):,.0f} "
        f"| {spread(engine, hand)} |"
    )
    (out / f"{model}-offline.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
