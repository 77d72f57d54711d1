"""Streams and parameters on which detectors are compared. Standard library only: every environment
makes the same streams from the same seeds."""

from __future__ import annotations

import random
from typing import Any

Stream = list[float]


def _bits(rng: random.Random, *pieces: tuple[float, int]) -> Stream:
    return [float(rng.random() < rate) for rate, length in pieces for _ in range(length)]


def bit_streams(seed: int) -> dict[str, Stream]:
    """Return streams of errors: 1 is wrong."""
    rng = random.Random(seed)
    ramp = [0.1 + 0.3 * i / 2000 for i in range(2000)]
    return {
        "abrupt": _bits(rng, (0.1, 2000), (0.4, 1000), (0.1, 1000)),
        "small": _bits(rng, (0.05, 3000), (0.1, 3000)),
        "improving": _bits(rng, (0.5, 1000), (0.2, 1000), (0.05, 1000)),
        "gradual": _bits(rng, (0.1, 1000), *((rate, 1) for rate in ramp)),
        "rare": _bits(rng, (0.004, 3000), (0.03, 2000)),
        "useless": _bits(rng, (0.5, 3000)),
        "perfect": _bits(rng, (0.0, 500), (0.2, 500)),
    }


def number_streams(seed: int) -> dict[str, Stream]:
    """Return streams of real numbers."""
    rng = random.Random(seed)
    normal = [rng.gauss(0, 1) for _ in range(2000)]
    return {
        "mean": normal + [rng.gauss(0.5, 1) for _ in range(1000)],
        "jump": normal + [rng.gauss(5, 1) for _ in range(300)],
        "fall": [50 + 10 * value for value in normal] + [rng.gauss(20, 10) for _ in range(300)],
        "spread": normal + [rng.gauss(0, 3) for _ in range(1000)],
        "heavy": [rng.gauss(0, 1) / (0.05 + rng.random()) for _ in range(3000)],
        "tied": [float(rng.randrange(4)) for _ in range(1500)]
        + [float(rng.randrange(2, 7)) for _ in range(1500)],
        "constant": [3.25] * 1000 + [4.5] * 300,
        "tiny": [1e-9 * value for value in normal],
        "large": [1e9 + 1e6 * value for value in normal] + [1.01e9] * 300,
    }


def unit_streams(seed: int) -> dict[str, Stream]:
    """Return streams of losses between 0 and 1."""
    rng = random.Random(seed)
    return {
        "losses": [rng.betavariate(1, 9) for _ in range(2000)]
        + [rng.betavariate(3, 7) for _ in range(1000)],
    }


# (our class, parameters by our names)
RIVER_CASES: list[tuple[str, dict[str, Any]]] = [
    ("Adwin", {}),
    ("Adwin", {"delta": 0.05, "clock": 1}),
    ("Adwin", {"max_buckets": 8, "min_window_length": 20, "grace_period": 100}),
    ("Ddm", {}),
    ("Ddm", {"warm_start": 100, "warning_threshold": 1.5, "drift_threshold": 2.5}),
    ("Eddm", {}),
    ("Eddm", {"alpha": 0.8, "beta": 0.75, "warm_start": 20}),
    ("HddmA", {}),
    ("HddmA", {"two_sided": True, "drift_confidence": 0.01, "warning_confidence": 0.05}),
    ("HddmW", {}),
    ("HddmW", {"two_sided": True, "lambda_": 0.01}),
    ("PageHinkley", {}),
    ("PageHinkley", {"mode": "up", "threshold": 20.0, "delta": 0.1, "alpha": 0.999}),
    ("PageHinkley", {"mode": "down", "min_instances": 100}),
    ("Kswin", {"alpha": 0.0001, "seed": 42}),
    ("Kswin", {"seed": 1}),
    ("Kswin", {"window_size": 400, "stat_size": 40, "seed": 2**40 + 7}),
]
FROUROS_CASES: list[tuple[str, dict[str, Any]]] = [
    ("Ecdd", {}),
    ("Ecdd", {"average_run_length": 100, "warning_level": 0.8, "min_instances": 60}),
    ("Stepd", {}),
    ("Stepd", {"window": 50, "alpha_drift": 0.001, "alpha_warning": 0.01}),
]
ON_BITS_ONLY = {"Eddm", "Ecdd", "Stepd"}
ON_UNIT = {"Ddm", "HddmA", "HddmW"}


def streams_for(name: str, seed: int) -> dict[str, Stream]:
    """Return the streams that detector `name` takes."""
    if name in ON_BITS_ONLY:
        return bit_streams(seed)
    if name in ON_UNIT:
        return bit_streams(seed) | unit_streams(seed)
    return bit_streams(seed) | unit_streams(seed) | number_streams(seed)


def differs_on_purpose(name: str, stream: str) -> bool:
    """Whether our alarms on `stream` differ from the peer's for a reason in docs/detectors.md."""
    # frouros alarms at differences below the continuity correction: when errors are rare or none.
    return name == "Stepd" and stream in {"rare", "perfect"}
