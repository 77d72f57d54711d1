"""Records out of TOML tables, where a key that nobody reads is an error and not a comment."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mlops_engine.errors import InvalidArgument

__all__ = ["duration", "near", "read_toml", "record"]

Record = TypeVar("Record", bound=msgspec.Struct)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"(\d+)([dhms])")


def read_toml(source: Mapping[str, Any] | str | Path) -> tuple[dict[str, Any], Path]:
    """Return a table and the folder that paths in it are relative to."""
    if isinstance(source, Mapping):
        return dict(source), Path()
    path = Path(source)
    try:
        return tomllib.loads(path.read_text()), path.parent
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{path}: {error}") from None


def record(kind: type[Record], table: Any, where: str) -> Record:
    """Make a record of a table.

    Raises
    ------
    InvalidArgument
        Names the key that is not known, and the known one that is nearest; or what a value is
        instead of what it should be.
    """
    if not isinstance(table, Mapping):
        raise InvalidArgument(f"{where} is not a table")
    known = kind.__struct_encode_fields__
    for key in table:
        if key not in known:
            raise InvalidArgument(f"{where} has no key {key!r}{near(key, known)}")
    try:
        return msgspec.convert(dict(table), kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"{where}: {error}") from None


def near(word: str, known: Any) -> str:
    """Say which known word was probably meant."""
    names = sorted(str(each) for each in known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(names[:20])}" if names else ""


def duration(text: str, where: str) -> timedelta:
    """Read `90m`, `1d12h`.

    >>> duration("1d12h", "lag")
    datetime.timedelta(days=1, seconds=43200)
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidArgument(f"{where} is {text!r}; it is like 90m, 2h, 1d12h")
    try:
        return timedelta(**{_UNITS[unit]: int(number) for number, unit in parts})
    except OverflowError:
        raise InvalidArgument(f"{where} is {text!r}, which is too long") from None
