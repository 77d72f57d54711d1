"""The in-process door: ``Engine.infer`` and bare ``onnxruntime``, called from this interpreter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.bench.histogram import Histogram
from mlops_engine.bench.load import Load
from mlops_engine.bench.loadgen import Timing
from mlops_engine.bench.payload import Payload
from mlops_engine.bench.result import Repeat

Request = dict[str, npt.NDArray[Any]]
Infer = Callable[[Request], object]

CALLS_MAX = 20_000_000
"""Latencies kept per thread: a bound on memory that no sensible run reaches."""


@dataclass(frozen=True)
class Candidate:
    """One way to infer in this process.

    Parameters
    ----------
    infer : callable
        One synchronous inference.
    submit : callable
        Starts one and returns its future at once.
    close : callable
        Releases what the candidate holds.
    """

    infer: Infer
    submit: Callable[[Request], Future[Any]]
    close: Callable[[], None]


def engine_candidate(model: str, path: Path) -> Candidate:
    """Load a model into a new engine."""
    import mlops_engine

    engine = mlops_engine.Engine()
    engine.load(model, str(path))
    infer, submit = engine.infer, engine.submit
    return Candidate(
        lambda request: infer(model, request), lambda request: submit(model, request), engine.close
    )


def onnxruntime_candidate(path: Path, workers: int) -> Candidate:
    """Open the model in bare onnxruntime, one thread a call, as a lane of the engine runs it.

    Parameters
    ----------
    path : Path
        ONNX file.
    workers : int
        Threads that serve `submit`: what one would build by hand.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    run = session.run
    pool = ThreadPoolExecutor(workers)
    return Candidate(
        lambda request: run(None, request),
        lambda request: pool.submit(run, None, request),
        pool.shutdown,
    )


def _closed_loop(
    infer: Infer, requests: Sequence[Request], until_ns: int, latencies: list[int]
) -> None:
    clock = time.perf_counter_ns
    index = 0
    before = clock()
    while before < until_ns and len(latencies) < CALLS_MAX:
        infer(requests[index])
        after = clock()
        latencies.append(after - before)
        index = index + 1 if index + 1 < len(requests) else 0
        before = clock()


def _threads(infer: Infer, requests: Sequence[Request], seconds: float, count: int) -> list[int]:
    until_ns = time.perf_counter_ns() + int(seconds * 1e9)
    per_thread: list[list[int]] = [[] for _ in range(count)]
    threads = [
        threading.Thread(target=_closed_loop, args=(infer, requests, until_ns, latencies))
        for latencies in per_thread[1:]
    ]
    for thread in threads:
        thread.start()
    _closed_loop(infer, requests, until_ns, per_thread[0])
    for thread in threads:
        thread.join()
    return [latency for latencies in per_thread for latency in latencies]


def measure_closed(infer: Infer, payload: Payload, load: Load, timing: Timing) -> Repeat:
    """Call from ``load.in_flight`` threads, each starting its next call when the last returned.

    Parameters
    ----------
    infer : callable
        Synchronous inference of one request.
    payload : Payload
        Requests to rotate through.
    load : Load
        A closed loop.
    timing : Timing
        Warm-up and duration.

    Returns
    -------
    Repeat
        Its server CPU is this process's, client included: in process the two are one.
    """
    requests = [payload.request(row) for row in range(payload.rows)]
    _threads(infer, requests, timing.warmup_s, load.in_flight)
    cpu_before = time.process_time()
    before = time.perf_counter()
    latencies = _threads(infer, requests, timing.duration_s, load.in_flight)
    duration = time.perf_counter() - before
    cpu = time.process_time() - cpu_before
    return Repeat(duration, len(latencies), Histogram.from_values(latencies), server_cpu_s=cpu)


DRAIN_S = 5.0
SPIN_NS = 200_000
"""A sleep ends late by about this much, so the rest of the wait before an arrival is spun."""


def arrivals_ns(rate_per_s: float, seconds: float, timing: Timing) -> npt.NDArray[np.int64]:
    """Intended send times of an open loop, in nanoseconds from its start."""
    count = int(rate_per_s * seconds * 1.5) + 100
    if timing.arrivals == "constant":
        gaps = np.full(count, 1e9 / rate_per_s)
    else:
        gaps = np.random.default_rng(timing.seed).exponential(1e9 / rate_per_s, count)
    times = np.cumsum(gaps)
    return times[times < seconds * 1e9].astype(np.int64)


def _wait_until(due_ns: int) -> None:
    left = due_ns - time.perf_counter_ns()
    if left > 2 * SPIN_NS:
        time.sleep((left - SPIN_NS) * 1e-9)
    while time.perf_counter_ns() < due_ns:
        pass


class _OpenLoop:
    """Collects the finish times of submitted requests; callbacks come from any thread."""

    def __init__(self, count: int) -> None:
        self.finished_ns = [0] * count
        self.failed: dict[str, int] = {}
        self._lock = threading.Lock()

    def on_done(self, index: int, future: Future[Any]) -> None:
        now = time.perf_counter_ns()
        error = future.exception()
        if error is None:
            self.finished_ns[index] = now
        else:
            self.fail(type(error).__name__)

    def fail(self, kind: str) -> None:
        with self._lock:
            self.failed[kind] = self.failed.get(kind, 0) + 1


def measure_open(candidate: Candidate, payload: Payload, load: Load, timing: Timing) -> Repeat:
    """Submit on a schedule that does not wait for replies.

    Parameters
    ----------
    candidate : Candidate
        Its `submit` is used.
    payload : Payload
        Requests to rotate through.
    load : Load
        With a rate.
    timing : Timing
        Warm-up, duration and arrivals.

    Returns
    -------
    Repeat
        Latencies from the intended times; what still runs after `DRAIN_S` counts as unfinished.
    """
    assert load.rate_per_s is not None
    requests = [payload.request(row) for row in range(payload.rows)]
    seconds = timing.warmup_s + timing.duration_s
    due = arrivals_ns(load.rate_per_s, seconds, timing)
    loop = _OpenLoop(len(due))
    futures: dict[Future[Any], int] = {}
    cpu_before = time.process_time()
    start = time.perf_counter_ns()
    for index, offset in enumerate(due.tolist()):
        _wait_until(start + offset)
        try:
            future = candidate.submit(requests[index % len(requests)])
        except Exception as error:  # a refusal is a result of the measurement, not a fault of it
            loop.fail(type(error).__name__)
            continue
        future.add_done_callback(lambda done, index=index: loop.on_done(index, done))  # type: ignore[misc]
        futures[future] = index
    window_end = start + int(seconds * 1e9)
    _wait_until(window_end)
    cpu = time.process_time() - cpu_before
    pending = wait(futures, timeout=DRAIN_S).not_done
    given_up = time.perf_counter_ns()
    finished = np.array(loop.finished_ns, dtype=np.int64)
    measured = due >= timing.warmup_s * 1e9
    latencies = (finished - start - due)[measured & (finished > 0)].tolist()
    unfinished = [futures[future] for future in pending if measured[futures[future]]]
    latencies += [given_up - start - int(due[index]) for index in unfinished]
    window_start = window_end - int(timing.duration_s * 1e9)
    completed = int(np.count_nonzero((finished >= window_start) & (finished < window_end)))
    return Repeat(
        timing.duration_s,
        completed,
        Histogram.from_values(latencies),
        errors=loop.failed,
        unfinished=len(unfinished),
        server_cpu_s=cpu * timing.duration_s / seconds,
    )
