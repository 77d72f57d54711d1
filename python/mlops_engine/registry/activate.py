"""A bundle into a model repository that a server is looking at: whole, or not at all.

    <repository>/<model>/<number>/      the version: links to the store's files, and bundle.json
    <repository>/<model>/config.pbtxt   if the bundle brings one
    <repository>/<model>/.pulled        digests of what pulls put there, and may replace

The folder is made under a hidden name, which no server takes for a version, and renamed into
place; only then do other versions leave. Whoever looks in between sees the old version, or both.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlops_engine.errors import InvalidArgument

from .bundle import Bundle
from .manifest import FILE_NAME, SIGNATURE_FILE, digest
from .store import Store, place, sync_folder, write_file

CONFIG = "config.pbtxt"
# Not the prefix of other writers: what begins with these is ours to remove.
_STAGING, _RETIRED, _LOCK, _PULLED = ".pull-", ".retired-", ".lock-pull", ".pulled"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_libc = ctypes.CDLL(None, use_errno=True)


def activate(
    store: Store, repository: Path, model: str, number: int, bundle: Bundle
) -> tuple[Path, bool]:
    """Make this version the only one of a model; returns its folder, and whether anything changed.

    Raises
    ------
    InvalidArgument
        If the folder has versions that no pull put there: they are not ours to remove.
    OSError
        If the repository cannot be written. What served before is then still there.
    """
    folder = repository / model
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _clean(folder)
        others = _refuse_foreign(folder, number, bundle)
        target = folder / str(number)
        changed = not _is_same(target, bundle)
        if changed:  # before it is there: whenever this ends, what is there is known as ours
            _remember(folder, list(dict.fromkeys([*_pulled(folder), bundle.digest])))
        if changed:
            _put(store, target, bundle)
        for other in others:
            retired = Path(tempfile.mkdtemp(prefix=_RETIRED, dir=folder))
            other.rename(retired / other.name)
            changed = True
        sync_folder(folder)
        _remember(folder, [bundle.digest])
        _clean(folder)
    return target, changed


def active(repository: Path, model: str) -> list[int]:
    """List the version numbers that are in a repository, ascending."""
    folder = repository / model
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal() and p.is_dir())


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _clean(folder: Path) -> None:
    """Remove what a process that died, or the last step, left behind."""
    for path in folder.iterdir():
        if path.name.startswith((_STAGING, _RETIRED)) and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _refuse_foreign(folder: Path, number: int, bundle: Bundle) -> list[Path]:
    """Return the versions that are to leave; refuse if one was not put there by a pull."""
    ours = {*_pulled(folder), bundle.digest}
    numbers = [p for p in folder.iterdir() if p.name.isdecimal() and p.is_dir()]
    for path in numbers:
        manifest = path / FILE_NAME
        if not manifest.is_file() or digest(manifest.read_bytes()) not in ours:
            raise InvalidArgument(
                f"{path} was put there by other means than a pull, and is not replaced: move it"
                " away, or pull into another repository or under another name"
            )
    return [p for p in numbers if int(p.name) != number]


def _pulled(folder: Path) -> list[str]:
    """Return the digests of what pulls put into a model's folder."""
    try:
        return (folder / _PULLED).read_text().split()
    except FileNotFoundError:
        return []


def _remember(folder: Path, digests: list[str]) -> None:
    if _pulled(folder) != digests:
        with tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder) as staging:
            write_file(Path(staging) / _PULLED, "\n".join(digests).encode())
            (Path(staging) / _PULLED).rename(folder / _PULLED)


def _is_same(target: Path, bundle: Bundle) -> bool:
    """Whether all of it is in place. Contents were checked when they were put there."""
    try:
        if (target / FILE_NAME).read_bytes() != bundle.data:
            return False
        return all(
            (target / name).stat().st_size == facts.bytes
            for name, facts in bundle.manifest.files.items()
            if name != CONFIG
        )
    except OSError:
        return False


def _put(store: Store, target: Path, bundle: Bundle) -> None:
    files = dict(bundle.manifest.files)
    config = files.pop(CONFIG, None)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=target.parent))
    staging.chmod(0o755)
    folders = {staging}
    for name, facts in files.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.add(path.parent)
        place(store.blob(facts.sha256), path)
    write_file(staging / FILE_NAME, bundle.data)
    if bundle.signature is not None:
        write_file(staging / SIGNATURE_FILE, bundle.signature)
    for made in folders:
        sync_folder(made)
    if config is not None:
        _put_config(target.parent, store.blob(config.sha256).read_bytes())
    if target.exists():
        _exchange(staging, target)
    else:
        staging.rename(target)


def _put_config(folder: Path, data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder) as staging:
        write_file(Path(staging) / CONFIG, data)
        (Path(staging) / CONFIG).rename(folder / CONFIG)


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places in one step."""
    arguments = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if _libc.renameat2(*arguments) != 0:
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number), str(other))
        # A file system without it: two steps, and a look between them sees no version.
        aside = one.with_name(one.name.replace(_STAGING, _RETIRED))
        aside.mkdir()
        other.rename(aside / other.name)
        one.rename(other)
