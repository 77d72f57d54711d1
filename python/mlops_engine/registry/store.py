"""Files by their digest, on a disk that several engines share.

    store/
      lock                      held by all that pull, taken alone by what collects
      blobs/sha256/ab/abcd…     files, read-only
      bundles/<digest>.json     manifests; what a bundle's digest is the digest of; <digest>.sig
      staging/<key>.part        what is under way, or was when a process died; <key>.lock beside it
      models/<model>.json       what was good, what was bad (`history.py`)

A file gets its name under `blobs` by a rename when all of it is on the disk and has that digest: no
reader can see half of one, whenever a process is killed. Locks are the kernel's (flock), so that a
dead process holds none.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlops_engine.errors import InvalidArgument, NotFound

from .manifest import FileFacts, digest


class Store:
    """A content-addressed store. Thread-safe, and safe between processes on one machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("blobs/sha256", "bundles", "staging", "models"):
            (root / folder).mkdir(parents=True, exist_ok=True, mode=0o755)

    def blob(self, sha256: str) -> Path:
        """Where the file with this digest is, if it is there."""
        return self.root / "blobs" / "sha256" / sha256[:2] / sha256

    def has(self, facts: FileFacts) -> bool:
        """Whether the file is there, judged by its name and size."""
        with contextlib.suppress(FileNotFoundError):
            return self.blob(facts.sha256).stat().st_size == facts.bytes
        return False

    def check(self, facts: FileFacts) -> bool:
        """Read the file again; remove it if it is not what its name says."""
        path = self.blob(facts.sha256)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return False
        if found != facts.sha256:
            path.unlink(missing_ok=True)
        return found == facts.sha256

    @contextlib.contextmanager
    def pulling(self) -> Iterator[None]:
        """Keep `collect` away while files are in the store that no bundle names yet."""
        with _locked(self.root / "lock", fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep everybody away, or yield False at once if somebody pulls."""
        try:
            with _locked(self.root / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False

    @contextlib.contextmanager
    def part(self, key: str) -> Iterator[Path]:
        """Own the partial file of this key, waiting for whoever has it."""
        name = hashlib.sha256(key.encode()).hexdigest()
        with _locked(self.root / "staging" / f"{name}.lock", fcntl.LOCK_EX):
            yield self.root / "staging" / f"{name}.part"

    def keep(self, part: Path, facts: FileFacts) -> None:
        """Give a complete, digested and synced file its place."""
        path = self.blob(facts.sha256)
        path.parent.mkdir(exist_ok=True)
        part.chmod(0o444)
        part.rename(path)
        sync_folder(path.parent)

    def put_bundle(self, data: bytes) -> str:
        """Keep a manifest; returns the bundle's digest."""
        name = digest(data)
        write_file(self._bundle_path(name), data)
        return name

    def bundle(self, name: str) -> bytes:
        """Read the manifest of a bundle.

        Raises
        ------
        NotFound
            If it is not here, or not what it should be (it is then removed).
        """
        path = self._bundle_path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the store has no bundle {name}") from None
        if digest(data) != name:
            path.unlink(missing_ok=True)
            raise NotFound(f"the store's bundle {name} was damaged, and is removed")
        return data

    def put_signature(self, name: str, data: bytes) -> None:
        """Keep the signature that came with a bundle."""
        write_file(self._bundle_path(name).with_suffix(".sig"), data)

    def signature(self, name: str) -> bytes | None:
        """Read the signature that came with a bundle, if one did."""
        with contextlib.suppress(FileNotFoundError):
            return self._bundle_path(name).with_suffix(".sig").read_bytes()
        return None

    def remove_bundle(self, name: str) -> None:
        """Forget a manifest and its signature."""
        for suffix in (".json", ".sig"):
            self._bundle_path(name).with_suffix(suffix).unlink(missing_ok=True)

    def bundles(self) -> list[str]:
        """List the digests of all bundles that are here."""
        return [f"sha256:{p.stem}" for p in (self.root / "bundles").glob("*.json")]

    def _bundle_path(self, name: str) -> Path:
        algorithm, _, hexadecimal = name.partition(":")
        if algorithm != "sha256" or len(hexadecimal) != 64 or not hexadecimal.isalnum():
            raise InvalidArgument(f"{name[:100]!r} is no digest of a bundle")
        return self.root / "bundles" / f"{hexadecimal}.json"


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, how)
            # `collect` may have removed the file between the two lines above.
            if _same(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def write_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole: after a power cut it is the old or the new one."""
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def place(blob: Path, target: Path) -> None:
    """Put a file of the store at `target`: the same file where that is possible, or a copy."""
    try:
        os.link(blob, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        _copy(blob, target)


def _copy(blob: Path, target: Path) -> None:
    with blob.open("rb") as source, target.open("xb") as copy:
        while os.sendfile(copy.fileno(), source.fileno(), None, 1 << 30):
            pass
        os.fchmod(copy.fileno(), 0o444)
        os.fsync(copy.fileno())
