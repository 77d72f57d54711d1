"""What an operator writes: `models:/flights@champion`, `models:/flights/3`, `…/^1.2`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlops_engine.errors import InvalidArgument

from .names import check_model_name
from .semver import VersionRange

Kind = Literal["alias", "version", "range", "tag", "latest"]
SCHEME = "models:/"
_ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,254}")
_TAG = re.compile(r"[^=&?#\x00-\x1f]{1,250}=[^&?#\x00-\x1f]{0,1000}")


@dataclass(frozen=True)
class Selector:
    """Which version of a model is meant.

    >>> str(Selector("alias", "champion")), str(Selector("range", "^1.2"))
    ('@champion', '^1.2')
    """

    kind: Kind = "latest"
    value: str = ""

    @property
    def moves(self) -> bool:
        """Whether another version may be meant tomorrow."""
        return self.kind != "version"

    def __str__(self) -> str:
        marks = {"alias": "@", "tag": "?", "latest": "latest"}
        return marks.get(self.kind, "") + self.value


@dataclass(frozen=True)
class Address:
    """A model and which of its versions."""

    model: str
    selector: Selector

    def __str__(self) -> str:
        if self.selector.kind in {"alias", "tag"}:
            return f"{SCHEME}{self.model}{self.selector}"
        return f"{SCHEME}{self.model}/{self.selector}"


def parse(text: str) -> Address:
    """Read an address.

    ================================ ===========================================
    `models:/flights@champion`       the version an alias points to
    `models:/flights/3`              a version
    `models:/flights/^1.2`           the highest semantic version in a range
    `models:/flights?stage=prod`     the newest version with a tag
    `models:/flights`, `…/latest`    the newest version
    ================================ ===========================================

    Raises
    ------
    InvalidArgument
        For anything else.
    """
    if not text.startswith(SCHEME):
        raise InvalidArgument(
            f"{text[:200]!r} is no address of a model, such as models:/name@alias"
        )
    rest = text[len(SCHEME) :].lstrip("/")
    for mark, kind in (("?", "tag"), ("@", "alias"), ("/", "version")):
        model, found, value = rest.partition(mark)
        if found:
            return Address(check_model_name(model), _selector(kind, value))
    return Address(check_model_name(rest), Selector())


def _selector(kind: str, value: str) -> Selector:
    if kind == "tag":
        if not _TAG.fullmatch(value):
            raise InvalidArgument(f"{value[:200]!r} is no tag, such as stage=prod")
        return Selector("tag", value)
    if kind == "alias":
        if not _ALIAS.fullmatch(value):
            raise InvalidArgument(f"{value[:200]!r} is no alias")
        return Selector("alias", value)
    if value in {"", "latest"}:
        return Selector()
    if re.fullmatch(r"[1-9][0-9]{0,17}", value):
        return Selector("version", value)
    VersionRange.parse(value)
    return Selector("range", value)
