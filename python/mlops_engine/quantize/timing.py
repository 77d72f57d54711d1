"""Time of the variant against the float model, interleaved, with its spread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .rows import Rows

# A round is as long as a clock and a scheduler need to be left behind.
ROUND_S = 0.01
WARM_UP_RUNS = 3


@dataclass(frozen=True)
class Timing:
    """Rounds at one batch size.

    Attributes
    ----------
    float_us, variant_us
        Median microseconds of one execution.
    speedup, low, high
        Float over variant, paired by round: median and quartiles.
    """

    rows: int
    float_us: float
    variant_us: float
    speedup: float
    low: float
    high: float
    rounds: int

    def as_dict(self) -> dict[str, Any]:
        """As in the report."""
        return {
            "batch_rows": self.rows,
            "float_us": round(self.float_us, 2),
            "variant_us": round(self.variant_us, 2),
            "speedup": round(self.speedup, 3),
            "speedup_quartiles": [round(self.low, 3), round(self.high, 3)],
            "rounds": self.rounds,
        }

    def __str__(self) -> str:
        return (
            f"{self.rows} rows: float {self.float_us:.1f} us, variant {self.variant_us:.1f} us, "
            f"{self.speedup:.2f} x ({self.low:.2f} to {self.high:.2f})"
        )


def runner(session: Any, rows: Rows, count: int) -> Callable[[], None]:
    """Return what executes `count` rows once, with inputs and outputs bound beforehand."""
    import onnxruntime as ort

    binding = session.io_binding()
    for name, array in rows.take(np.arange(count) % len(rows)).items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
    for value in session.get_outputs():
        binding.bind_output(value.name)

    def run() -> None:
        session.run_with_iobinding(binding)

    return run


def _per_run_s(run: Callable[[], None], times: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(times):
        run()
    return (clock() - start) / times


def interleave(
    exact: Callable[[], None],
    variant: Callable[[], None],
    rows: int,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Take turns, changing who is first, so that neither gets the machine's better half."""
    pair = (exact, variant)
    times = []
    for run in pair:
        _per_run_s(run, WARM_UP_RUNS, clock)
        once = max(_per_run_s(run, WARM_UP_RUNS, clock), 1e-7)
        times.append(max(1, min(10_000, round(ROUND_S / once))))
    seconds = np.empty((rounds, 2))
    for index in range(rounds):
        for which in (0, 1) if index % 2 == 0 else (1, 0):
            seconds[index, which] = _per_run_s(pair[which], times[which], clock)
    ratios = seconds[:, 0] / seconds[:, 1]
    low, middle, high = (float(q) for q in np.quantile(ratios, [0.25, 0.5, 0.75]))
    float_us, variant_us = (float(us) for us in np.median(seconds, axis=0) * 1e6)
    return Timing(rows, float_us, variant_us, middle, low, high, rounds)
