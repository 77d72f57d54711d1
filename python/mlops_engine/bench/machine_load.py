"""What the rest of the machine did during a measurement: a busy neighbour voids figures."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlops_engine.bench.result import Repeat


def machine_cpu_s() -> float:
    """CPU seconds that all processes of this machine have used since boot, kernel work included."""
    user, nice, system, _, _, irq, softirq = map(
        int, Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=8)[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def own_cpu_s() -> float:
    """CPU seconds of this process and of the load generators it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def watch(measure: Callable[[], Repeat], *, server_is_self: bool) -> Repeat:
    """Run a measurement and note how many cores others used meanwhile.

    Parameters
    ----------
    measure : callable
        One repeat.
    server_is_self : bool
        Whether the repeat's server CPU is this process's own.

    Returns
    -------
    Repeat
        With `other_cores` set; None when the server is not a process whose CPU time is known.
    """
    machine, own, clock = machine_cpu_s(), own_cpu_s(), time.perf_counter()
    repeat = measure()
    machine, own, elapsed = (
        machine_cpu_s() - machine,
        own_cpu_s() - own,
        time.perf_counter() - clock,
    )
    if server_is_self:
        server = 0.0
    elif repeat.server_cpu_s is None:
        return repeat
    else:  # known for the window only; the warm-up before it ran at the same rate
        server = repeat.server_cpu_s * elapsed / repeat.duration_s
    return replace(repeat, other_cores=max(0.0, (machine - own - server) / elapsed))
