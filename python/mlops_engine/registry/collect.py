"""What no model needs any longer leaves the store."""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from mlops_engine.errors import InvalidArgument, NotFound

from . import history
from .manifest import decode
from .store import Store

KEEP = 3
STALE_S = 24 * 3600.0


@dataclass(frozen=True)
class Collected:
    """What `collect` removed; `busy` if it did nothing because somebody pulls."""

    bundles: int = 0
    blobs: int = 0
    bytes: int = 0
    busy: bool = False


def collect(
    store: Store, keep: int = KEEP, pinned: Set[str] = frozenset(), now: float | None = None
) -> Collected:
    """Remove all but the last `keep` good bundles of each model, and those that are pinned.

    What serves and what served before it are among the last good ones, so `keep` is two at least.
    A file that a server has mapped goes on existing until it is unmapped: the server is not
    disturbed. Partial downloads are kept for a day, to be gone on with.
    """
    with store.alone() as alone:
        if not alone:
            return Collected(busy=True)
        wanted = _wanted(store, max(keep, 2)) | pinned
        blobs: set[str] = set()
        removed = 0
        for name in store.bundles():
            try:
                manifest = decode(store.bundle(name))
            except (InvalidArgument, NotFound):
                continue
            if name in wanted:
                blobs.update(facts.sha256 for facts in manifest.files.values())
            else:
                store.remove_bundle(name)
                removed += 1
        count, freed = _sweep(store, blobs)
        _sweep_staging(store, time.time() if now is None else now)
        return Collected(removed, count, freed)


def _wanted(store: Store, keep: int) -> set[str]:
    wanted: set[str] = set()
    for path in (store.root / "models").glob("*.json"):
        wanted.update(good.digest for good in history.read(store, path.stem).good[:keep])
    return wanted


def _sweep(store: Store, wanted: set[str]) -> tuple[int, int]:
    count = freed = 0
    for path in (store.root / "blobs" / "sha256").glob("*/*"):
        if path.name not in wanted:
            freed += path.stat().st_size
            path.unlink()
            count += 1
    return count, freed


def _sweep_staging(store: Store, now: float) -> None:
    for path in _stale(store.root / "staging", "*", now):
        path.unlink(missing_ok=True)
    for folder in ("bundles", "models"):  # half-written files of processes that were killed
        for path in _stale(store.root / folder, ".new-*", now):
            path.unlink(missing_ok=True)


def _stale(folder: Path, pattern: str, now: float) -> list[Path]:
    return [p for p in folder.glob(pattern) if now - p.stat().st_mtime > STALE_S]
