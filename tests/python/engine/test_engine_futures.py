"""submit(): real futures, each settled exactly once, whatever is cancelled or late beside it."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections import Counter
from concurrent.futures import (
    ALL_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)

import numpy as np
import pytest
from conftest import Gated

import mlops_engine as me
from mlops_engine import _futures
from mlops_engine._native import core

pytestmark = pytest.mark.native

PATIENCE_S = 120  # only ever waited out by a failure


def own_row(thread: int, index: int) -> np.ndarray:
    return np.array([[thread, index, thread * index, -index]], np.float32)


def test_a_future_like_any_other(echo: me.Engine, row: np.ndarray) -> None:
    future = echo.submit("echo", {"input": row})
    assert isinstance(future, Future)
    assert future.result(PATIENCE_S)["output"].tolist() == row.tolist()
    assert future.exception() is None
    assert not future.cancel()
    seen: list[Future] = []
    future.add_done_callback(seen.append)
    assert seen == [future]


def test_refusals_come_through_the_future(echo: me.Engine, row: np.ndarray) -> None:
    assert isinstance(echo.submit("nobody", {"input": row}).exception(PATIENCE_S), me.NotFound)
    assert isinstance(echo.submit("echo", {"input": [1]}).exception(0), me.InvalidArgument)
    assert isinstance(
        echo.submit("echo", {"input": row}, timeout=0).exception(PATIENCE_S), me.DeadlineExceeded
    )


def test_eight_threads_with_cancellations_each_get_their_own(echo: me.Engine) -> None:
    """Exactly one outcome per future, and a neighbour's cancellation changes no row."""
    outcomes: Counter[Future] = Counter()
    lock = threading.Lock()

    def note(future: Future) -> None:
        with lock:
            outcomes[future] += 1

    def work(thread: int) -> list[tuple[int, Future, bool]]:
        rng = random.Random(thread)
        made = []
        for index in range(300):
            future = echo.submit("echo", {"input": own_row(thread, index)})
            future.add_done_callback(note)
            made.append((index, future, rng.random() < 0.3 and future.cancel()))
        return made

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(work, range(8)))
    futures = [future for part in made for _, future, _ in part]
    assert not wait(futures, PATIENCE_S, ALL_COMPLETED).not_done
    for thread, part in enumerate(made):
        for index, future, cancelled in part:
            assert future.cancelled() == cancelled
            if cancelled:
                with pytest.raises(CancelledError):
                    future.result()
            else:
                assert future.result()["output"].tolist() == own_row(thread, index).tolist()
    assert set(outcomes.values()) == {1}
    assert len(outcomes) == len(futures) == 2400


def test_eight_threads_of_infer(echo: me.Engine) -> None:
    def work(thread: int) -> bool:
        return all(
            echo.infer("echo", {"input": own_row(thread, i)})["output"].tolist()
            == own_row(thread, i).tolist()
            for i in range(300)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_cancelling_what_waits_behind_a_busy_lane(gated: Gated) -> None:
    held = gated.hold()
    queued = [gated.engine.submit("echo", {"input": own_row(1, i)}) for i in range(20)]
    cancelled = [f for f in queued[::2] if f.cancel()]
    assert cancelled == queued[::2]
    assert all(f.cancel() for f in cancelled), "cancelling twice is no error"
    assert set(as_completed(cancelled, PATIENCE_S)) == set(cancelled)
    assert not any(f.done() for f in [held, *queued[1::2]])
    gated.release()
    for index, future in enumerate(queued):
        if future not in cancelled:
            assert future.result(PATIENCE_S)["output"].tolist() == own_row(1, index).tolist()
    assert held.result(PATIENCE_S)["output"].tolist() == [[-1] * 4]
    assert gated.engine.drain(PATIENCE_S)
    assert gated.engine.stats("echo")["failure"]["cancelled"] == len(cancelled)


def test_cancelling_what_runs_hurts_no_neighbour(gated: Gated) -> None:
    """A batch of three stands at the gate; the middle one is given up, the others are answered."""
    first = gated.hold()
    batch = [gated.engine.submit("echo", {"input": own_row(2, i)}) for i in range(3)]
    gated.gate.open()
    assert first.result(PATIENCE_S)
    again = gated.hold() if all(f.done() for f in batch) else None
    assert batch[1].cancel() or batch[1].done()
    gated.release()
    for index in (0, 2):
        assert batch[index].result(PATIENCE_S)["output"].tolist() == own_row(2, index).tolist()
    assert again is None or again.result(PATIENCE_S)


def test_deadlines_of_what_waits_behind_a_busy_lane(gated: Gated) -> None:
    engine, row = gated.engine, {"input": own_row(1, 1)}
    held = gated.hold()
    late = [engine.submit("echo", row, timeout=0.001) for _ in range(10)]
    patient = engine.submit("echo", row, timeout=PATIENCE_S)
    for future in late:
        assert isinstance(future.exception(PATIENCE_S), me.DeadlineExceeded)
    with pytest.raises(me.DeadlineExceeded):
        engine.infer("echo", row, timeout=0.001)
    assert not held.done()
    assert not patient.done()
    gated.release()
    assert patient.result(PATIENCE_S)["output"].tolist() == row["input"].tolist()
    assert held.result(PATIENCE_S)


def test_a_queue_that_is_full_refuses() -> None:
    gated = Gated(queue_requests_max=4)
    with gated.engine as engine:
        held = gated.hold()
        futures = [engine.submit("echo", {"input": own_row(0, i)}) for i in range(10)]
        refused = futures[4:]
        for future in refused:
            assert isinstance(future.exception(PATIENCE_S), me.Unavailable)
        gated.release()
        assert all(f.result(PATIENCE_S) for f in [held, *futures[:4]])


def test_a_callback_that_raises_does_not_stop_the_others(
    echo: me.Engine, row: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(future: Future) -> None:
        raise ValueError("mine")

    for _ in range(10):
        future = echo.submit("echo", {"input": row})
        future.add_done_callback(fail)
        assert future.result(PATIENCE_S)
    assert echo.submit("echo", {"input": row}).result(PATIENCE_S)


def test_inputs_and_futures_are_given_back(gated: Gated) -> None:
    class Watched(np.ndarray):
        pass

    held = gated.hold()
    futures, alive = [], []
    for index in range(50):
        value = own_row(0, index).view(Watched)
        alive.append(weakref.ref(value))
        futures.append(gated.engine.submit("echo", {"input": value}))
    del value
    assert all(ref() is not None for ref in alive), "the engine holds what it has not run yet"
    assert all(f.cancel() for f in futures[1::2])
    gated.release()
    assert not wait([held, *futures], PATIENCE_S).not_done
    gated.engine.close()
    assert [ref() for ref in alive if ref() is not None] == []
    last = weakref.ref(futures[0])
    futures.clear()
    gc.collect()
    assert last() is None


def test_closing_answers_everything(gated: Gated) -> None:
    held = gated.hold()
    queued = [gated.engine.submit("echo", {"input": own_row(0, i)}) for i in range(10)]
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(gated.engine.close, 0)
        for future in queued:
            assert isinstance(future.exception(PATIENCE_S), me.Unavailable)
        assert not closing.done(), "what runs is waited for"
        gated.release()
        closing.result(PATIENCE_S)
    assert held.result(PATIENCE_S)


def test_leaving_the_context_waits_for_what_was_accepted(gated: Gated) -> None:
    with gated.engine as engine:
        held = gated.hold()
        futures = [engine.submit("echo", {"input": own_row(3, i)}) for i in range(10)]
        gated.release()
    for index, future in enumerate(futures):
        assert future.result(PATIENCE_S)["output"].tolist() == own_row(3, index).tolist()
    assert held.result(PATIENCE_S)


def test_an_engine_that_nobody_holds_any_more_answers_everything() -> None:
    gated = Gated()
    gated.hold()
    futures = [gated.engine.submit("echo", {"input": own_row(0, i)}) for i in range(10)]
    gone = weakref.ref(gated.engine)
    gated.release()
    del gated
    gc.collect()
    assert gone() is None
    outcomes = [f.exception(PATIENCE_S) for f in futures]
    assert all(o is None or isinstance(o, me.Unavailable) for o in outcomes)


def test_closing_while_other_threads_infer(echo: me.Engine, row: np.ndarray) -> None:
    started = threading.Barrier(9)

    def work() -> int:
        started.wait(PATIENCE_S)
        for count in range(1_000_000):
            try:
                echo.infer("echo", {"input": row})
            except me.Unavailable:
                return count
        raise AssertionError("the engine was never closed")

    with ThreadPoolExecutor(8) as pool:
        counts = [pool.submit(work) for _ in range(8)]
        started.wait(PATIENCE_S)
        echo.close()
        assert all(f.result(PATIENCE_S) >= 0 for f in counts)


def test_an_engine_closed_by_what_submit_itself_calls(echo: me.Engine, row: np.ndarray) -> None:
    assert echo.submit("echo", {"input": row}).result(PATIENCE_S)
    reader = _futures._process.reader
    assert reader is not None

    class Closing(_futures.InferFuture):
        def __init__(self) -> None:
            super().__init__()
            echo.close(0)

    core.use_for_submit(reader.queue, Closing)
    try:
        future = echo.submit("echo", {"input": row})
    finally:
        core.use_for_submit(reader.queue, _futures.InferFuture)
    assert isinstance(future.exception(PATIENCE_S), me.Unavailable)
