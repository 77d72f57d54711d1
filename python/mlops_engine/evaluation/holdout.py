"""The hold-out: rows that are looked at once.

A lock pins the rows by digest. Each access is a line of a hash-chained log, written before the rows
are given out, so that a process that is killed has read them too. A second read is refused: a model
that was changed after a look at the test rows is no longer judged by them. `burn` reads all the
same, and the log says who spent the hold-out and why.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlops_engine.errors import AlreadyExists, InvalidArgument, NotFound
from mlops_engine.registry.audit import AuditLog, verify

from .measures import Measure

if TYPE_CHECKING:
    import polars as pl

__all__ = ["HoldOut", "HoldOutRead"]

LOCK, LOG, MARK = "holdout.json", "holdout.log", "holdout.read"


class HoldOutRead(AlreadyExists):
    """The hold-out was read before; `burn` reads it all the same, and says so in the log."""


class _Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class HoldOut:
    """A locked hold-out in a folder. Safe between processes of one machine."""

    folder: Path

    @classmethod
    def lock(cls, folder: Path, frame: pl.DataFrame, test: npt.NDArray[np.int64]) -> HoldOut:
        """Pin the test rows; the same rows may be locked again, others not.

        Raises
        ------
        AlreadyExists
            Other rows are locked here.
        """
        folder.mkdir(parents=True, exist_ok=True)
        lock = _Lock(1, len(test), digest(frame, test))
        try:
            descriptor = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        except FileExistsError:
            if _read(folder) != lock:
                raise AlreadyExists(f"{folder} locks other rows as its hold-out") from None
            return cls(folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(lock))
            file.flush()
            os.fsync(file.fileno())
        AuditLog(folder / LOG).append({"event": "locked", **msgspec.to_builtins(lock)})
        return cls(folder)

    def read(
        self,
        frame: pl.DataFrame,
        test: npt.NDArray[np.int64],
        *,
        who: str,
        why: str,
        burn: bool = False,
    ) -> pl.DataFrame:
        """Return the test rows, once.

        Raises
        ------
        HoldOutRead
            They were read before, and `burn` does not say to spend them.
        InvalidArgument
            These are not the rows that were locked, or the log was changed.
        NotFound
            Nothing is locked here.
        """
        lock = _read(self.folder)
        if (found := digest(frame, test)) != lock.sha256:
            self._log("refused", who, why, {"reason": "other rows", "sha256": found})
            raise InvalidArgument("these are not the rows that were locked as the hold-out")
        verify(self.folder / LOG)
        # The mark decides who is first: exclusive creation is atomic between processes.
        try:
            os.close(os.open(self.folder / MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
        except FileExistsError:
            if not burn:
                self._log("refused", who, why, {"reason": "read before"})
                raise HoldOutRead(
                    f"the hold-out in {self.folder} was read before; another look needs `burn`"
                ) from None
            self._log("burnt", who, why, {})
        else:
            self._log("read", who, why, {})
        return frame[test]

    def measures(self) -> dict[str, Measure]:
        """Return `reads`: how often anyone looked."""
        log = self.folder / LOG
        verify(log)
        events = [msgspec.json.decode(line)["event"] for line in log.read_bytes().splitlines()]
        return {"reads": Measure(float(sum(event in {"read", "burnt"} for event in events)))}

    def _log(self, event: str, who: str, why: str, more: Mapping[str, Any]) -> None:
        record = {"event": event, "who": who[:200], "why": why[:1000], **more}
        AuditLog(self.folder / LOG).append(record)


def digest(frame: pl.DataFrame, test: npt.NDArray[np.int64]) -> str:
    """Return a SHA-256 of the test rows: names, types and values, in order."""
    rows = frame[test]
    found = hashlib.sha256(repr(list(rows.schema.items())).encode())
    # CSV of floats would round them; IPC has the bits.
    found.update(rows.rechunk().write_ipc(None, compression="uncompressed").getvalue())
    return found.hexdigest()


def _read(folder: Path) -> _Lock:
    try:
        return msgspec.json.decode((folder / LOCK).read_bytes(), type=_Lock)
    except FileNotFoundError:
        raise NotFound(f"no hold-out is locked in {folder}") from None
    except msgspec.DecodeError as error:
        raise InvalidArgument(f"{folder / LOCK}: {error}") from None
