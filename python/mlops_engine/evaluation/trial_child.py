"""The child of `serving.trial`: loads a model, asks it, times it, and says what it found."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from mlops_engine import Engine
from mlops_engine.errors import MlopsError

from .scorer import EngineScorer, Rows
from .serving import Trial

ROUNDS, BATCH = 400, 64


def measure(model: Path, rows: Rows, output: str | None) -> Trial:
    """Load and time a model in this process."""
    begin = time.perf_counter()
    try:
        with Engine() as engine:
            engine.load("trial", model)
            scorer = EngineScorer(engine, "trial", output=output)
            scores = scorer(rows)
            load_s = time.perf_counter() - begin
            if bad := int((~np.isfinite(scores)).sum()):
                return Trial(loaded=False, error=f"{bad} of {len(rows)} answers are not finite")
            singles = [rows[i % len(rows)][None] for i in range(ROUNDS)]
            latencies = sorted(_seconds(scorer, one) * 1e6 for one in singles)
            many = rows[np.arange(BATCH * 16) % len(rows)]
            seconds = min(_seconds(scorer, many) for _ in range(5))
    except (MlopsError, OSError) as error:
        return Trial(loaded=False, error=str(error))
    return Trial(
        loaded=True,
        model_bytes=_weight(model),
        load_s=load_s,
        resident_bytes=_resident_bytes(),
        latency_us=latencies,
        rows_per_s=len(many) / seconds,
    )


def _seconds(scorer: EngineScorer, rows: Rows) -> float:
    begin = time.perf_counter()
    scorer(rows)
    return time.perf_counter() - begin


def _weight(model: Path) -> int:
    """Return the size of a model with the external data that lies beside it."""
    beside = [p for p in model.parent.iterdir() if p.is_file() and p.name.startswith(model.name)]
    return sum(path.stat().st_size for path in beside)


def _resident_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    _model, _rows, *_output = sys.argv[1:]
    _found = measure(
        Path(_model), np.load(_rows, allow_pickle=False), _output[0] if _output else None
    )
    sys.stdout.buffer.write(b"\n" + msgspec.json.encode(_found) + b"\n")
