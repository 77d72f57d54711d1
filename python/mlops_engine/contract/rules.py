"""Rules about rows: each an expression that is true where a row breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from mlops_engine.errors import InvalidArgument

from .document import Column, Document, Severity
from .expression import parse
from .tables import duration, near

__all__ = ["TYPES", "RowRule", "has_type", "row_rules", "skew_rule"]

_INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
_EXACT = {n: getattr(pl, f"UInt{n[4:]}" if n[0] == "u" else f"Int{n[3:]}") for n in _INTEGERS}
_EXACT |= {"float32": pl.Float32, "float64": pl.Float64}
_IS_TYPE: dict[str, Callable[[pl.DataType], bool]] = {
    "string": lambda t: isinstance(t, pl.String | pl.Categorical | pl.Enum),
    "integer": lambda t: t.is_integer(),
    "float": lambda t: t.is_float(),
    "number": lambda t: t.is_integer() or t.is_float(),
    "boolean": lambda t: isinstance(t, pl.Boolean),
    "date": lambda t: isinstance(t, pl.Date),
    "datetime": lambda t: isinstance(t, pl.Datetime),
    "instant": lambda t: isinstance(t, pl.Datetime) and t.time_zone is not None,
}
TYPES = tuple(_IS_TYPE)
_NUMERIC = {"integer", "float", "number", *_EXACT}
_WITH_NAN = {"float", "number", "float32", "float64"}
_TEMPORAL = {"date", "datetime", "instant"}


@dataclass(frozen=True)
class RowRule:
    """A rule that a row can break.

    Attributes
    ----------
    broken
        True where a row breaks it; null counts as not broken.
    reads
        The columns it needs.
    """

    name: str
    severity: Severity
    message: str
    broken: pl.Expr
    reads: frozenset[str]


def has_type(dtype: pl.DataType, wanted: str) -> bool:
    """Whether a column is of a contract's type."""
    if wanted in _EXACT:
        return bool(dtype == _EXACT[wanted])
    return _IS_TYPE[wanted](dtype)


def row_rules(document: Document) -> list[RowRule]:
    """Make the rules of columns, keys and relations.

    Raises
    ------
    InvalidArgument
        If one cannot be: a range of a string, an expression of columns that are not declared.
    """
    rules: list[RowRule] = []
    for name, column in document.columns.items():
        rules += _column_rules(name, column)
    for key in document.unique:
        _declared(document, key.columns, "[[unique]]")
        label = "unique." + "+".join(key.columns)
        repeated = ~pl.struct(key.columns).is_first_distinct()
        reads = frozenset(key.columns)
        rules.append(RowRule(label, key.severity, "is there already", repeated, reads))
    for relation in document.relations:
        where = f"relation {relation.name!r}"
        holds = parse(relation.holds, where)
        _declared(document, holds.columns, where)
        message = f"{relation.holds} does not hold"
        label = f"relation.{relation.name}"
        rules.append(RowRule(label, relation.severity, message, ~holds.polars, holds.columns))
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgument(f"the contract has two rules {name!r}")
    return rules


def skew_rule(document: Document, now: datetime) -> RowRule | None:
    """Make the rule that no row is from the future, by the clock of whoever checks."""
    fresh = document.freshness
    if fresh is None:
        return None
    latest = now + duration(fresh.skew_max, "[freshness] skew_max")
    return RowRule(
        "freshness.skew",
        fresh.skew_severity,
        f"is later than {latest.isoformat(timespec='seconds')}",
        pl.col(fresh.column).dt.convert_time_zone("UTC") > pl.lit(latest.astimezone(UTC)),
        frozenset({fresh.column}),
    )


def _declared(document: Document, columns: Any, where: str) -> None:
    for column in columns:
        if column not in document.columns:
            hint = near(column, document.columns)
            raise InvalidArgument(f"{where} reads {column!r}, which is no declared column{hint}")


def _column_rules(name: str, column: Column) -> Iterator[RowRule]:
    where = f"[columns.{name}]"
    if column.type not in TYPES and column.type not in _EXACT:
        hint = near(column.type, [*TYPES, *_EXACT])
        raise InvalidArgument(f"{where} has no type {column.type!r}{hint}")
    value = pl.col(name)
    missing = value.is_null()
    if column.type in _WITH_NAN:
        missing |= value.cast(pl.Float64).is_nan()

    def rule(kind: str, message: str, broken: pl.Expr) -> RowRule:
        severity = column.severities.get(kind, column.severity)
        return RowRule(f"{name}.{kind}", severity, message, broken, frozenset({name}))

    if not column.nullable:
        yield rule("null", "is missing", missing)
    if column.type in _WITH_NAN and column.finite:
        yield rule("finite", "is infinite", value.cast(pl.Float64).is_infinite())
    for kind, limit in (("min", column.min), ("max", column.max)):
        if limit is not None:
            bound = _bound(limit, column, f"{where} {kind}")
            here = value.dt.convert_time_zone("UTC") if column.type == "instant" else value
            beyond = here < bound if kind == "min" else here > bound
            said = f"is {'below' if kind == 'min' else 'above'} {limit}"
            yield rule(kind, said, beyond & ~missing)
    if column.enum is not None:
        _only(column, where, "enum", column.type in {"string", "integer", *_INTEGERS})
        if isinstance(column.enum[0] if column.enum else "", str) != (column.type == "string"):
            raise InvalidArgument(f"{where}: the values of enum are not of its type")
        yield rule("enum", "is not a declared value", ~_text(value, column).is_in(column.enum))
    if column.regex is not None:
        _only(column, where, "regex", column.type == "string")
        yield rule("regex", f"is not {column.regex}", ~_matches(column.regex, value, where))
    if column.length_min is not None or column.length_max is not None:
        _only(column, where, "length", column.type == "string")
        low, high = column.length_min or 0, column.length_max
        length = value.cast(pl.String).str.len_chars()
        wrong = length < low if high is None else ~length.is_between(low, high)
        yield rule("length", f"is not of {low} to {high or 'any'} characters", wrong)
    if column.unique:
        yield rule("unique", "is there already", ~value.is_first_distinct() & value.is_not_null())


def _only(column: Column, where: str, what: str, fits: bool) -> None:
    if not fits:
        raise InvalidArgument(f"{where}: {what} is not for columns of type {column.type}")


def _text(value: pl.Expr, column: Column) -> pl.Expr:
    return value.cast(pl.String) if column.type == "string" else value


def _matches(pattern: str, value: pl.Expr, where: str) -> pl.Expr:
    """Match the whole value; polars knows regular expressions without exponential ones."""
    whole = f"^(?:{pattern})$"
    try:
        pl.Series([""]).str.contains(whole)
    except pl.exceptions.ComputeError as error:
        raise InvalidArgument(f"{where}: regex: {error}") from None
    return value.cast(pl.String).str.contains(whole)


def _bound(limit: float | int | str, column: Column, where: str) -> pl.Expr:
    if column.type in _NUMERIC and not isinstance(limit, str):
        if abs(limit) >= 1 << 63 and isinstance(limit, int):
            raise InvalidArgument(f"{where} is a number of more than 64 bits")
        return pl.lit(limit)
    if column.type in _TEMPORAL and isinstance(limit, str):
        try:
            moment = datetime.fromisoformat(limit)
        except ValueError:
            raise InvalidArgument(f"{where} is {limit!r}, which is no ISO 8601 instant") from None
        if column.type == "date":
            return pl.lit(moment.date())
        if (moment.tzinfo is None) != (column.type == "datetime"):
            raise InvalidArgument(f"{where}: an instant has a zone, a datetime has none")
        return pl.lit(moment.astimezone(UTC) if moment.tzinfo else moment)
    raise InvalidArgument(f"{where} is {limit!r}, and the column of type {column.type}")
