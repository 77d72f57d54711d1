"""What watching for drift costs a server: ``python bench/drift_cost.py BUILD MODELS OUT``.

Two servers, one with a ``reference.profile`` beside each model and one without, take turns under
one load (see bench/README.md for the method), each pinned to one core and the client to another.
BUILD is a release build tree, MODELS a repository with ``mlp`` (bench/make_models.py) and
``flights`` (``mlops train``), OUT a folder for the results. Prints throughput, requests per
second of processor time, and p99, each watched over plain within a round, and how many of the rows
were counted. With ``--model`` one of the two alone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnxruntime
from features import ratios
from measure import bench, running, server_command

import mlops_engine as me
from mlops_engine.bench.result import Cell, Document

LOADS = (("http", "64"), ("grpc", "64"), ("grpc", "8x8"))
REFERENCE_ROWS = 20_000


def flights_rows() -> np.ndarray:
    from mlops_engine.train import pipeline, source
    from mlops_engine.train.progress import Progress

    data = pipeline.prepare(source.locate(), Progress())
    return data.x[data.month <= 7]


def mlp_rows() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((REFERENCE_ROWS, 64)).astype(np.float32)


def profile_of(model: Path, rows: np.ndarray) -> me.drift.Profile:
    """Of these rows and of what the model answers to them: every stream is watched."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    picked = np.random.default_rng(1).choice(len(rows), REFERENCE_ROWS, replace=False)
    columns = {given.name: rows[picked].astype(np.float32)}
    for output, answer in zip(session.get_outputs(), session.run(None, dict(columns)), strict=True):
        columns[output.name] = answer.reshape(len(picked), -1)
    tensors = {f"{t}[{i}]": t for t, part in columns.items() for i in range(part.shape[1])}
    return me.drift.Profile.from_array(
        np.concatenate(list(columns.values()), axis=1),
        list(tensors),
        outputs=[name for name, tensor in tensors.items() if tensor != given.name],
        tensors=tensors,
    )


def repository(models: Path, to: Path, model: str, profile: bytes | None) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(models / model, to / model)
    for version in (to / model).iterdir():
        if not version.is_dir():
            continue
        (version / "reference.profile").unlink(missing_ok=True)
        if profile is not None:
            (version / "reference.profile").write_bytes(profile)
    return to


def counted(port: int) -> np.ndarray:
    """Rows seen, rows counted, and seconds spent on it, by the server's own account."""
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    share = re.findall(r'^mlops_drift_rows_total\{.*state="(\w+)"\} (\d+)', page, re.M)
    rows = {state: int(count) for state, count in share}
    seconds = re.findall(r"^mlops_drift_seconds_total\{.*\} (\S+)", page, re.M)
    return np.array([sum(rows.values()), rows.get("counted", 0), float(seconds[0])])


def p99_ratios(plain: Cell, watched: Cell) -> list[float]:
    """Of the rounds that had enough replies on both sides to speak of a p99."""
    tails = [
        (a.latency.quantile_ns(0.99), b.latency.quantile_ns(0.99))
        for a, b in zip(plain.repeats, watched.repeats, strict=True)
    ]
    return sorted(b / a for a, b in tails if a is not None and b is not None)


def middle(of: list[float]) -> str:
    """The median and the quartiles."""
    if not of:
        return "too few replies"
    return f"{statistics.median(of):.3f} ({of[len(of) // 4]:.3f}..{of[-1 - len(of) // 4]:.3f})"


def report(name: str, path: Path) -> None:
    by_name = {(cell.variant, cell.load): cell for cell in Document.load(path).cells}
    print("\n| watched / plain | throughput | requests per CPU second | p99 |\n|---|---|---|---|")
    for (variant, load), cell in by_name.items():
        if not variant.startswith("watched"):
            continue
        plain = by_name[variant.replace("watched", "plain"), load]
        of = [*ratios(plain, cell).values(), p99_ratios(plain, cell)]
        texts = " | ".join(middle(r) for r in of)
        print(f"| {name} {variant.split('-')[1]} {load} | {texts} |")


def measure(build: Path, models: Path, out: Path, model: str, repeats: int) -> None:
    rows = flights_rows() if model == "flights" else mlp_rows()
    versions = sorted(path for path in (models / model).iterdir() if path.is_dir())
    profile = profile_of(versions[-1] / "model.onnx", rows).to_bytes()
    file = out / f"{model}.npy"
    np.save(file, rows[np.random.default_rng(3).choice(len(rows), 4096)].astype(np.float32))
    with ExitStack() as stack:
        said = {}
        for name, of in (("plain", None), ("watched", profile)):
            folder = repository(models, out / name, model, of)
            command = [*server_command(build, folder), "--metrics-port", "0"]
            _, said[name] = stack.enter_context(running(command))
        for protocol, load in LOADS:
            before = counted(said["watched"]["metrics_port"])
            words = ["--model", model, "--rows", str(file), "--concurrency", load]
            words += ["--input", f"input:FP32:1,{rows.shape[1]}"]
            words += ["--duration", "1", "--warmup", "0.3", "--repeats", str(repeats)]
            for name, ports in said.items():
                url = f"{protocol}://127.0.0.1:{ports[f'{protocol}_port']}"
                words += ["--url", f"{name}-{protocol}={url}"]
            bench(out, f"{model}-{protocol}-{load}", *words)
            report(model, out / f"{model}-{protocol}-{load}.json")
            seen, taken, seconds = counted(said["watched"]["metrics_port"]) - before
            cost = seconds / max(1, taken) * 1e9
            print(
                f"\n{taken / max(1, seen):.1%} of {seen:.0f} rows were counted, {cost:.0f} ns each"
            )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("build", type=Path)
    words.add_argument("models", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--model", choices=("mlp", "flights"))
    words.add_argument("--repeats", type=int, default=9)
    told = words.parse_args()
    build, models, out = (path.resolve() for path in (told.build, told.models, told.out))
    out.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(build / "bench/loadgen"), os.environ["PATH"]])
    for model in [told.model] if told.model else ["mlp", "flights"]:
        measure(build, models, out, model, told.repeats)


if __name__ == "__main__":
    main()
