"""What a machine remembers of a model: which bundles were good here, and which were bad.

It is what an engine starts from when its registry is away, and why a version that failed is not
tried again at every look.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mlops_engine.errors import InvalidArgument

from .names import check_model_name
from .store import Store, write_file

GOOD_MAX, BAD_MAX, PINS_MAX = 32, 256, 4096


class Good(msgspec.Struct, frozen=True):
    """A bundle that was activated."""

    digest: str
    number: int
    version: str
    source: str
    resolved: str
    semantic_version: str
    at: float


class Bad(msgspec.Struct, frozen=True):
    """A bundle that failed, by what it was resolved to."""

    reason: str
    at: float


class History(msgspec.Struct):
    """Memory of one model.

    Attributes
    ----------
    good
        What was activated, newest first: the first is what serves, the second what to go back to.
    bad
        By the digest that a version resolved to. Another digest is another chance.
    pins
        Digest by source and version: a version that changes after it was pulled is refused.
    numbers
        Version number here, by digest, for sources that do not number versions.
    """

    good: list[Good] = []
    bad: dict[str, Bad] = {}
    pins: dict[str, str] = {}
    numbers: dict[str, int] = {}

    def activated(self, good: Good) -> None:
        """Put a bundle in front."""
        self.good = [good, *(g for g in self.good if g.digest != good.digest)][:GOOD_MAX]
        self.bad.pop(good.resolved, None)

    def failed(self, resolved: str, reason: str, at: float) -> None:
        """Remember a failure; the oldest are forgotten."""
        self.bad[resolved] = Bad(reason[:1000], at)
        while len(self.bad) > BAD_MAX:
            del self.bad[min(self.bad, key=lambda key: self.bad[key].at)]

    def pin(self, source: str, version: str, digest: str) -> None:
        """Tie a version to its digest.

        Raises
        ------
        InvalidArgument
            If it is tied to another one.
        """
        key = f"{source}|{version}"
        pinned = self.pins.setdefault(key, digest)
        if pinned != digest:
            raise InvalidArgument(
                f"version {version} of {source} was {pinned} when it was first pulled, and is now"
                f" {digest}: a version must not change"
            )
        while len(self.pins) > PINS_MAX:
            del self.pins[next(iter(self.pins))]

    def number_of(self, digest: str, wanted: int | None) -> int:
        """Return the number that a bundle is served as."""
        if wanted is not None:
            return wanted
        taken = [*self.numbers.values(), *(good.number for good in self.good)]
        return self.numbers.setdefault(digest, max(taken, default=0) + 1)


def read(store: Store, model: str) -> History:
    """Read a model's history; empty if there is none, or none that can be read."""
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode(_path(store, model).read_bytes(), type=History)
    return History()


@contextlib.contextmanager
def change(store: Store, model: str) -> Iterator[History]:
    """Read a model's history and write it back, with nobody between."""
    lock = _path(store, model).with_suffix(".lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        history = read(store, model)
        yield history
        write_file(_path(store, model), msgspec.json.format(msgspec.json.encode(history)))
    finally:
        os.close(descriptor)


def _path(store: Store, model: str) -> Path:
    return store.root / "models" / f"{check_model_name(model)}.json"
