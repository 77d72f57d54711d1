"""Write a file and digest it, side by side: SHA-256 costs as much as the network on a loopback."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from pathlib import Path
from types import TracebackType

from .manifest import FileFacts

BUFFER_BYTES = 1 << 20
BUFFERS = 4


class HashingWriter:
    """Appends to a file descriptor and digests what it appends, in a thread of its own.

    Memory is `BUFFERS` times `BUFFER_BYTES`, whatever the file's size. Use as a context manager.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._sha256 = hashlib.sha256()
        self._free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self._filled: queue.SimpleQueue[tuple[bytearray, int] | None] = queue.SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(bytearray(BUFFER_BYTES))
        self._thread: threading.Thread | None = None

    def __enter__(self) -> HashingWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._join()

    def buffer(self) -> bytearray:
        """Take a buffer to fill; `append` or `release` gives it back."""
        return self._free.get()

    def release(self, buffer: bytearray) -> None:
        """Give a buffer back that is not used after all."""
        self._free.put(buffer)

    def append(self, buffer: bytearray, count: int) -> None:
        """Write and digest the first `count` bytes of a buffer that `buffer` gave.

        Raises
        ------
        OSError
            If the disk is full; part of it may have been written.
        """
        view = memoryview(buffer)[:count]
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            self._free.put(buffer)
            raise
        self._digest(buffer, count)

    def adopt(self, length: int) -> None:
        """Digest the first `length` bytes, which are in the file already, and go on after them."""
        offset = 0
        while offset < length:
            buffer = self.buffer()
            view = memoryview(buffer)[: length - offset]
            count = os.preadv(self._descriptor, [view], offset)
            if count == 0:
                raise OSError("the file became shorter while it was read")
            self._digest(buffer, count)
            offset += count
        os.lseek(self._descriptor, length, os.SEEK_SET)

    def restart(self) -> None:
        """Forget everything: the file is empty again."""
        self._join()
        self._sha256 = hashlib.sha256()
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)

    def hexdigest(self) -> str:
        """Wait for the thread; return the digest of everything so far."""
        self._join()
        return self._sha256.hexdigest()

    def _digest(self, buffer: bytearray, count: int) -> None:
        if count < BUFFER_BYTES and self._thread is None:  # most files are small
            self._sha256.update(memoryview(buffer)[:count])
            self._free.put(buffer)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="mlops-sha256", daemon=True)
            self._thread.start()
        self._filled.put((buffer, count))

    def _loop(self) -> None:
        while (item := self._filled.get()) is not None:
            buffer, count = item
            self._sha256.update(memoryview(buffer)[:count])
            self._free.put(buffer)

    def _join(self) -> None:
        if self._thread is not None:
            self._filled.put(None)
            self._thread.join()
            self._thread = None


def digest_file(path: Path) -> FileFacts:
    """Return size and digest of a file."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return FileFacts(found, file.seek(0, os.SEEK_END))
