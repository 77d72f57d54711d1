"""Requests of mixed lengths: sharing runs where that pays, apart, and padded to the longest.

    python bench/mixed_lengths.py MODEL.onnx

The model takes ``input_ids`` and ``attention_mask`` (INT64, [N, L]), as sentence encoders do.
Lengths are drawn once, log-normally between 8 and 128 with a median of 32. Three ways take turns
over the same requests, 64 in flight: as they are, and the engine decides which lengths share a run
(``shared``); as they are, with the parameter ``padding_mask`` = ``none`` (``apart``); padded to 128
by the client. Answers must agree. Prints one JSON object: requests/s, median of the turns.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np

import mlops_engine as me

LONGEST, SHORTEST, MEDIAN = 128, 8, 32
IN_FLIGHT = 64
CONFIGS = {
    "shared": "",
    "apart": 'parameters { key: "padding_mask" value { string_value: "none" } }\n',
    "padded": "",
}


def requests(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(17)
    lengths = np.clip(rng.lognormal(np.log(MEDIAN), 0.7, count), SHORTEST, LONGEST).astype(int)
    return [
        {
            "input_ids": rng.integers(1000, 20000, (1, length)),
            "attention_mask": np.ones((1, length), np.int64),
        }
        for length in lengths
    ]


def padded(request: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    missing = LONGEST - request["input_ids"].shape[1]
    return {name: np.pad(array, ((0, 0), (0, missing))) for name, array in request.items()}


def write_repository(folder: Path, file: Path, batch_rows: int | None) -> None:
    for name, config in CONFIGS.items():
        version = folder / name / "1"
        version.mkdir(parents=True)
        (version / "model.onnx").symlink_to(file)
        rows = f"max_batch_size: {batch_rows}\n" if batch_rows else ""
        (folder / name / "config.pbtxt").write_text(f'name: "{name}"\n{rows}{config}')


def turn(
    engine: me.Engine, name: str, sent: list[dict[str, np.ndarray]]
) -> tuple[float, list[np.ndarray]]:
    began = time.perf_counter()
    waiting, answers = deque(), []
    for request in sent:
        if len(waiting) == IN_FLIGHT:
            answers.append(next(iter(waiting.popleft().result().values())))
        waiting.append(engine.submit(name, request))
    answers += [next(iter(future.result().values())) for future in waiting]
    return len(sent) / (time.perf_counter() - began), answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--batch-rows", type=int, help="rows of a run at most (the engine's own)")
    options = parser.parse_args()
    own = requests(options.requests)
    longest = [padded(request) for request in own]
    rates: dict[str, list[float]] = {name: [] for name in CONFIGS}
    with tempfile.TemporaryDirectory() as folder, me.Engine() as engine:
        write_repository(Path(folder), Path(options.model).resolve(), options.batch_rows)
        engine.load_repository(folder)
        for _ in range(options.turns):
            answers = {}
            for name in CONFIGS:
                sent = longest if name == "padded" else own
                rate, answers[name] = turn(engine, name, sent)
                rates[name].append(rate)
            for name in ("apart", "padded"):
                for a, b in zip(answers["shared"], answers[name], strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        rows = {name: round(engine.stats(name)["mean_batch_rows"], 2) for name in CONFIGS}
    report = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    lengths = [request["input_ids"].shape[1] for request in own]
    for name in ("apart", "padded"):
        report[f"shared_over_{name}"] = round(report["shared"] / report[name], 2)
    report["mean_length"] = round(statistics.mean(lengths), 1)
    print(json.dumps({"schema": "mlops-mixed-lengths/2", **report, "mean_batch_rows": rows}))


if __name__ == "__main__":
    main()
