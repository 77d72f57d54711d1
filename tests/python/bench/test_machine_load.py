"""Work of this process, of waited-for children and of strangers, told apart."""

import subprocess
import sys
import time

from mlops_engine.bench.histogram import Histogram
from mlops_engine.bench.machine_load import own_cpu_s, watch
from mlops_engine.bench.result import Repeat

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def burn() -> Repeat:
    before = time.perf_counter()
    while time.perf_counter() - before < 0.3:
        pass
    return Repeat(0.3, 1, Histogram())


def test_children_that_ended_count_as_our_own() -> None:
    before = own_cpu_s()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert own_cpu_s() - before > 0.25


def test_a_stranger_is_seen_and_we_are_not() -> None:
    quiet = watch(burn, server_is_self=True)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as stranger:
        busy = watch(burn, server_is_self=True)
        stranger.kill()
    assert quiet.other_cores is not None
    assert busy.other_cores is not None
    assert busy.other_cores > 0.2  # at least a share of a core, however busy the machine is


def test_an_unknown_server_makes_no_claim() -> None:
    assert watch(burn, server_is_self=False).other_cores is None
