"""The futures of `Engine.infer_async`, one completion queue per event loop."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop
from typing import Any
from weakref import WeakKeyDictionary

from mlops_engine._native import core

__all__ = ["Future", "InferFuture", "get_running_loop", "queue_of"]


class InferFuture(Future[dict[str, Any]]):
    """A future whose cancellation also gives up the request inside the engine."""

    _pending: Any = None  # the core's; None before and after the request is under way

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel unless there is an answer already; a running execution still runs to its end."""
        pending = self._pending
        if not super().cancel(msg):
            return False
        if pending is not None:
            core.cancel_pending(pending)
        return True


# A queue lives as long as its loop: the loop's reader holds it too, and it does not hold the loop.
_queues: WeakKeyDictionary[AbstractEventLoop, core.CompletionQueue] = WeakKeyDictionary()


def queue_of(loop: AbstractEventLoop) -> core.CompletionQueue:
    """Return the loop's queue, making it and registering its reader at the loop's first request."""
    queue = _queues.get(loop)
    if queue is None:
        forget_closed_loops()
        queue = core.CompletionQueue(of_loop=True)
        loop.add_reader(queue.fileno(), queue.settle)
        _queues[loop] = queue
    return queue


def forget_closed_loops() -> None:
    """Drop the answers that wait for loops which will never run again.

    Such an answer holds its future, and that its loop: without this they would keep each other.
    """
    for loop, queue in list(_queues.items()):
        if loop.is_closed():
            queue.close()
            _queues.pop(loop, None)
