"""Drift of the same rows here and elsewhere: ``python bench/compare/drift.py [PEER ..]``.

Nanoseconds per value of 200,000 rows of 32 float32 columns beside a reference of 100,000: ours
counts them and computes every distance; a peer does what its documentation shows first. One core,
best of rounds. Each peer has an environment of its own under build/peers, made once.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/peers"), str(Path(__file__).parent / "peers")]
from drift_peer import REFERENCE_ROWS, rows_of  # noqa: E402
from environment import PEERS, ask, python_with  # noqa: E402

from mlops_engine import drift  # noqa: E402

ROWS, COLUMNS = 200_000, 32
TIMED = ("datasketches", "nannyml", "alibi", "tfdv", "evidently")


# They describe rows and compare them with nothing: beside what counting takes here.
DESCRIBE_ONLY = {"datasketches", "tfdv"}


def best_of(run: Callable[[], object]) -> float:
    """Return nanoseconds per value."""
    times = []
    for _ in range(15):
        begin = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - begin)
    return min(times) / (ROWS * COLUMNS)


def ours() -> tuple[float, float]:
    """Return what counting takes, and counting and every distance."""
    names = [f"x{i}" for i in range(COLUMNS)]
    reference = drift.Profile.from_array(rows_of(REFERENCE_ROWS, COLUMNS, 1), names)
    x = rows_of(ROWS, COLUMNS, 2)
    counted = best_of(lambda: drift.Profile.like(reference).update(x))
    return counted, best_of(
        lambda: drift.compare(reference, drift.Profile.like(reference).update(x))
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("peers", nargs="*", choices=[*TIMED, []])
    told = words.parse_args()
    pythons = {peer: python_with(*PEERS[peer]) for peer in told.peers or TIMED}
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    script = Path(__file__).parent / "peers/drift_peer.py"
    counted, compared = ours()
    print("| | ns per value | times ours |\n|---|---|---|")
    print(f"| mlops-engine, counts | {counted:.2f} | |")
    print(f"| mlops-engine, counts and distances | {compared:.2f} | |", flush=True)
    for peer, python in pythons.items():
        there = ask(python, script, peer, str(ROWS), str(COLUMNS))["ns_per_value"]
        here = counted if peer in DESCRIBE_ONLY else compared
        print(f"| {PEERS[peer][0]} | {there:,.1f} | {there / here:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
