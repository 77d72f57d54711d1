"""The model as it will run: loaded by a real engine in a process of its own, asked, timed, weighed.

A model that takes the process down with it must not take the pipeline down: the trial is a child,
with a bound on its time, and what it says is JSON on its output.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats
from .measures import Measure, to_json
from .scorer import Rows

__all__ = ["Parity", "Trial", "parity", "trial"]


class Trial(msgspec.Struct, frozen=True):
    """What the engine made of a model file.

    Attributes
    ----------
    loaded
        Whether it loaded and answered; `error` says why not, and nothing else is known then.
    latency_us
        Sorted times of requests of one row, in microseconds.
    """

    loaded: bool
    error: str = ""
    model_bytes: int = 0
    load_s: float = 0.0
    resident_bytes: int = 0
    latency_us: list[float] = []
    rows_per_s: float = 0.0

    def measures(self) -> dict[str, Measure]:
        """Return `loaded`, `bytes`, `load_s`, `p50_us`, `p99_us`, `rows_per_s`."""
        found = {"loaded": Measure(float(self.loaded), detail=self.error)}
        if self.loaded:
            found |= {
                "bytes": Measure(float(self.model_bytes)),
                "load_s": Measure(self.load_s),
                "resident_bytes": Measure(float(self.resident_bytes)),
                "rows_per_s": Measure(self.rows_per_s),
                "p50_us": _quantile(self.latency_us, 0.5),
                "p99_us": _quantile(self.latency_us, 0.99),
            }
        return found

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


class Parity(msgspec.Struct, frozen=True):
    """Largest difference between what the trained model and the served one say."""

    rows: int
    largest: float
    row: int
    not_finite: int

    def measures(self) -> dict[str, Measure]:
        """Return `largest`, which is NaN if an answer is not finite where it should be."""
        value = float("nan") if self.not_finite else self.largest
        return {"largest": Measure(value, detail=f"row {self.row} of {self.rows}")}

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def parity(expected: Floats, served: Floats) -> Parity:
    """Compare the scores of the trained model with those of the engine, row by row."""
    expected, served = np.asarray(expected, np.float64), np.asarray(served, np.float64)
    if expected.shape != served.shape or not expected.size:
        raise InvalidArgument(f"scores of shape {list(expected.shape)} and {list(served.shape)}")
    odd = np.isfinite(expected) != np.isfinite(served)
    difference = np.where(np.isfinite(expected) & ~odd, np.abs(expected - served), 0.0)
    worst = int(difference.argmax())
    return Parity(len(expected), float(difference[worst]), worst, int(odd.sum()))


def trial(
    model: Path,
    rows: Rows,
    *,
    output: str | None = None,
    timeout_s: float = 120.0,
    python: Sequence[str] = (sys.executable,),
) -> Trial:
    """Load a model file in a real engine and ask it about rows, in a child process.

    Whatever the model does to that process is a `Trial` that says so, not an exception.
    """
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "rows.npy"
        np.save(sample, np.ascontiguousarray(rows), allow_pickle=False)
        command = [*python, "-m", "mlops_engine.evaluation.trial_child", str(model), str(sample)]
        try:
            done = subprocess.run(
                [*command, *([output] if output else [])],
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Trial(loaded=False, error=f"no answer within {timeout_s:g} s")
    try:
        # What a library prints comes before the last line, which is ours.
        return msgspec.json.decode(done.stdout.strip().rsplit(b"\n", 1)[-1], type=Trial)
    except msgspec.DecodeError:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        return Trial(loaded=False, error=f"the process ended with {how}: {said}")


def _quantile(ordered: list[float], share: float) -> Measure:
    """Return a quantile with the order statistics that bound it at 95 %, whatever the shape."""
    from scipy import stats

    count = len(ordered)
    low = int(stats.binom.ppf(0.025, count, share))
    high = int(stats.binom.ppf(0.975, count, share))
    place = min(int(share * count), count - 1)
    return Measure(ordered[place], ordered[max(low - 1, 0)], ordered[min(high, count - 1)])
