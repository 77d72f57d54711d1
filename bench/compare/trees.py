"""Trees beside their compilers: ``python bench/compare/trees.py MODELS OUT.json``.

MODELS is a folder made by bench/make_trees.py. ONNX Runtime, this engine, LightGBM, lleaves,
tl2cgen and GTIL of treelite answer the same rows, called from Python as users call them, on one
thread and processor, taking turns; so a row at a time includes the share of Python. Microseconds
per row, median of rounds; every answer is compared with that of LightGBM. Compilers that need more
than COMPILE_SECONDS are left out, and it is said. Peers:
``pip install lleaves 'llvmlite<0.45' treelite tl2cgen psutil`` (lleaves 1.3.0 is old).
"""

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import lightgbm
import lleaves
import numpy as np
import onnxruntime
import psutil
import tl2cgen
import treelite

import mlops_engine as me

BATCHES = (1, 32, 1024)
ROUNDS = 15
ROUND_SECONDS = 0.05
COMPILE_SECONDS = 120
FEATURES = 20
PEERS = ("onnxruntime", "lightgbm", "lleaves", "tl2cgen", "treelite")
Predict = Callable[[np.ndarray], np.ndarray]


def rows(count: int) -> np.ndarray:
    random = np.random.default_rng(7)
    values = random.standard_normal((count, FEATURES)).astype(np.float32)
    values[random.random(values.shape) < 0.05] = np.nan
    return values


def of_onnxruntime(stem: Path) -> Predict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{stem}.onnx", options)
    return lambda x: session.run(["probabilities"], {"input": x})[0][:, 1]


def of_engine(stem: Path) -> Predict:
    engine = me.Engine()
    engine.load("trees", f"{stem}.onnx")
    return lambda x: engine.infer("trees", {"input": x})["probabilities"][:, 1]


def of_lightgbm(stem: Path) -> Predict:
    booster = lightgbm.Booster(model_file=f"{stem}.txt")
    return lambda x: booster.predict(x, num_threads=1)


def compile_lleaves(stem: Path, cache: Path) -> None:
    lleaves.Model(model_file=f"{stem}.txt").compile(cache=str(cache))


def of_lleaves(stem: Path, cache: Path) -> Predict:
    model = lleaves.Model(model_file=f"{stem}.txt")
    model.compile(cache=str(cache))
    return lambda x: model.predict(x, n_jobs=1)


def compile_tl2cgen(stem: Path, cache: Path) -> None:
    model = treelite.frontend.load_lightgbm_model(f"{stem}.txt")
    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(cache), params={"parallel_comp": 8})


def of_tl2cgen(_: Path, cache: Path) -> Predict:
    predictor = tl2cgen.Predictor(str(cache), nthread=1)
    return lambda x: predictor.predict(tl2cgen.DMatrix(x)).ravel()


def of_treelite(stem: Path) -> Predict:
    model = treelite.frontend.load_lightgbm_model(f"{stem}.txt")
    return lambda x: treelite.gtil.predict(model, x, nthread=1).ravel()


def compiled(compile_to: Callable[[Path, Path], None], stem: Path, cache: Path) -> float | None:
    """Seconds that it took; None where it took too long."""
    start = time.monotonic()
    process = multiprocessing.get_context("fork").Process(target=compile_to, args=(stem, cache))
    process.start()
    process.join(COMPILE_SECONDS)
    if process.is_alive():
        for compiler in psutil.Process(process.pid).children(recursive=True):
            compiler.kill()
        process.kill()
        process.join()
        return None
    return time.monotonic() - start if process.exitcode == 0 else None


def contestants(stem: Path, folder: Path) -> tuple[dict[str, Predict], dict[str, float | None]]:
    found: dict[str, Predict] = {
        "mlops-engine": of_engine(stem),
        "onnxruntime": of_onnxruntime(stem),
    }
    found["lightgbm"] = of_lightgbm(stem)
    found["treelite"] = of_treelite(stem)
    seconds: dict[str, float | None] = {}
    for name, compile_to, load, suffix in (
        ("lleaves", compile_lleaves, of_lleaves, "bin"),
        ("tl2cgen", compile_tl2cgen, of_tl2cgen, "so"),
    ):
        cache = folder / f"{stem.name}.{suffix}"
        seconds[name] = compiled(compile_to, stem, cache)
        if seconds[name] is not None:
            found[name] = load(stem, cache)
    return found, seconds


def timed(predict: Predict, parts: list[np.ndarray]) -> float:
    """Microseconds per row; each call has other rows than the one before."""
    calls = 0
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < ROUND_SECONDS:
        predict(parts[calls % len(parts)])
        calls += 1
    return 1e6 * spent / (calls * len(parts[0]))


def compare(stem: Path, folder: Path) -> dict:
    found, seconds = contestants(stem, folder)
    all_rows = rows(8192)
    truth = found["lightgbm"](all_rows)
    result: dict = {"compile_s": seconds, "largest_difference": {}, "us_per_row": {}}
    for name, predict in found.items():
        result["largest_difference"][name] = float(np.abs(predict(all_rows) - truth).max())
    for batch in BATCHES:
        parts = [all_rows[i : i + batch] for i in range(0, min(8192, 512 * batch), batch)]
        times: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(ROUNDS):
            for name, predict in found.items():
                times[name].append(timed(predict, parts))
        result["us_per_row"][batch] = {
            name: {
                "median": statistics.median(of),
                "over_ours": statistics.median(
                    a / b for a, b in zip(of, times["mlops-engine"], strict=True)
                ),
            }
            for name, of in times.items()
        }
    return result


def report(name: str, result: dict) -> None:
    for batch, of in result["us_per_row"].items():
        ours = of["mlops-engine"]["median"]
        cells = [
            f"{of[p]['median']:.2f} ({of[p]['over_ours']:.1f})" if p in of else "-" for p in PEERS
        ]
        print(f"| {name} | {batch} | {ours:.2f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    models, out = Path(sys.argv[1]), Path(sys.argv[2])
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    versions = {name: metadata.version(name) for name in PEERS}
    document: dict = {"schema": "mlops-compare-trees/1", "versions": versions, "models": {}}
    print(f"| trees x depth | rows | ours | {' | '.join(PEERS)} |\n|{'---|' * (3 + len(PEERS))}")
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(models.glob("trees_*.onnx"), key=lambda p: p.stat().st_size):
            result = compare(file.with_suffix(""), Path(folder))
            document["models"][file.stem] = result
            report(file.stem.removeprefix("trees_"), result)
            out.write_text(json.dumps(document, indent=1))
    for name, result in document["models"].items():
        print(name, result["compile_s"], result["largest_difference"])


if __name__ == "__main__":
    main()
