"""Progress of a run: one line per step with the seconds since the start, a bar where it is long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_CELLS = 30


class Progress:
    """Writes to a stream, `[  1.2 s] text` per step.

    On a terminal the bar is redrawn in place; elsewhere (a log file, CI) every fifth of the work
    is a line of its own. Not for use from several threads.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._clock = clock
        self._start = clock()
        self._fifth = -1
        self._bar_open = False

    def step(self, text: str) -> None:
        """Write a line."""
        if self._bar_open:  # early stopping: the bar never came to its end
            print(file=self._stream)
            self._bar_open = False
        print(f"{self._stamp()} {text}", file=self._stream, flush=True)

    def bar(self, text: str, done: int, total: int) -> None:
        """Show that `done` of `total` units are done; `done == total` ends the bar."""
        if self._stream.isatty():
            filled = "█" * (BAR_CELLS * done // total)
            self._bar_open = done < total
            end = "" if self._bar_open else "\n"
            line = f"\r{self._stamp()} {text} {filled:░<{BAR_CELLS}} {done}/{total}\x1b[K"
            print(line, end=end, file=self._stream, flush=True)
            return
        fifth = 5 * done // total
        if fifth != self._fifth and done > 0:
            self.step(f"{text} {done}/{total}")
        self._fifth = -1 if done == total else fifth

    def _stamp(self) -> str:
        return f"[{self._clock() - self._start:5.1f} s]"
