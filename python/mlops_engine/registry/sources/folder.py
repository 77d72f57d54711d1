"""A folder laid out as Triton's repository: versions are numbers, files lie in their folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from mlops_engine.errors import InvalidArgument, NotFound, Unavailable

from ..address import Selector
from ..manifest import FILE_NAME, MANIFEST_BYTES_MAX, Manifest, decode
from ..names import check_model_name
from ..source import Body, RemoteFile, Version, select

CONFIG = "config.pbtxt"


class FileBody:
    """A file on this machine, as a source's body."""

    def __init__(self, path: Path, offset: int) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise NotFound(f"{path} is not there") from None
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}") from error
        self.start = self._file.seek(offset)

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end."""
        try:
            return self._file.readinto(buffer) or 0
        except OSError as error:
            raise Unavailable(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FolderSource:
    """A model repository as Triton lays it out: no aliases, no tags.

    The semantic version is read from the `bundle.json` of versions that have one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def name(self) -> str:
        """Where it is."""
        return self.root.absolute().as_uri()

    def find(self, model: str, selector: Selector) -> Version:
        """Find a version by number, by range, or the newest."""
        folder = self.root / check_model_name(model)
        if not folder.is_dir():
            raise NotFound(f"{self.name} has no model {model!r}")
        numbers = [p for p in folder.iterdir() if p.name.isdecimal() and p.is_dir()]
        return select(model, selector, [self._version(model, path) for path in numbers])

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List a version's files, and the model's configuration as one of them."""
        folder = Path(version.locator)
        found = list(list_folder(folder))
        names = {file.name for file in found}
        config = folder.parent / CONFIG
        if config.is_file() and CONFIG not in names and self._says(folder, CONFIG):
            found.append(RemoteFile(CONFIG, config.stat().st_size, locator=str(config)))
        return found

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a file."""
        return FileBody(Path(file.locator), offset)

    def _version(self, model: str, folder: Path) -> Version:
        manifest = _manifest(folder)
        semantic = manifest.semantic_version if manifest else None
        return Version(model, folder.name, semantic, locator=str(folder))

    def _says(self, folder: Path, name: str) -> bool:
        """Whether a file is part of a version: it is listed, or nothing is."""
        manifest = _manifest(folder)
        return manifest is None or name in manifest.files


def _manifest(folder: Path) -> Manifest | None:
    path = folder / FILE_NAME
    try:
        if path.is_file() and path.stat().st_size <= MANIFEST_BYTES_MAX:
            return decode(path.read_bytes())
    except (InvalidArgument, OSError):
        return None  # said clearly by `resolve`, if this is the version that is meant
    return None


def list_folder(folder: Path) -> Sequence[RemoteFile]:
    """List the plain files below a folder.

    Raises
    ------
    InvalidArgument
        If there is a link, a device or the like.
    """
    found = []
    for parent, folders, names in os.walk(folder):
        for name in [*names, *folders]:
            path = Path(parent) / name
            mode = path.lstat()
            if stat.S_ISREG(mode.st_mode):
                relative = path.relative_to(folder).as_posix()
                found.append(RemoteFile(relative, mode.st_size, locator=str(path)))
            elif not stat.S_ISDIR(mode.st_mode):
                raise InvalidArgument(f"{path} is neither a plain file nor a folder")
    return sorted(found, key=lambda file: file.name)
