"""What could have been answered in time: a trace replayed in a simulator, by many policies.

One server, run times by batch size as measured, nothing else in its way. Every policy here sees the
true run times and drops what would be late for certain; the best of them on a trace is what a
batcher is compared with. Times in microseconds.
"""

import itertools
from collections import deque
from dataclasses import dataclass

import numpy as np

CAPS = (1, 2, 4, 8, 16, 32, 64)
WAITS_US = (0.0, 250.0, 1000.0)


@dataclass(frozen=True)
class Policy:
    rows_max: int
    wait_us: float  # for a full batch, while the server is idle
    keeps_batch: bool  # drops the oldest when its batch would be late, instead of running fewer

    def __str__(self) -> str:
        how = "drops the oldest" if self.keeps_batch else "runs fewer"
        return f"up to {self.rows_max}, waits {self.wait_us:g} us, {how}"


def replay(
    arrivals: list[float], service: list[float], policy: Policy, limit_us: float, from_us: float
) -> int:
    """How many are answered within the limit; `service[n - 1]` is a run of n."""
    waiting: deque[float] = deque()
    now, next_one, good = 0.0, 0, 0
    while waiting or next_one < len(arrivals):
        if not waiting:
            now = max(now, arrivals[next_one])
        while next_one < len(arrivals) and arrivals[next_one] <= now:
            waiting.append(arrivals[next_one])
            next_one += 1
        rows = min(len(waiting), policy.rows_max)
        until = waiting[0] + policy.wait_us
        if rows < policy.rows_max and next_one < len(arrivals) and now < until:
            now = min(until, arrivals[next_one])
            continue
        while rows > 0 and now + service[rows - 1] > waiting[0] + limit_us:
            if policy.keeps_batch or rows == 1:
                waiting.popleft()
                rows = min(len(waiting), policy.rows_max)
            else:
                rows -= 1
        if rows > 0:
            now += service[rows - 1]
            for _ in range(rows):
                good += waiting.popleft() >= from_us
    return good


def best(
    trace_s: np.ndarray, service: list[float], limit_us: float, from_us: float
) -> tuple[int, Policy]:
    """Of all policies; what came before `from_us` is not counted."""
    arrivals = (trace_s * 1e6).tolist()
    caps = [cap for cap in CAPS if cap <= len(service)]
    tried = [Policy(*of) for of in itertools.product(caps, WAITS_US, (False, True))]
    return max(
        ((replay(arrivals, service, p, limit_us, from_us), p) for p in tried),
        key=lambda found: found[0],
    )
