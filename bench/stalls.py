"""What a machine takes from who computes: ``python bench/stalls.py [SECONDS]``.

On each core a process reads the clock and does nothing else; where two readings are more than
0.2 ms apart, somebody else had the core, or the host had the machine. Prints one line a core. Run
it beside nothing: what it finds is the floor of every tail that is measured here.
"""

import os
import sys
import time
from multiprocessing import Pool

LEAST_NS = 200_000


def gaps(core: int, seconds: float) -> list[float]:
    """Milliseconds each."""
    os.sched_setaffinity(0, {core})
    found = []
    before = time.perf_counter_ns()
    end = before + int(seconds * 1e9)
    while before < end:
        now = time.perf_counter_ns()
        if now - before > LEAST_NS:
            found.append((now - before) * 1e-6)
        before = now
    return found


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    cores = sorted(os.sched_getaffinity(0))
    with Pool(len(cores)) as pool:
        for core, found in zip(
            cores, pool.starmap(gaps, [(core, seconds) for core in cores]), strict=True
        ):
            print(
                f"core {core}: {len(found)} gaps, {sum(gap > 1 for gap in found)} above 1 ms, "
                f"{sum(found):.0f} ms of {seconds:g} s, longest {max(found, default=0):.1f} ms"
            )


if __name__ == "__main__":
    main()
