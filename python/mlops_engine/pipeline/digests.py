"""Digests of values, files, code and tables: what a result depends on, and what it is."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_engine.registry.hashing import digest_file

if TYPE_CHECKING:
    import polars as pl

__all__ = ["digest_of", "file_digests", "frame_digest", "library_versions", "source_digest"]


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys; hexadecimal.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digests(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of each file below a folder, by its relative name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            facts = digest_file(path)
            name = path.relative_to(folder).as_posix()
            found[name] = {"sha256": facts.sha256, "bytes": facts.bytes}
    return found


def source_digest(modules: Iterable[str]) -> str:
    """SHA-256 over the source of modules: other code may give other results."""
    digest = hashlib.sha256()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"there is no module {name}")
        # A package stands for all of it: what its parts import from each other decides too.
        origin = Path(spec.origin)
        files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
        for path in files:
            text = path.read_bytes()
            digest.update(f"{name} {path.relative_to(origin.parent)} {len(text)}\n".encode())
            digest.update(text)
    return digest.hexdigest()


def library_versions(names: Iterable[str]) -> Mapping[str, str | None]:
    """Installed versions by name, found without importing anything; None for what is not there."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def frame_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's names, types and values: the same however it was stored."""
    import polars as pl

    digest = hashlib.sha256()
    digest.update(f"{frame.height}\n".encode())
    for column in frame:
        digest.update(f"{column.name} {column.dtype}\n".encode())
        present = column.is_not_null().to_numpy()
        digest.update(present.tobytes())
        values = column.filter(column.is_not_null())
        if values.dtype in (pl.Categorical, pl.Enum):
            values = values.cast(pl.String)
        if values.dtype == pl.String:
            digest.update(values.str.len_bytes().to_numpy().tobytes())
            digest.update("".join(values.to_list()).encode())
        elif values.dtype.is_numeric() or values.dtype.is_temporal() or values.dtype == pl.Boolean:
            digest.update(values.to_physical().to_numpy().tobytes())
        else:
            digest.update(repr(values.to_list()).encode())
    return digest.hexdigest()
