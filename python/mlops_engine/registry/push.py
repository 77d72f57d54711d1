"""Into a registry: a bundle with a manifest, a version that says what changed, and a signature."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlops_engine.errors import AlreadyExists, InvalidArgument, NotFound

from .address import Address, Selector
from .hashing import digest_file
from .manifest import (
    FILE_NAME,
    MODEL_FILE,
    SIGNATURE_FILE,
    FileFacts,
    Manifest,
    decode,
    digest,
    encode,
)
from .names import HEAD_BYTES, check_file_names, check_head, check_model_name
from .reference import resolve
from .semver import Change, SemanticVersion
from .signing import sign
from .source import Source, Version
from .sources.folder import list_folder

FIRST = "1.0.0"
VERSION_TAG, DIGEST_TAG = "semantic_version", "digest"


class Registry(Source, Protocol):
    """A source that can be written to."""

    def versions(self, model: str) -> Sequence[Version]:
        """List all versions of a model; `NotFound` if it has none."""
        ...

    def publish(self, model: str, files: Mapping[str, Path], tags: Mapping[str, str]) -> Version:
        """Make a new version of these files; it is visible when all of it is there."""
        ...

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """Let an alias mean a version from now on."""
        ...

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        ...


@dataclass(frozen=True)
class Pushed:
    """What `push` made."""

    version: Version
    semantic_version: str
    digest: str


def push(
    registry: Registry,
    model: str,
    path: Path,
    *,
    semantic_version: str | None = None,
    tags: Mapping[str, str] | None = None,
    private_key: bytes | None = None,
    password: str | None = None,
) -> Pushed:
    """Register a version.

    Parameters
    ----------
    path
        A folder with `model.onnx` (the facts of a `bundle.json` in it are kept), or an ONNX file.
    semantic_version
        By default computed from what changed since the highest version (`change_since`).
    private_key
        PEM, to sign with.

    Raises
    ------
    AlreadyExists
        The highest version has the very same files.
    InvalidArgument
        A pull would refuse the bundle; or `semantic_version` is less than what changed.
    """
    previous = highest(registry, model)
    files, data = complete(previous, model, path, semantic_version)
    manifest = decode(data)
    if previous is not None and dict(previous.files) == dict(manifest.files):
        raise AlreadyExists(f"{model!r} {previous.semantic_version} has the very same files")
    computed = manifest.semantic_version
    with tempfile.TemporaryDirectory(prefix="mlops-push-") as scratch:
        files[FILE_NAME] = Path(scratch) / FILE_NAME
        files[FILE_NAME].write_bytes(data)
        if private_key is not None:
            files[SIGNATURE_FILE] = Path(scratch) / SIGNATURE_FILE
            files[SIGNATURE_FILE].write_bytes(sign(decode(data), data, private_key, password))
        said = {VERSION_TAG: computed, DIGEST_TAG: digest(data), **(tags or {})}
        version = registry.publish(model, files, said)
    return Pushed(version, computed, digest(data))


def complete(
    previous: Manifest | None, model: str, path: Path, semantic_version: str | None = None
) -> tuple[dict[str, Path], bytes]:
    """Return the files of a version that is to be, and its manifest, with a semantic version.

    Parameters
    ----------
    previous
        The version that this one comes after.

    Raises
    ------
    InvalidArgument
        A pull would refuse the bundle; or `semantic_version` is less than what changed.
    """
    check_model_name(model)
    files, facts = _collect(path)
    found = {name: _facts(name, file) for name, file in files.items()}
    facts |= {"name": model, "semantic_version": FIRST}
    computed = _next_version(previous, decode(encode(found, facts)))
    if semantic_version is not None:
        computed = _at_least(computed, semantic_version, previous)
    return files, encode(found, {**facts, "semantic_version": computed})


def change_since(previous: Manifest, new: Manifest) -> Change:
    """Say how large a change is: what callers see, what was learned, or neither.

    Another signature is major. The same data and options, as far as both lineages say them, make a
    rebuild: patch. Everything else was trained again: minor.
    """
    if _shapes(previous) != _shapes(new):
        return "major"
    keys = ("fingerprint", "data", "options")
    old, young = ({k: m.lineage.get(k) for k in keys} for m in (previous, new))
    known = old["data"] is not None
    same = (old["data"], old["options"]) == (young["data"], young["options"])
    return "patch" if known and same else "minor"


def _shapes(manifest: Manifest) -> object:
    """Return what of a signature callers depend on, with the names of features."""
    return manifest.raw.get("signature")


def _next_version(previous: Manifest | None, new: Manifest) -> str:
    if previous is None:
        return FIRST
    return str(previous.version.raised(change_since(previous, new)))


def _at_least(computed: str, wanted: str, previous: Manifest | None) -> str:
    version = SemanticVersion.parse(wanted)
    if previous is not None and version < SemanticVersion.parse(computed):
        raise InvalidArgument(
            f"{wanted} is less than what changed since {previous.semantic_version}: {computed}"
        )
    return str(version)


def _collect(path: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the files of a bundle that is to be, and what is known of it."""
    if path.is_file():
        return {MODEL_FILE: path}, {}
    files = {file.name: Path(file.locator) for file in list_folder(path)}
    files.pop(SIGNATURE_FILE, None)
    manifest = files.pop(FILE_NAME, None)
    if MODEL_FILE not in files:
        raise InvalidArgument(f"{path} has no {MODEL_FILE}")
    check_file_names(files)
    if manifest is None:
        return files, {}
    raw = dict(decode(manifest.read_bytes()).raw)
    return files, {k: v for k, v in raw.items() if k not in {"format", "files", "semantic_version"}}


def _facts(name: str, path: Path) -> FileFacts:
    with path.open("rb") as file:
        check_head(name, file.read(HEAD_BYTES))
    return digest_file(path)


def highest(registry: Registry, model: str) -> Manifest | None:
    """Return the manifest of the version with the highest semantic version, or of the newest."""
    for selector in (Selector("range", "*"), Selector()):
        with contextlib.suppress(NotFound):
            return resolve(Address(model, selector), registry).manifest
    return None
