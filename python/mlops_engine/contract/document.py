"""What a contract's TOML says, as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from mlops_engine.errors import InvalidArgument

from .tables import near, record

__all__ = ["Column", "Completeness", "Document", "Freshness", "Severity", "decode"]

Severity = Literal["fail", "warn", "quarantine"]
BatchSeverity = Literal["fail", "warn"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
COLUMN_RULES = ("type", "null", "finite", "min", "max", "enum", "regex", "length", "unique")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of one column. `severity` is of all of them, `severities` of one by its name."""

    type: str
    nullable: bool = False
    null_share_max: Share | None = None
    optional: bool = False
    finite: bool = True
    min: float | int | str | None = None
    max: float | int | str | None = None
    enum: list[str | int] | None = None
    regex: str | None = None
    length_min: Count | None = None
    length_max: Count | None = None
    unique: bool = False
    personal: Literal["drop", "hash"] | None = None
    severity: Severity = "quarantine"
    severities: dict[str, Severity] = {}


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold in every row; a null on either side decides nothing."""

    name: str
    holds: str
    severity: Severity = "quarantine"


class Unique(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that together name a row."""

    columns: Annotated[list[str], msgspec.Meta(min_length=1)]
    severity: Severity = "quarantine"


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How old the newest row may be, how far ahead one may be, and which periods have one."""

    column: str
    lag_max: str | None = None
    skew_max: str = "0s"
    skew_severity: Severity = "quarantine"
    partition: str | None = None
    partitions_missing_max: Count = 0
    severity: BatchSeverity = "fail"


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Values that must occur; with `every`, in each such period of the freshness column."""

    column: str
    values: Annotated[list[str | int], msgspec.Meta(min_length=1)]
    every: str | None = None
    missing_max: Count = 0
    severity: BatchSeverity = "fail"


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows there must be, and of what."""

    rows_min: Count | None = None
    rows_max: Count | None = None
    keys: list[Keys] = []
    severity: BatchSeverity = "fail"


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Comparison with a reference profile, by the code that watches what is served."""

    reference: str | None = None
    columns: list[str] | None = None
    effect_max: Annotated[float, msgspec.Meta(gt=0)] = 0.25
    severity: BatchSeverity = "warn"


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """When so much is wrong in part that the whole is refused."""

    quarantine_share_max: Share = 1.0
    score_min: Share = 0.0


class Personal(msgspec.Struct, frozen=True, kw_only=True):
    """Where the key is that personal columns are hashed with."""

    key_file: str | None = None


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine does at its door with what the contract does not allow."""

    missing: Literal["pass", "reject", "impute"] = "pass"
    range: Literal["pass", "reject", "impute"] = "reject"
    new_category: Literal["pass", "reject"] = "reject"
    values: dict[str, float] = {}


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as data."""

    name: str
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    other_columns: Literal["allow", "warn", "fail"] = "allow"
    columns: dict[str, Column]
    unique: list[Unique] = []
    relations: list[Relation] = []
    freshness: Freshness | None = None
    completeness: Completeness | None = None
    statistics: Statistics | None = None
    quality: Quality = Quality()
    personal: Personal = Personal()
    guards: Guards = Guards()


_TABLES: dict[str, type[msgspec.Struct]] = {
    "freshness": Freshness,
    "statistics": Statistics,
    "quality": Quality,
    "personal": Personal,
    "guards": Guards,
}


def decode(table: Mapping[str, Any]) -> Document:
    """Read a contract's table.

    Raises
    ------
    InvalidArgument
        Says where, and what was probably meant.
    """
    given = dict(table)
    for key in given:
        if key not in Document.__struct_fields__:
            known = Document.__struct_fields__
            raise InvalidArgument(f"the contract has no key {key!r}{near(key, known)}")
    columns = given.get("columns", {})
    if not isinstance(columns, Mapping):
        raise InvalidArgument("[columns] is not a table")
    for name, rules in columns.items():
        _check_column(name, record(Column, rules, f"[columns.{name}]"))
    for name, kind in _TABLES.items():
        if name in given:
            record(kind, given[name], f"[{name}]")
    for name, kind in (("unique", Unique), ("relations", Relation)):
        for each in _list(given, name, f"[[{name}]]"):
            record(kind, each, f"[[{name}]]")
    if "completeness" in given:
        record(Completeness, given["completeness"], "[completeness]")
        for each in _list(given["completeness"], "keys", "[[completeness.keys]]"):
            record(Keys, each, "[[completeness.keys]]")
    return record(Document, given, "the contract")


def _list(table: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = table.get(key, [])
    if not isinstance(found, list):
        raise InvalidArgument(f"{where} is not a list of tables")
    return found


def _check_column(name: str, column: Column) -> None:
    where = f"[columns.{name}]"
    for rule in column.severities:
        if rule not in COLUMN_RULES:
            raise InvalidArgument(f"{where}.severities: no rule {rule!r}{near(rule, COLUMN_RULES)}")
    if column.null_share_max is not None and not column.nullable:
        raise InvalidArgument(f"{where} allows a share of nulls and is not nullable")
    if column.severities.get("type", "fail") != "fail":
        raise InvalidArgument(f"{where}: a column of another type fails, whatever is said of it")
