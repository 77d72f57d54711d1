"""When to try again, and how fast to read: time as an argument, so that tests need none."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Time since any fixed instant, and a way to let it pass."""

    def now(self) -> float:
        """Seconds, never going back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when so much time has passed."""
        ...


class SystemClock:
    """The machine's own."""

    def now(self) -> float:
        """Seconds, never going back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return when so much time has passed."""
        time.sleep(seconds)


@dataclass
class Backoff:
    """Exponential backoff with full jitter: evenly from zero up to a bound that doubles.

    Whole fleets lose their registry at one instant; full jitter is what keeps them from
    coming back at one instant too.

    >>> backoff = Backoff(first_s=1, most_s=300, random=lambda: 1.0)
    >>> [backoff.next_s() for _ in range(3)]
    [1.0, 2.0, 4.0]
    """

    first_s: float = 1.0
    most_s: float = 300.0
    random: Callable[[], float] = random.random
    failures: int = 0

    def next_s(self) -> float:
        """Count a failure; return how long to wait after it."""
        bound = min(self.most_s, self.first_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return bound * self.random()

    def succeeded(self) -> None:
        """Begin anew."""
        self.failures = 0


@dataclass
class Bandwidth:
    """At most so many bytes a second, over all downloads that share the object. Thread-safe.

    A debt, not a bucket: what was read is paid for before more is read, so that a pause never
    saves up for a burst.
    """

    bytes_per_second: float | None = None
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at = 0.0

    def spent(self, count: int) -> None:
        """Wait as long as `count` bytes are worth."""
        if self.bytes_per_second is None:
            return
        with self._lock:
            start = max(self._free_at, self.clock.now())
            self._free_at = start + count / self.bytes_per_second
            wait = self._free_at - self.clock.now()
        if wait > 0:
            self.clock.sleep(wait)
