"""The version bundle: a directory that is published whole or not at all. Standard library only.

`<repository>/<model>/<number>/` holds `model.onnx`, `bundle.json` (the manifest, with the SHA-256
of every other file) and `model_card.md`. A published version is never changed: another model is
another number.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .source import TrainError, sha256

MANIFEST, MODEL_FILE, CARD = "bundle.json", "model.onnx", "model_card.md"
FORMAT = 1


class BundleError(TrainError):
    """A bundle is incomplete, or a file in it is not the one that was published."""


@dataclass(frozen=True)
class Bundle:
    """A published version.

    Attributes
    ----------
    directory
        `<repository>/<model>/<number>`.
    manifest
        Contents of `bundle.json`.
    """

    directory: Path
    manifest: Mapping[str, Any]

    @property
    def number(self) -> int:
        """The version number, which is the name of the directory."""
        return int(self.directory.name)


def numbers(model_directory: Path) -> list[int]:
    """List the version numbers of a model, ascending; empty if there is no such model."""
    if not model_directory.is_dir():
        return []
    return sorted(int(d.name) for d in model_directory.iterdir() if d.name.isdecimal())


def latest(repository: Path, model: str) -> Bundle | None:
    """Read the highest version of a model, the one that a server serves by default.

    Returns
    -------
    Bundle or None
        None if the model has no version.

    Raises
    ------
    BundleError
        If that version has no readable manifest (it may have been made by other tools), or a
        file does not have the digest in it.
    """
    found = numbers(repository / model)
    if not found:
        return None
    directory = repository / model / str(found[-1])
    manifest = _read_manifest(directory)
    for name, facts in manifest["files"].items():
        path = directory / name
        if not path.is_file() or sha256(path) != facts["sha256"]:
            raise BundleError(f"{path} is not the file that was published")
    return Bundle(directory, manifest)


def predecessor(repository: Path, model: str) -> Mapping[str, Any] | None:
    """Read the manifest of the highest version that has one, its files unchecked."""
    for number in reversed(numbers(repository / model)):
        with contextlib.suppress(BundleError):
            return _read_manifest(repository / model / str(number))
    return None


def _read_manifest(directory: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text())
        complete = all("sha256" in facts for facts in manifest["files"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{directory} has no readable {MANIFEST}: {error!r}") from error
    if not complete:
        raise BundleError(f"{directory} has no readable {MANIFEST}: a file without digest")
    return manifest


def semantic_version(previous: Mapping[str, Any] | None, signature: Mapping[str, Any]) -> str:
    """Raise the previous version: a new signature is major, a retraining minor."""
    if previous is None:
        return "1.0.0"
    major, minor = (int(part) for part in previous["semantic_version"].split(".")[:2])
    return f"{major}.{minor + 1}.0" if previous["signature"] == signature else f"{major + 1}.0.0"


def publish(
    repository: Path, model: str, files: Mapping[str, bytes], manifest: Mapping[str, Any]
) -> Bundle:
    """Write the next version of a model: everything into a hidden directory, then one rename.

    Parameters
    ----------
    files
        Contents by name, `model.onnx` among them.
    manifest
        All of `bundle.json` except `format` and `files`, which are added here.

    Raises
    ------
    OSError
        If the repository cannot be written; nothing is left behind.
    """
    model_directory = repository / model
    model_directory.mkdir(parents=True, exist_ok=True)
    # A leading dot: no server takes it for a version.
    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=model_directory))
    try:
        staging.chmod(0o755)
        for name, data in files.items():
            _write(staging / name, data)
        entries = {
            name: {"sha256": sha256(staging / name), "bytes": len(data)}
            for name, data in files.items()
        }
        complete = {"format": FORMAT, **manifest, "files": entries}
        text = json.dumps(complete, indent=2, ensure_ascii=False) + "\n"
        _write(staging / MANIFEST, text.encode())
        _sync(staging)
        directory = _rename_to_next(staging, model_directory)
        _sync(model_directory)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return Bundle(directory, complete)


def _rename_to_next(staging: Path, model_directory: Path) -> Path:
    """Rename to one more than the highest number, or further if another process was first."""
    number = max(numbers(model_directory), default=0) + 1
    while True:
        try:
            return staging.rename(model_directory / str(number))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            number += 1


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def code_revision(directory: Path, file: str = Path(__file__).name) -> dict[str, Any] | None:
    """Git revision of the code in `directory`, which has `file`, and whether it was changed since.

    None where the code is not tracked by git (an installed wheel).
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(directory), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file)
        changed = bool(git("status", "--porcelain", "--", "."))
        return {"git": git("rev-parse", "HEAD"), "changed_since": changed}
    except (OSError, subprocess.SubprocessError):
        return None
