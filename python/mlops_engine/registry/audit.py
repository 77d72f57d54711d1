"""What was done, in a file that only grows: each line holds the digest of the one before it.

Whoever changes or removes a line breaks the chain from there on. The end is not held by anything:
who can write the file can cut lines off, or change the last. Send lines elsewhere too, or keep the
digest that `verify` returns.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument

BEGINNING = "0" * 64
LINE_BYTES_MAX = 1 << 16


class AuditLog:
    """An audit log. Safe between threads and processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, record: Mapping[str, Any]) -> str:
        """Write a record to the disk; returns the digest of its line.

        A line that a killed process left half-written is kept, as the content of a record.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            last = _last_line(descriptor)
            if last and not last.endswith(b"\n"):
                end = os.lseek(descriptor, 0, os.SEEK_END)
                os.ftruncate(descriptor, end - len(last))
                torn = {"event": "torn", "bytes": last.hex()}
                last = _write(descriptor, torn, _last_line(descriptor))
            return _digest(_write(descriptor, record, last))
        finally:
            os.close(descriptor)


def verify(path: Path) -> tuple[int, str]:
    """Check every line of a log; returns their number and the digest of the last.

    Raises
    ------
    InvalidArgument
        Names the first line that does not follow from the one before it.
    """
    previous, number = BEGINNING, 0
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX):
            number += 1
            try:
                record = json.loads(line)
                follows = record["previous"] == previous and record["line"] == number
            except (ValueError, KeyError, TypeError, RecursionError):
                follows = False
            if not follows or not line.endswith(b"\n"):
                raise InvalidArgument(f"{path}: line {number} is not what was written there")
            previous = _digest(line)
    return number, previous


def _write(descriptor: int, record: Mapping[str, Any], last: bytes) -> bytes:
    number = json.loads(last)["line"] + 1 if last else 1
    chained = {**record, "line": number, "previous": _digest(last) if last else BEGINNING}
    line = json.dumps(chained, ensure_ascii=True).encode() + b"\n"
    if len(line) > LINE_BYTES_MAX:
        raise InvalidArgument(f"a record of {len(line)} bytes is too long for the audit log")
    os.lseek(descriptor, 0, os.SEEK_END)
    os.write(descriptor, line)
    os.fsync(descriptor)
    return line


def _last_line(descriptor: int) -> bytes:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    tail = os.pread(descriptor, 2 * LINE_BYTES_MAX, max(0, end - 2 * LINE_BYTES_MAX))
    return tail[tail.rfind(b"\n", 0, -1) + 1 :]


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
