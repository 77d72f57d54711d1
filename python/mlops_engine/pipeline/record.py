"""`record.json`: what a run did, with which seeds, code, libraries and machine."""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mlops_engine.bench.fingerprint import machine
from mlops_engine.errors import InvalidArgument, NotFound
from mlops_engine.train.bundle import code_revision

from .cache import Entry
from .plan import Plan

__all__ = ["Record", "environment", "read_record"]

NAME = "record.json"
FORMAT = 1


@dataclass
class Record:
    """A run, as it goes on. Written anew after every stage."""

    folder: Path
    facts: dict[str, Any]
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def begin(cls, plan: Plan, now: datetime | None = None) -> Record:
        """Make the folder of a run, named after the time and the plan."""
        began = now or datetime.now(UTC)
        runs = plan.runs / "records"
        runs.mkdir(parents=True, exist_ok=True)
        name = f"{began:%Y%m%dT%H%M%SZ}-{plan.digest[:6]}"
        folder, count = runs / name, 1
        while True:
            try:
                folder.mkdir()
                break
            except FileExistsError:
                count += 1
                folder = runs / f"{name}-{count}"
        facts = {
            "format": FORMAT,
            "run": folder.name,
            "began": began.isoformat(timespec="seconds"),
            "status": None,
            "plan": {
                "digest": plan.digest,
                "folder": str(plan.folder),
                "document": json.loads(json.dumps(plan.document, default=str)),
            },
            "seed": plan.pipeline.seed,
            "environment": environment(plan.folder),
        }
        return cls(folder, facts)

    def add(self, entry: Entry, reused: bool, attempts: int = 1) -> None:
        """Write down what a stage came to."""
        self.stages[entry.stage] = {
            "key": entry.key,
            "output": entry.output,
            "reused": reused,
            "attempts": attempts,
            "seconds": entry.seconds,
            "facts": dict(entry.facts),
            "depends": dict(entry.depends),
            "files": {name: facts["sha256"] for name, facts in entry.files.items()},
        }
        self.write()

    def end(self, status: int, reason: str | None = None) -> None:
        """Write down how it ended."""
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        self.facts |= {"status": status, "reason": reason, "ended": ended}
        self.write()

    def write(self) -> None:
        """Replace the file as a whole."""
        text = json.dumps({**self.facts, "stages": self.stages}, indent=2, ensure_ascii=False)
        aside = self.folder / f".{NAME}"
        aside.write_text(f"{text}\n")
        aside.replace(self.folder / NAME)


def environment(folder: Path) -> dict[str, Any]:
    """Describe where a run happens: what can make the same file give another model."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "libc": " ".join(platform.libc_ver()),
        "packages": _packages(),
        "code": code_revision(Path(__file__).parent, Path(__file__).name),
        "hardware": {**machine(), "memory_bytes": _memory_bytes()},
    }


@functools.cache
def _packages() -> dict[str, str]:
    """List what is installed; found once, as it takes a while."""
    return dict(sorted((d.name, d.version) for d in metadata.distributions() if d.name))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def read_record(runs: Path, run: str) -> Mapping[str, Any]:
    """Read the record of a run: its name, its folder, or `latest`.

    Raises
    ------
    NotFound
        If there is none.
    InvalidArgument
        If it cannot be read.
    """
    records = runs / "records"
    if run == "latest":
        known = sorted(p.parent.name for p in records.glob(f"*/{NAME}"))
        if not known:
            raise NotFound(f"there is no run in {records}")
        run = known[-1]
    given = Path(run)
    path = given / NAME if given.is_dir() else records / run / NAME
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise NotFound(f"there is no run {run!r} in {records}") from None
    except ValueError as error:
        raise InvalidArgument(f"{path}: {error}") from error
    if found.get("format") != FORMAT or not isinstance(found.get("stages"), dict):
        raise InvalidArgument(f"{path} is no record that this version reads")
    return found
