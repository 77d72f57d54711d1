"""`index.json`: what a store of plain files says of a model's versions and aliases.

    <root>/<model>/index.json
    <root>/<model>/<version>/bundle.json, model.onnx, …

A web server or a bucket that holds this is a registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from mlops_engine.errors import InvalidArgument

from .source import Version

NAME = "index.json"
BYTES_MAX = 8 << 20
VERSIONS_MAX = 100_000
Number = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,17}$")]


class Entry(msgspec.Struct, frozen=True):
    """A version. With `digest`, its `bundle.json` must have that."""

    semantic_version: str | None = None
    tags: dict[str, str] = {}
    digest: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    signed: bool = False


class Catalog(msgspec.Struct, frozen=True):
    """All versions of a model."""

    format: Literal[1] = 1
    versions: Annotated[dict[Number, Entry], msgspec.Meta(max_length=VERSIONS_MAX)] = {}
    aliases: dict[str, Number] = {}

    def listed(self, model: str, root: str) -> list[Version]:
        """Return the versions as a source gives them."""
        aliases: dict[str, list[str]] = {}
        for alias, number in self.aliases.items():
            aliases.setdefault(number, []).append(alias)
        return [
            Version(
                model,
                number,
                entry.semantic_version,
                entry.tags,
                tuple(aliases.get(number, ())),
                f"{root}/{number}",
            )
            for number, entry in self.versions.items()
        ]

    def with_version(self, number: str, entry: Entry) -> Catalog:
        """Return a catalog with one version more."""
        return msgspec.structs.replace(self, versions={**self.versions, number: entry})

    def with_aliases(self, aliases: Mapping[str, str]) -> Catalog:
        """Return a catalog with aliases moved."""
        return msgspec.structs.replace(self, aliases={**self.aliases, **aliases})

    def encoded(self) -> bytes:
        """Return the bytes of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def decode(data: bytes, where: str) -> Catalog:
    """Read a catalog that anyone may have written.

    Raises
    ------
    InvalidArgument
        Says what is wrong.
    """
    try:
        return msgspec.convert(json.loads(data.decode()), Catalog)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InvalidArgument(f"{where}/{NAME} is not valid: {error}") from error
