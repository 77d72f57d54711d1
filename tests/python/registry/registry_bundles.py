"""Bundles to pull, sources that hold them in memory, and a clock that only tests move."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_engine.registry import FileFacts, RemoteFile, Selector, Transfer, Version, encode
from mlops_engine.registry.pace import Backoff
from mlops_engine.registry.source import Body, select

FACTS = {"semantic_version": "1.2.3", "signature": {"inputs": [], "outputs": []}}


def facts_of(data: bytes) -> FileFacts:
    return FileFacts(hashlib.sha256(data).hexdigest(), len(data))


def bundle_files(files: Mapping[str, bytes] | None = None, **facts: object) -> dict[str, bytes]:
    """Return the files of a bundle, the manifest among them."""
    files = dict(files or {"model.onnx": b"graph", "model_card.md": b"# card\n"})
    entries = {name: facts_of(data) for name, data in files.items()}
    return {**files, "bundle.json": encode(entries, {**FACTS, **facts})}


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read_files(folder: Path) -> dict[str, bytes]:
    paths = [p for p in folder.rglob("*") if p.is_file()]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


@dataclass
class FakeClock:
    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def transfer(clock: FakeClock | None = None, **options: object) -> Transfer:
    return Transfer(
        clock=clock or FakeClock(), backoff=lambda: Backoff(random=lambda: 1.0), **options
    )


class MemoryBody:
    def __init__(self, data: bytes, start: int) -> None:
        self.start, self._data, self._at = start, data, start

    def readinto(self, buffer: memoryview) -> int:
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        pass


class MemorySource:
    """Versions in a dictionary. Counts what is opened."""

    def __init__(self, versions: Mapping[str, Mapping[str, bytes]], **aliases: str) -> None:
        self.versions, self.aliases = versions, aliases
        self.opened: list[tuple[str, int]] = []
        self.name = "memory://"

    def find(self, model: str, selector: Selector) -> Version:
        pointed = {v: tuple(a for a, w in self.aliases.items() if w == v) for v in self.versions}
        found = [Version(model, v, aliases=pointed[v], locator=v) for v in self.versions]
        return select(model, selector, found)

    def files(self, version: Version) -> list[RemoteFile]:
        files = self.versions[version.id]
        return [RemoteFile(n, len(d), locator=f"{version.id}|{n}") for n, d in files.items()]

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        version, _, name = file.locator.partition("|")
        self.opened.append((name, offset))
        return MemoryBody(self.versions[version][name], offset)
