"""The one small interface of everything that versions can come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mlops_engine.errors import InvalidArgument, NotFound

from .address import Selector
from .semver import SemanticVersion, VersionRange


@dataclass(frozen=True)
class Version:
    """A version as its source knows it.

    Attributes
    ----------
    id
        How the source names it: a number, or a revision's digest.
    semantic_version
        None if the source has none, or what it has is not one.
    tags, aliases
        As they are now; they may change, what `id` stands for must not.
    locator
        Where the files are, for the source itself.
    """

    model: str
    id: str
    semantic_version: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Sequence[str] = ()
    locator: str = ""

    @property
    def number(self) -> int | None:
        """The version number, if the source numbers its versions."""
        short = self.id.isascii() and self.id.isdecimal() and len(self.id) <= 18
        return int(self.id) if short and int(self.id) > 0 else None


@dataclass(frozen=True)
class RemoteFile:
    """A file of a version.

    Attributes
    ----------
    name
        Relative to the bundle.
    bytes, sha256
        As far as the source says; None where it does not.
    locator
        Where it is, for the source itself.
    """

    name: str
    bytes: int | None = None
    sha256: str | None = None
    locator: str = ""


class Body(Protocol):
    """The bytes of a file, from `start` on."""

    start: int

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; returns how much, 0 at the end.

        Raises
        ------
        Unavailable
            If the connection broke, or ended before the length it had announced.
        """
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


class Source(Protocol):
    """Somewhere that versions of models are kept.

    All methods raise `NotFound` for what is not there, `Unavailable` for what may work later and
    `InvalidArgument` for what will never.
    """

    @property
    def name(self) -> str:
        """Where it is, without credentials."""
        ...

    def find(self, model: str, selector: Selector) -> Version:
        """Find the one version that is meant now."""
        ...

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List the files of a version."""
        ...

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a file. A source that cannot begin at `offset` begins at 0, and says so."""
        ...


def select(model: str, selector: Selector, versions: Sequence[Version]) -> Version:
    """Choose among all versions of a model: for sources that can only list them.

    Raises
    ------
    NotFound
        If none fits.
    """
    fitting = [v for v in versions if _fits(v, selector)]
    if not fitting:
        raise NotFound(f"{model!r} has no version {selector}, of {len(versions)}")
    if selector.kind == "range":
        return max(fitting, key=lambda v: (_semantic(v) or SemanticVersion(0, 0, 0), v.number or 0))
    return max(fitting, key=lambda v: (v.number or 0, v.id))


def _fits(version: Version, selector: Selector) -> bool:
    if selector.kind == "alias":
        return selector.value in version.aliases
    if selector.kind == "version":
        return version.id == selector.value
    if selector.kind == "tag":
        key, _, value = selector.value.partition("=")
        return version.tags.get(key) == value
    if selector.kind == "range":
        return _semantic(version) in VersionRange.parse(selector.value)
    return True


def _semantic(version: Version) -> SemanticVersion | None:
    try:
        return SemanticVersion.parse(version.semantic_version or "")
    except InvalidArgument:
        return None  # then no range has it
