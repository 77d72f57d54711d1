"""What a feature plan's TOML says, as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from mlops_engine.contract.tables import near, record
from mlops_engine.errors import InvalidArgument

__all__ = ["Document", "Feature", "Join", "WindowOf", "decode"]

Names = Annotated[list[str], msgspec.Meta(min_length=1)]


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """The row of another frame that belongs to a row, as of its decision.

    With `at`, the last one known by then; without, the frame is known all the time, and has one
    row a key.
    """

    frame: str
    by: Names
    columns: Names
    at: str | None = None
    max_age: str | None = None
    prefix: str = ""


class WindowOf(msgspec.Struct, frozen=True, kw_only=True):
    """A statistic of the rows of a frame that became known in a span before the decision."""

    name: str
    frame: str
    by: Names
    at: str
    span: str
    of: str
    statistic: Literal["mean", "sum", "count"] = "mean"


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the model's input."""

    name: str
    expression: str
    available_at: str | None = None
    unit: str = ""
    vocabulary: list[str] = []


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as data. `available`: by frame, when each of its columns is known."""

    name: str
    base: str
    decision: str
    available: dict[str, dict[str, str]]
    joins: list[Join] = []
    windows: list[WindowOf] = []
    features: Annotated[list[Feature], msgspec.Meta(min_length=1)]


_LISTS: dict[str, type[msgspec.Struct]] = {"joins": Join, "windows": WindowOf, "features": Feature}


def decode(table: Mapping[str, Any]) -> Document:
    """Read a plan's table.

    Raises
    ------
    InvalidArgument
        Says where, and what was probably meant.
    """
    known = Document.__struct_fields__
    for key in table:
        if key not in known:
            raise InvalidArgument(f"the feature plan has no key {key!r}{near(key, known)}")
    for name, kind in _LISTS.items():
        if not isinstance(table.get(name, []), list):
            raise InvalidArgument(f"[[{name}]] is not a list of tables")
        for each in table.get(name, []):
            record(kind, each, f"[[{name}]]")
    document = record(Document, table, "the feature plan")
    made = [w.name for w in document.windows]
    made += [join.prefix + column for join in document.joins for column in join.columns]
    for names, what in ((made, "columns"), ([f.name for f in document.features], "features")):
        for name in names:
            if names.count(name) > 1:
                raise InvalidArgument(f"the feature plan makes two {what} {name!r}")
    return document
