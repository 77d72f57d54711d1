"""A pipeline's file, read and checked as a whole before anything runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument
from mlops_engine.registry.names import check_model_name

from .digests import digest_of
from .sections import Pipeline, convert, near

__all__ = ["Plan", "Reader"]

# Makes a record of a section's table; `InvalidArgument` says what is wrong.
Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    document
        The file as it was written, after `--set`.
    folder
        Of the file: paths in it are relative to this, and hooks are looked for here first.
    sections
        The records of the sections that are there.
    hooks
        `module:function` by stage.
    """

    document: Mapping[str, Any]
    folder: Path
    pipeline: Pipeline
    sections: Mapping[str, Any]
    hooks: Mapping[str, str]

    @property
    def runs(self) -> Path:
        """Where results and records are kept."""
        return self.folder / self.pipeline.runs

    @property
    def digest(self) -> str:
        """Of the whole document."""
        return digest_of(json.loads(json.dumps(self.document, default=str)))

    @classmethod
    def from_toml(
        cls,
        path: str | Path,
        readers: Mapping[str, Reader],
        stages: Sequence[str],
        changes: Sequence[str] = (),
        needed: Sequence[str] = (),
    ) -> Plan:
        """Read a file.

        Parameters
        ----------
        readers
            Of each section that there may be.
        stages
            Names that `[hooks]` may have.
        changes
            `section.name=value`, the value as TOML or else as text.
        needed
            Sections that must be there, if only as their heading.

        Raises
        ------
        InvalidArgument
            Says what is wrong, and where.
        """
        path = Path(path)
        try:
            document = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"{path}: {error}") from None
        for change in changes:
            _set(document, change)
        return cls.from_document(document, path.resolve().parent, readers, stages, needed)

    @classmethod
    def from_document(
        cls,
        document: Mapping[str, Any],
        folder: Path,
        readers: Mapping[str, Reader],
        stages: Sequence[str],
        needed: Sequence[str] = (),
    ) -> Plan:
        """Make a plan of a document; see `from_toml`."""
        known = {"pipeline", "hooks", *readers}
        for name in document:
            if name not in known:
                raise InvalidArgument(f"there is no section [{name}]{near(name, known)}")
        for name in ("pipeline", *needed):
            if name not in document:
                raise InvalidArgument(f"the section [{name}] is missing")
        pipeline = convert(document["pipeline"], Pipeline, "pipeline")
        check_model_name(pipeline.model)
        hooks = convert(document.get("hooks", {}), dict[str, str], "hooks")
        for name in hooks:
            if name not in stages:
                raise InvalidArgument(f"[hooks] has no stage {name!r}{near(name, stages)}")
        sections = {
            name: reader(document[name]) for name, reader in readers.items() if name in document
        }
        return cls(document, folder, pipeline, sections, hooks)


def _set(document: dict[str, Any], change: str) -> None:
    name, found, text = change.partition("=")
    keys = name.strip().split(".")
    if not found or not all(keys):
        raise InvalidArgument(f"{change!r} is not section.name=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = document
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise InvalidArgument(f"{change!r}: {key!r} is no table")
    table[keys[-1]] = value
