"""Online detectors beside river's: ``python bench/compare/detectors.py``.

By a Python that has river 0.26.1, with build/dev/python on its path. Nanoseconds per value, best of
rounds, of a stream without change: river's update and ours called from a loop, as users do, and
ours over an array.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from river import drift as river

from mlops_engine import drift

ROUNDS = 5
VALUES = 50_000
PAIRS = [
    ("Adwin", river.ADWIN),
    ("Ddm", river.binary.DDM),
    ("Eddm", river.binary.EDDM),
    ("HddmA", river.binary.HDDMA),
    ("HddmW", river.binary.HDDMW),
    ("PageHinkley", river.PageHinkley),
    ("Kswin", river.KSWIN),
    ("Ecdd", None),
    ("Stepd", None),
]


def best_ns(run: Callable[[], object], values: int) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - begin)
    return min(times) / values


def looped_ns(update: Callable[[float], object], stream: list[float]) -> float:
    def run() -> None:
        for value in stream:
            update(value)

    return best_ns(run, len(stream))


def main() -> None:
    errors = (np.random.default_rng(0).random(VALUES) < 0.1).astype(float)
    print(f"{'detector':<12}{'river':>12}{'update':>10}{'update_many':>13}")
    for name, theirs in PAIRS:
        ours = getattr(drift, name)
        peer = "-"
        if theirs is not None:
            slow = name == "Kswin"
            detector = theirs(**({"seed": 0} if slow else {}))
            peer = f"{looped_ns(detector.update, errors[: 1000 if slow else VALUES].tolist()):,.0f}"
        single = looped_ns(ours().update, errors.tolist())
        array = best_ns(partial(ours().update_many, errors), VALUES)
        print(f"{name:<12}{peer:>12}{single:>10.0f}{array:>13.1f}")


if __name__ == "__main__":
    main()
