"""Requests of mixed lengths as they are, and padded to the longest.

    python bench/mixed_lengths.py MODEL.onnx

The model takes ``input_ids`` and ``attention_mask`` (INT64, [N, L]), as sentence encoders do.
Lengths are drawn once, log-normally between 8 and 128 with a median of 32. Both ways take turns
over the same requests, 64 in flight; answers must agree. Prints one JSON object: requests/s,
median of the turns.
"""

import argparse
import json
import statistics
import time
from collections import deque

import numpy as np

import mlops_engine as me

LONGEST, SHORTEST, MEDIAN = 128, 8, 32
IN_FLIGHT = 64


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


def turn(engine: me.Engine, sent: list[dict[str, np.ndarray]]) -> tuple[float, list[np.ndarray]]:
    began = time.perf_counter()
    waiting, answers = deque(), []
    for request in sent:
        if len(waiting) == IN_FLIGHT:
            answers.append(next(iter(waiting.popleft().result().values())))
        waiting.append(engine.submit("model", request))
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
    rates: dict[str, list[float]] = {"own": [], "padded": []}
    with me.Engine() as engine:
        engine.load("model", options.model, batch_rows_max=options.batch_rows)
        for _ in range(options.turns):
            rate, answers = turn(engine, own)
            rates["own"].append(rate)
            rate, same = turn(engine, longest)
            rates["padded"].append(rate)
            for a, b in zip(answers, same, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        mean_rows = engine.stats("model")["mean_batch_rows"]
    report = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    lengths = [request["input_ids"].shape[1] for request in own]
    report["ratio"] = round(report["own"] / report["padded"], 2)
    report["mean_length"] = round(statistics.mean(lengths), 1)
    report["mean_batch_rows"] = round(mean_rows, 2)
    print(json.dumps({"schema": "mlops-mixed-lengths/1", **report}))


if __name__ == "__main__":
    main()
