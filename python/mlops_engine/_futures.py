"""The futures of `Engine.submit`, settled by one thread for all engines. Imported by the core."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from typing import Any

from mlops_engine._native import core
from mlops_engine.errors import Unavailable


class InferFuture(Future[dict[str, Any]]):
    """A future whose cancellation also gives up the request inside the engine."""

    _pending: Any = None  # the core's; None before and after the request is under way

    def cancel(self) -> bool:
        """Cancel unless there is an answer already; a running execution still runs to its end."""
        pending = self._pending
        if not super().cancel():
            return False
        # The reader tells those who wait() for this future once the core hands the request back.
        if pending is not None:
            core.cancel_pending(pending)
        return True


class _Reader:
    """The thread that settles futures; a daemon, stopped by `stop` before the interpreter ends."""

    def __init__(self) -> None:
        self.queue = core.CompletionQueue(of_loop=False)
        self.thread = threading.Thread(target=self._run, name="mlops-futures", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while self.queue.wait():
            self.queue.settle()


class _Process:
    """What there is one of per process: the reader, made by the first `submit`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reader: _Reader | None = None
        self.stopped = False

    def start(self) -> None:
        """Start the reader and make `submit` use it; called by the core at the first `submit`."""
        with self.lock:
            if self.stopped:
                raise Unavailable("the interpreter is shutting down")
            if self.reader is None:
                self.reader = _Reader()
                core.use_for_submit(self.reader.queue, InferFuture)

    def stop(self) -> None:
        """Settle what has come and end the reader, for good. Engines must be closed before."""
        with self.lock:
            reader, self.reader, self.stopped = self.reader, None, True
        if reader is not None:
            reader.queue.stop()
            reader.thread.join()
            core.use_for_submit(None, None)

    def after_fork(self) -> None:
        """In the child: the thread did not come along; the next `submit` starts another."""
        self.lock = threading.Lock()
        self.reader = None
        core.use_for_submit(None, None)


_process = _Process()
start = _process.start
stop = _process.stop
os.register_at_fork(after_in_child=_process.after_fork)
