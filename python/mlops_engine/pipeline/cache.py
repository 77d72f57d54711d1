"""Results of stages under the digest of all that decided them: there whole, or not at all.

In the folder of runs:

stages/<stage>-<key>/     what a stage made, with `stage.json`
work/<stage>-<key>/       what it may go on from after a kill
locks/                    one run at a time makes a result; flock, so a dead one holds none
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .digests import digest_of, file_digests

__all__ = ["Cache", "Entry"]

RECORD = "stage.json"
FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """What a stage left.

    Attributes
    ----------
    output
        Digest of its files and facts: what later stages depend on.
    depends
        All that decided it, by kind: the key is the digest of this.
    """

    stage: str
    key: str
    folder: Path
    output: str
    facts: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    depends: Mapping[str, Any]
    seconds: float


class Cache:
    """The results below one folder."""

    def __init__(self, runs: Path) -> None:
        self.root = runs

    def find(self, stage: str, key: str) -> Entry | None:
        """Return a result, if it is there and every byte of it is what was written."""
        folder = self._folder("stages", stage, key)
        try:
            found = json.loads((folder / RECORD).read_text())
            entry = Entry(
                stage,
                found["key"],
                folder,
                found["output"],
                found["facts"],
                found["files"],
                found["depends"],
                found["seconds"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        files = file_digests(folder)
        files.pop(RECORD, None)
        return entry if entry.key == key and files == dict(entry.files) else None

    @contextlib.contextmanager
    def making(self, stage: str, key: str) -> Iterator[Path]:
        """Hold the right to make a result; yields an empty folder, which is removed at the end."""
        for name in ("stages", "work", "locks"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        with (self.root / "locks" / f"{stage}-{key[:20]}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in (self.root / "stages").glob(f".making-{stage}-{key[:20]}-*"):
                shutil.rmtree(left)  # of a run that was killed: we have its lock
            prefix = f".making-{stage}-{key[:20]}-"
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root / "stages"))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def scratch(self, stage: str, key: str) -> Path:
        """Return the folder that survives a kill."""
        folder = self._folder("work", stage, key)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def keep(
        self,
        making: Path,
        stage: str,
        *,
        facts: Mapping[str, Any],
        depends: Mapping[str, Any],
        seconds: float,
    ) -> Entry:
        """Let what was made be the result, by one rename."""
        key, files = digest_of(depends), file_digests(making)
        output = digest_of({"files": files, "facts": facts})
        record = {
            "format": FORMAT,
            "stage": stage,
            "key": key,
            "output": output,
            "facts": facts,
            "files": files,
            "depends": depends,
            "seconds": seconds,
        }
        (making / RECORD).write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
        for path in [p for p in making.rglob("*") if p.is_file()]:
            _sync(path)
        making.chmod(0o755)
        folder = self._folder("stages", stage, key)
        if folder.exists():  # damaged, or asked for anew
            shutil.rmtree(folder)
        making.rename(folder)
        _sync(folder.parent)
        shutil.rmtree(self._folder("work", stage, key), ignore_errors=True)
        return Entry(stage, key, folder, output, facts, files, depends, seconds)

    def _folder(self, kind: str, stage: str, key: str) -> Path:
        return self.root / kind / f"{stage}-{key[:20]}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
