"""The embedded registry: folders of versions, and one SQLite file that says what they are called.

<root>/index.sqlite
<root>/models/<model>/<number>/   a version, published by a rename and never changed
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_engine.errors import AlreadyExists, InvalidArgument, NotFound, Unavailable

from ..address import Selector
from ..hashing import HashingWriter, digest_file
from ..manifest import FILE_NAME, SIGNATURE_FILE, FileFacts, decode, digest, encode
from ..names import HEAD_BYTES, check_file_names, check_head, check_model_name
from ..source import Body, RemoteFile, Version, select
from ..store import sync_folder
from .folder import FileBody, list_folder

BUSY_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
  model TEXT NOT NULL, number INTEGER NOT NULL, semantic_version TEXT NOT NULL,
  digest TEXT NOT NULL, created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (model, number)) STRICT;
CREATE TABLE IF NOT EXISTS tags (
  model TEXT NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (model, number, key),
  FOREIGN KEY (model, number) REFERENCES versions) STRICT;
CREATE TABLE IF NOT EXISTS aliases (
  model TEXT NOT NULL, alias TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, number) REFERENCES versions) STRICT;
"""


def default_root() -> Path:
    """Return the registry of this user."""
    return Path.home() / ".local" / "share" / "mlops-engine" / "registry"


class LocalRegistry:
    """A registry in a folder. Safe between threads and processes of one machine."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()
        self._models = self.root / "models"
        self._models.mkdir(parents=True, exist_ok=True)
        with self._index() as index:
            index.executescript(_SCHEMA)

    @property
    def name(self) -> str:
        """Where it is."""
        return self.root.absolute().as_uri()

    def find(self, model: str, selector: Selector) -> Version:
        """Find a version by number, alias, range or tag."""
        return select(model, selector, self.versions(model))

    def versions(self, model: str) -> Sequence[Version]:
        """List all versions of a model.

        Raises
        ------
        NotFound
            If it has none.
        """
        with self._index() as index:
            rows = index.execute(
                "SELECT number, semantic_version FROM versions WHERE model = ? ORDER BY number",
                (check_model_name(model),),
            ).fetchall()
            tags = _grouped(index, "SELECT number, key, value FROM tags WHERE model = ?", model)
            aliases = _grouped(index, "SELECT number, alias, 0 FROM aliases WHERE model = ?", model)
        if not rows:
            raise NotFound(f"{self.name} has no model {model!r}")
        return [
            Version(
                model,
                str(number),
                semantic,
                tags.get(number, {}),
                tuple(aliases.get(number, {})),
                str(self._models / model / str(number)),
            )
            for number, semantic in rows
        ]

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List the files of a version."""
        return list_folder(Path(version.locator))

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a file."""
        return FileBody(Path(file.locator), offset)

    def register(
        self,
        model: str,
        files: Mapping[str, Path],
        facts: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
    ) -> Version:
        """Publish a version with a manifest that is made here.

        Parameters
        ----------
        files
            Where the file of each name is now; they are copied.
        facts
            What `bundle.json` says beside the files; `semantic_version` is needed.

        Raises
        ------
        InvalidArgument
            For names and kinds of files that a pull would refuse.
        """
        check_file_names(files)
        found = {name: digest_file(path) for name, path in files.items()}
        with tempfile.TemporaryDirectory(prefix="mlops-register-") as scratch:
            manifest = Path(scratch) / FILE_NAME
            manifest.write_bytes(encode(found, {"name": model, **facts}))
            return self.publish(model, {**files, FILE_NAME: manifest}, tags or {})

    def publish(self, model: str, files: Mapping[str, Path], tags: Mapping[str, str]) -> Version:
        """Publish a version whose manifest is among its files; they are copied, and checked.

        Raises
        ------
        InvalidArgument
            If they are not the files of the manifest, or of kinds that a pull would refuse.
        """
        folder = self._models / check_model_name(model)
        folder.mkdir(exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder))
        try:
            staging.chmod(0o755)
            found = {name: _copy(path, staging / name, name) for name, path in files.items()}
            data = (staging / FILE_NAME).read_bytes()
            for name in (FILE_NAME, SIGNATURE_FILE):
                found.pop(name, None)
            if dict(decode(data).files) != found:
                raise InvalidArgument(f"the files are not those of {FILE_NAME}")
            for made in {path.parent for path in staging.rglob("*")}:
                sync_folder(made)
            number = self._publish(model, staging, data, dict(tags))
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return self.find(model, Selector("version", str(number)))

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """Let an alias mean a version from now on."""
        with self._index() as index:
            _require(index, model, number)
            index.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", (model, alias, number))

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        with self._index() as index:
            _require(index, model, number)
            row = (model, number, key, value)
            index.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?)", row)

    def _publish(self, model: str, staging: Path, data: bytes, tags: dict[str, str]) -> int:
        """Choose the next number, rename, and write the index, with no other writer between."""
        folder = staging.parent
        with self._index() as index:
            index.execute("BEGIN IMMEDIATE")
            # A folder without a row is what a killed process left: its number is not used again.
            taken = [int(p.name) for p in folder.iterdir() if p.name.isdecimal()]
            number = max(taken, default=0) + 1
            staging.rename(folder / str(number))
            sync_folder(folder)
            row = (model, number, decode(data).semantic_version, digest(data))
            index.execute(
                "INSERT INTO versions (model, number, semantic_version, digest)"
                " VALUES (?, ?, ?, ?)",
                row,
            )
            rows = [(model, number, key, value) for key, value in tags.items()]
            index.executemany("INSERT INTO tags VALUES (?, ?, ?, ?)", rows)
        return number

    @contextlib.contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.root / "index.sqlite", timeout=BUSY_S)
        except sqlite3.Error as error:
            raise Unavailable(f"{self.name}: {error}") from error
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                yield connection
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(f"{self.name}: {error}") from error
        except sqlite3.Error as error:
            raise Unavailable(f"{self.name}: {error}") from error
        finally:
            connection.close()


def _grouped(index: sqlite3.Connection, query: str, model: str) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for number, key, value in index.execute(query, (model,)):
        found.setdefault(number, {})[key] = value
    return found


def _require(index: sqlite3.Connection, model: str, number: int) -> None:
    query = "SELECT 1 FROM versions WHERE model = ? AND number = ?"
    if index.execute(query, (model, number)).fetchone() is None:
        raise NotFound(f"{model!r} has no version {number}")


def _copy(source: Path, target: Path, name: str) -> FileFacts:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb", buffering=0) as file, target.open("xb", buffering=0) as copy:
        total = 0
        with HashingWriter(copy.fileno()) as writer:
            while True:
                buffer = writer.buffer()
                count = file.readinto(buffer) or 0
                if total == 0:
                    check_head(name, bytes(buffer[: min(count, HEAD_BYTES)]))
                if count == 0:
                    os.fsync(copy.fileno())
                    return FileFacts(writer.hexdigest(), total)
                writer.append(buffer, count)
                total += count
