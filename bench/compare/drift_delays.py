"""Rows from a change to the first alarm, ``python bench/compare/drift_delays.py``.

One stream, N(0, 1); the change comes after 20,000 clean rows, and what is not seen within 50,000
more is missed. Medians of 11 runs, and false alarms in a million rows without a change. A rule of
windows is asked once for each 1,000 rows against a reference of 200,000 (W1: 20,000 of them): KS
at p < 0.05, and for 32 features; W1 per standard deviation from 0.1 on, Evidently's default; PSI
on deciles from 0.1 on; NannyML 0.13.1 itself, its Jensen-Shannon distance beyond three standard
deviations of the reference's chunks. ADWIN is river's (tests/peers/test_detectors.py). The judge
looks at 64 rows at a time, and says so of any effect: 0.02 is what it would keep quiet about.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/peers")]
from environment import PEERS, ask, python_with  # noqa: E402

from mlops_engine import drift  # noqa: E402

REFERENCE, CLEAN, AFTER, WINDOW, TILE = 200_000, 20_000, 50_000, 1_000, 64
RUNS, NULL_ROWS = 11, 1_000_000
Alarms = Callable[[np.ndarray], Iterator[int]]

CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "+.05 sd": lambda x: x + 0.05,
    "+.1 sd": lambda x: x + 0.1,
    "+.25 sd": lambda x: x + 0.25,
    "+.5 sd": lambda x: x + 0.5,
    "+1 sd": lambda x: x + 1,
    "sd x 1.2": lambda x: x * 1.2,
    "two modes": lambda x: 0.6 * x + np.where(np.arange(x.size) % 2, 0.8, -0.8),
}


def windows(x: np.ndarray, changed: Callable[[np.ndarray], bool]) -> Iterator[int]:
    """Yield after which rows a rule of windows alarms."""
    for end in range(WINDOW, x.size + 1, WINDOW):
        if changed(x[end - WINDOW : end]):
            yield end


def ks(reference: np.ndarray, level: float) -> Alarms:
    effective = round(reference.size * WINDOW / (reference.size + WINDOW))
    critical = stats.kstwo.isf(level, effective)
    ordered = np.sort(reference)

    def changed(window: np.ndarray) -> bool:
        now = np.sort(window)
        before = np.searchsorted(ordered, now, side="right") / ordered.size
        steps = np.arange(WINDOW + 1) / WINDOW
        return bool(max((steps[1:] - before).max(), (before - steps[:-1]).max()) > critical)

    return lambda x: windows(x, changed)


def w1_per_std(reference: np.ndarray) -> Alarms:
    some = reference[:20_000]
    limit = 0.1 * float(some.std())
    return lambda x: windows(x, lambda w: stats.wasserstein_distance(some, w) >= limit)


def psi_of_deciles(reference: np.ndarray) -> Alarms:
    edges = np.quantile(reference, np.arange(1, 10) / 10)

    def changed(window: np.ndarray) -> bool:
        now = np.bincount(np.searchsorted(edges, window, side="right"), minlength=10) / WINDOW
        now = np.maximum(now, 1e-4)
        return bool(np.sum((now - 0.1) * np.log(now / 0.1)) >= 0.1)

    return lambda x: windows(x, changed)


def adwin(x: np.ndarray) -> Iterator[int]:
    yield from (int(i) + 1 for i in drift.Adwin().update_many(x))


def judge(reference: np.ndarray, average_run_rows: float) -> Alarms:
    profile = drift.Profile.from_array(reference.astype(np.float32), ["x"])

    def alarms(x: np.ndarray) -> Iterator[int]:
        watch = drift.Judge(profile, average_run_rows=average_run_rows, effect_warning=0.001)
        rows = x.astype(np.float32)[:, None]
        for end in range(TILE, len(rows) + 1, TILE):
            tile = drift.Profile.like(profile).update(rows[end - TILE : end])
            if any(event.kind == "raised" for event in watch.see(tile, time=end)):
                yield end

    return alarms


def row(name: str, alarms: Alarms, null: int | None) -> str:
    cells = []
    for place, change in enumerate(CHANGES.values()):
        delays = []
        for run in range(RUNS):
            x = stream(place, run, change)
            delays.append(next((end - CLEAN for end in alarms(x) if end > CLEAN), None))
        cells.append(cell(delays))
    chance = "see docs/drift.md" if null is None else f"{null:,}"
    return f"| {name} | {chance} | " + " | ".join(cells) + " |"


def cell(delays: list[int | None]) -> str:
    found = [delay for delay in delays if delay is not None]
    if len(found) * 2 <= len(delays):
        return f"missed {len(delays) - len(found)}/{len(delays)}"
    middle = f"{statistics.median(found):,.0f}"
    return middle if len(found) == len(delays) else f"{middle} ({len(delays) - len(found)} missed)"


def stream(place: int, run: int, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    x = np.random.default_rng([place, run]).standard_normal(CLEAN + AFTER)
    x[CLEAN:] = change(x[CLEAN:])
    return x


def nannyml(reference: np.ndarray, quiet: np.ndarray) -> str:
    """Return its row: all streams at once, for it takes tables."""
    streams = [
        stream(place, run, change)
        for place, change in enumerate(CHANGES.values())
        for run in range(RUNS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "streams.npz"
        np.savez(file, reference=reference, streams=np.array(streams), quiet=quiet)
        script = ROOT / "tests/peers/drift/peer_alerts.py"
        found = ask(python_with(*PEERS["nannyml"]), script, str(file), str(WINDOW))
    delays = [
        next((end - CLEAN for end in alerts if end > CLEAN), None) for alerts in found["streams"]
    ]
    cells = [cell(delays[i : i + RUNS]) for i in range(0, len(delays), RUNS)]
    return f"| NannyML JS, mean + 3 sd | {len(found['quiet']):,} | " + " | ".join(cells) + " |"


def main() -> None:
    random = np.random.default_rng(99)
    reference, quiet = random.standard_normal(REFERENCE), random.standard_normal(NULL_ROWS)
    rules: dict[str, Alarms] = {
        "KS p < 0.05": ks(reference, 0.05),
        "KS p < 0.05 / 32": ks(reference, 0.05 / 32),
        "W1 / sd from 0.1 on": w1_per_std(reference),
        "PSI of deciles from 0.1 on": psi_of_deciles(reference),
        "ADWIN 0.002": adwin,
    }
    print(f"| rule | false alarms | {' | '.join(CHANGES)} |\n|---|---|" + "---|" * len(CHANGES))
    for name, alarms in rules.items():
        print(row(name, alarms, sum(1 for _ in alarms(quiet))), flush=True)
    print(nannyml(reference, quiet), flush=True)
    print(row("judge, A = 1e6", judge(reference, 1e6), None), flush=True)
    print(row("judge, A = 32e6", judge(reference, 32e6), None), flush=True)


if __name__ == "__main__":
    main()
