"""infer_async(): inline when idle, one wake-up for many otherwise, cancellation, several loops."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import Gated

import mlops_engine as me

pytestmark = pytest.mark.native

PATIENCE_S = 120  # only ever waited out by a failure


@pytest.fixture
def handed_over() -> Iterator[me.Engine]:
    """An echo model that never runs on the event loop: every answer comes through the queue."""
    with me.Engine(lanes=2, inline_run_us_max=0) as made:
        made._load_echo("echo", "FP32", [-1, 4])
        yield made


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop").new_event_loop


def own_row(index: int) -> np.ndarray:
    return np.array([[index, -index, index * 2, 0]], np.float32)


def test_an_idle_fast_model_has_answered_already(echo: me.Engine, row: np.ndarray) -> None:
    async def main() -> None:
        future = echo.infer_async("echo", {"input": row})
        assert isinstance(future, asyncio.Future)
        assert future.done()
        assert (await future)["output"].tolist() == row.tolist()
        refused = echo.infer_async("nobody", {"input": row})
        assert refused.done()
        with pytest.raises(me.NotFound):
            await refused
        with pytest.raises(me.InvalidArgument):
            await echo.infer_async("echo", {"input": [1]})
        with pytest.raises(TypeError):
            echo.infer_async("echo", 1)

    asyncio.run(main())
    assert echo.stats("echo")["inline_executions"] == 1


def test_without_a_loop(echo: me.Engine, row: np.ndarray) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        echo.infer_async("echo", {"input": row})


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_in_flight_with_cancellations_and_timeouts(
    seed: int, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """All wait behind a held lane; each then has the outcome it must have, once."""
    rng = random.Random(seed)
    gated = Gated(inline_run_us_max=0)
    engine = gated.engine
    held = gated.hold()
    settled = 0

    def note(future: asyncio.Future) -> None:
        nonlocal settled
        settled += 1

    async def main() -> tuple[list[asyncio.Future], set[int], set[int]]:
        short = {i for i in range(1000) if rng.random() < 0.2}
        futures = [
            engine.infer_async("echo", {"input": own_row(i)}, timeout=1e-3 if i in short else None)
            for i in range(1000)
        ]
        for future in futures:
            future.add_done_callback(note)
        await asyncio.wait([futures[i] for i in short])
        cancelled = {i for i in range(1000) if i not in short and rng.random() < 0.3}
        for i in cancelled:
            assert futures[i].cancel()
        gated.release()
        await asyncio.wait(futures, timeout=PATIENCE_S)
        await asyncio.sleep(0)  # lets the last callbacks run
        return futures, short, cancelled

    with engine, asyncio.Runner(loop_factory=new_loop) as runner:
        futures, short, cancelled = runner.run(main())
    assert held.result(PATIENCE_S)
    assert settled == 1000
    for index, future in enumerate(futures):
        assert future.cancelled() == (index in cancelled)
        if index in short:
            assert isinstance(future.exception(), me.DeadlineExceeded)
        elif index not in cancelled:
            assert future.result()["output"].tolist() == own_row(index).tolist()


def test_races_of_answers_and_cancellations(handed_over: me.Engine) -> None:
    """Nothing is held: who wins is open, but an outcome is whole and its own."""
    rng = random.Random(5)

    async def main() -> None:
        futures = []
        for index in range(3000):
            futures.append(handed_over.infer_async("echo", {"input": own_row(index)}))
            if rng.random() < 0.3:
                rng.choice(futures[-5:]).cancel()
            if rng.random() < 0.1:
                await asyncio.sleep(0)
        await asyncio.wait(futures, timeout=PATIENCE_S)
        for index, future in enumerate(futures):
            if not future.cancelled():
                assert future.result()["output"].tolist() == own_row(index).tolist()

    asyncio.run(main())


def test_answers_that_are_due_share_a_wake_up(gated: Gated) -> None:
    async def main() -> None:
        held = gated.hold()
        futures = [gated.engine.infer_async("echo", {"input": own_row(i)}) for i in range(50)]
        assert not any(f.done() for f in futures)
        gated.release()
        assert gated.engine.drain(PATIENCE_S)  # blocks the loop on purpose
        assert not any(f.done() for f in futures)
        done_per_visit = []
        while not all(f.done() for f in futures):
            await asyncio.sleep(0)
            done_per_visit.append(sum(f.done() for f in futures))
        assert set(done_per_visit) <= {0, 50}
        assert [f.result()["output"].tolist() for f in futures] == [
            own_row(i).tolist() for i in range(50)
        ]
        assert held.result(PATIENCE_S)

    asyncio.run(main())


def test_cancelling_a_task_gives_up_its_request(gated: Gated) -> None:
    async def ask(index: int) -> list[list[float]]:
        answer = await gated.engine.infer_async("echo", {"input": own_row(index)})
        return answer["output"].tolist()

    async def main() -> None:
        gated.hold()
        tasks = [asyncio.create_task(ask(i)) for i in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            assert task.cancel("enough")
        await asyncio.wait(tasks[::2])
        gated.release()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(r, asyncio.CancelledError) for r in results[::2])
        assert results[1::2] == [own_row(i).tolist() for i in range(1, 10, 2)]

    asyncio.run(main())
    assert gated.engine.drain(PATIENCE_S)
    assert gated.engine.stats("echo")["failure"]["cancelled"] == 5


def test_timeouts_of_asyncio_and_of_the_engine(gated: Gated) -> None:
    async def main() -> None:
        inputs = {"input": own_row(1)}
        held = gated.hold()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gated.engine.infer_async("echo", inputs), 0.001)
        with pytest.raises(me.DeadlineExceeded):
            await gated.engine.infer_async("echo", inputs, timeout=0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await gated.engine.infer_async("echo", inputs)
        assert not held.done()
        gated.release()
        assert await asyncio.wrap_future(held)

    asyncio.run(main())


def test_loops_in_several_threads(handed_over: me.Engine) -> None:
    async def main(thread: int) -> bool:
        indices = range(thread * 1000, thread * 1000 + 200)
        results = await asyncio.gather(
            *(handed_over.infer_async("echo", {"input": own_row(i)}) for i in indices)
        )
        return all(
            r["output"].tolist() == own_row(i).tolist()
            for i, r in zip(indices, results, strict=True)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda thread: asyncio.run(main(thread)), range(24)))


@pytest.mark.parametrize("answered_before", [False, True])
def test_a_loop_that_closes_with_requests_in_flight(
    gated: Gated,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    answered_before: bool,
) -> None:
    """Its answers go nowhere, and nothing stays behind: no array, no future, no loop."""

    class Watched(np.ndarray):
        pass

    value = own_row(1).view(Watched)
    alive = weakref.ref(value)
    loop = new_loop()

    async def main(value: np.ndarray) -> list[asyncio.Future]:
        return [gated.engine.infer_async("echo", {"input": value}) for _ in range(10)]

    gated.hold()
    futures = loop.run_until_complete(main(value))
    watched = [weakref.ref(loop), *map(weakref.ref, futures)]
    loop.close()
    if answered_before:
        gated.release()
        gated.engine.close()
    del value, futures, loop
    gc.collect()
    gated.release()
    gated.engine.close()
    gc.collect()
    assert alive() is None
    assert [ref() for ref in watched if ref() is not None] == []


def test_loops_come_and_go_without_a_trace(handed_over: me.Engine, row: np.ndarray) -> None:
    async def main() -> None:
        await handed_over.infer_async("echo", {"input": row})

    def files() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    asyncio.run(main())
    before = files()
    for _ in range(50):
        asyncio.run(main())
    assert files() < before + 25  # other threads of the process have files of their own


def test_no_object_is_left_behind(handed_over: me.Engine, row: np.ndarray) -> None:
    import sys

    async def main() -> None:
        for _ in range(200):
            await handed_over.infer_async("echo", {"input": row})

    asyncio.run(main())
    gc.collect()
    before = sys.getallocatedblocks()
    asyncio.run(main())
    gc.collect()
    assert sys.getallocatedblocks() - before < 100
