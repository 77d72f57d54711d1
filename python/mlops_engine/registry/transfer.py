"""One file from a source to the disk: resumed, bounded, digested on the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlops_engine.errors import InvalidArgument, ResourceExhausted, Unavailable

from .hashing import HashingWriter
from .manifest import FILE_BYTES_MAX, FileFacts
from .names import HEAD_BYTES, check_head
from .pace import Backoff, Bandwidth, Clock, SystemClock
from .source import Body, RemoteFile, Source

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass
class Transfer:
    """How files are fetched.

    Attributes
    ----------
    attempts
        How often in a row a file may fail without a byte of progress.
    backoff
        Makes the pause after a failure.
    bandwidth
        Shared by everything that must stay within one bound.
    free_bytes_min
        What must stay free on the disk.
    """

    attempts: int = 5
    clock: Clock = field(default_factory=SystemClock)
    backoff: Callable[[], Backoff] = lambda: Backoff(first_s=0.5, most_s=30)
    bandwidth: Bandwidth = field(default_factory=Bandwidth)
    free_bytes_min: int = 64 << 20

    def fetch(self, source: Source, file: RemoteFile, part: Path) -> FileFacts:
        """Bring a file to `part`, going on with what is there; return what came.

        On return the file is on the disk (fsync) and is what the source said, as far as it said
        anything. After `Unavailable`, `part` holds what came, to go on with later.

        Raises
        ------
        Unavailable
            The source failed `attempts` times in a row.
        InvalidArgument
            The file is not the one that was announced, twice; or is of a kind that is refused.
        ResourceExhausted
            The disk is full. `part` is removed, so that it is not the next pull's problem.
        """
        try:
            self._check_room(file, part)
            facts = self._fetch(source, file, part)
            if file.sha256 not in {None, facts.sha256}:
                # What was there before may have been another file's, or a bit fell over on its way.
                part.unlink()
                facts = self._fetch(source, file, part)
            if file.sha256 not in {None, facts.sha256}:
                part.unlink()
                raise InvalidArgument(
                    f"{file.name!r} from {source.name} has the SHA-256 {facts.sha256},"
                    f" and should have {file.sha256}"
                )
        except InvalidArgument:
            part.unlink(missing_ok=True)
            raise
        except OSError as error:
            if error.errno not in _FULL:
                raise
            part.unlink(missing_ok=True)
            raise ResourceExhausted(f"no room for {file.name!r}: {error.strerror}") from error
        return facts

    def _check_room(self, file: RemoteFile, part: Path) -> None:
        there = part.stat().st_size if part.exists() else 0
        disk = os.statvfs(part.parent)
        free = disk.f_bavail * disk.f_frsize
        if (file.bytes or 0) - there + self.free_bytes_min > free:
            raise ResourceExhausted(
                f"no room for {file.name!r}: {file.bytes or 0} bytes, and {free} are free, of which"
                f" {self.free_bytes_min} must stay so"
            )

    def _fetch(self, source: Source, file: RemoteFile, part: Path) -> FileFacts:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with HashingWriter(descriptor) as writer:
                done = self._copy_all(source, file, writer, os.fstat(descriptor).st_size)
                check_head(file.name, os.pread(descriptor, HEAD_BYTES, 0))
                os.fsync(descriptor)
                return FileFacts(writer.hexdigest(), done)
        finally:
            os.close(descriptor)

    def _copy_all(self, source: Source, file: RemoteFile, writer: HashingWriter, done: int) -> int:
        limit = FILE_BYTES_MAX if file.bytes is None else file.bytes
        if done > limit:
            writer.restart()
            done = 0
        writer.adopt(done)
        backoff, failures = self.backoff(), 0
        while file.bytes is None or done < file.bytes:
            before = done
            try:
                body = source.open(file, done)
                try:
                    if body.start != done:
                        writer.restart()
                        before = done = 0
                    while count := self._copy_some(body, writer, limit - done, file):
                        done += count
                finally:
                    body.close()
                if file.bytes is None or done == file.bytes:
                    return done
                raise Unavailable(f"{file.name!r} ended after {done} of {file.bytes} bytes")
            except Unavailable:
                failures = 1 if done > before else failures + 1
                if failures >= self.attempts:
                    raise
                if done > before:
                    backoff.succeeded()
                self.clock.sleep(backoff.next_s())
        return done

    def _copy_some(self, body: Body, writer: HashingWriter, room: int, file: RemoteFile) -> int:
        buffer = writer.buffer()
        try:
            count = body.readinto(memoryview(buffer))
        except BaseException:
            writer.release(buffer)
            raise
        if count > room:
            writer.release(buffer)
            raise InvalidArgument(
                f"{file.name!r} is longer than the {file.bytes} bytes it should be"
            )
        writer.append(buffer, count)
        self.bandwidth.spent(count)
        return count
