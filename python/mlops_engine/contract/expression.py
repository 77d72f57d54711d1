"""Expressions over columns, as contracts and features have them: `arr_time >= dep_time`.

The grammar is a part of Python's: names are columns; numbers, strings, True, False; `+ - * / // %`,
comparisons (chained ones too), `in`, `and or not`, `a if b else c`, and the functions below. It is
read by Python's own parser and never evaluated by Python: what is not listed here is refused. A
null makes what is computed of it null, as in SQL.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl

from mlops_engine.errors import InvalidArgument

from .tables import near

__all__ = ["FUNCTIONS", "Expression", "parse"]

TEXT_MAX = 4096
NODES_MAX = 2000
DEPTH_MAX = 64
_UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class Expression:
    """A parsed expression.

    Attributes
    ----------
    text
        As it was written.
    columns
        What it reads.
    polars
        What it is for polars.
    """

    __slots__ = ("columns", "polars", "text")

    def __init__(self, text: str, columns: frozenset[str], expression: pl.Expr) -> None:
        self.text = text
        self.columns = columns
        self.polars = expression

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def parse(text: str, where: str = "expression") -> Expression:
    """Read an expression.

    >>> sorted(parse("0 <= arr_time - dep_time < 2400").columns)
    ['arr_time', 'dep_time']

    Raises
    ------
    InvalidArgument
        Says what is wrong with it.
    """
    if len(text) > TEXT_MAX:
        raise InvalidArgument(f"{where} has {len(text)} characters; at most {TEXT_MAX} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except _UNPARSABLE as error:
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise InvalidArgument(f"{where} {text!r} is not an expression: {reason}") from None
    if sum(1 for _ in ast.walk(tree)) > NODES_MAX:
        raise InvalidArgument(f"{where} is too long")
    reader = _Reader(text, where)
    try:
        found = _expr(reader.read(tree.body, 0))
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise reader.wrong(str(error)) from None
    return Expression(text, frozenset(reader.columns), found)


def _expr(value: Any) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)


_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class _Reader:
    """One walk over a syntax tree; collects the columns on the way."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.columns: set[str] = set()

    def wrong(self, why: str) -> InvalidArgument:
        return InvalidArgument(f"{self.where} {self.text!r}: {why}")

    def read(self, node: ast.AST, depth: int) -> Any:
        """Return an expression of polars, or a constant."""
        if depth > DEPTH_MAX:
            raise self.wrong("it is nested too deeply")
        match node:
            case ast.Name(id=name):
                self.columns.add(name)
                return pl.col(name)
            case ast.Constant(value=bool() | int() | float() | str() as value):
                if isinstance(value, int) and value >= 1 << 63:
                    raise self.wrong("it has a number of more than 64 bits")
                return value
            case ast.Compare():
                return self._compare(node, depth + 1)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments, depth + 1)
        return self._operator(node, depth + 1)

    def _operator(self, node: ast.AST, depth: int) -> Any:
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=of):
                value = self.read(of, depth)
                if isinstance(value, str):
                    raise self.wrong("a text has no negative")
                return -value
            case ast.UnaryOp(op=ast.Not(), operand=of):
                return ~_expr(self.read(of, depth))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                # Of two constants too: polars computes it, within its types.
                return _BINARY[type(op)](_expr(self.read(left, depth)), self.read(right, depth))
            case ast.BoolOp(op=op, values=values):
                join = operator.and_ if isinstance(op, ast.And) else operator.or_
                return functools.reduce(join, [_expr(self.read(v, depth)) for v in values])
            case ast.IfExp(test=test, body=body, orelse=other):
                condition = _expr(self.read(test, depth))
                chosen = _expr(self.read(body, depth))
                return pl.when(condition).then(chosen).otherwise(_expr(self.read(other, depth)))
        raise self.wrong(f"{ast.unparse(node)!r} is not understood")

    def _compare(self, node: ast.Compare, depth: int) -> pl.Expr:
        found: pl.Expr | None = None
        left = self.read(node.left, depth)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                one = _expr(left).is_in(self._constants(right_node))
                one = ~one if isinstance(op, ast.NotIn) else one
                right = None
            elif type(op) in _COMPARE:
                right = self.read(right_node, depth)
                one = _COMPARE[type(op)](_expr(left), right)
            else:
                raise self.wrong(f"{ast.unparse(node)!r} is not understood")
            found = one if found is None else found & one
            left = right
        assert found is not None
        return found

    def _constants(self, node: ast.AST) -> list[Any]:
        if isinstance(node, ast.Tuple | ast.List):
            values = [e.value for e in node.elts if isinstance(e, ast.Constant)]
            if values and len(values) == len(node.elts):
                return values
        raise self.wrong("after 'in' comes a list of constants")

    def _call(self, name: str, nodes: list[ast.expr], depth: int) -> Any:
        if name not in FUNCTIONS:
            raise self.wrong(f"there is no function {name!r}{near(name, FUNCTIONS)}")
        arguments = [self.read(node, depth) for node in nodes]
        if name == "col":
            if len(arguments) != 1 or not isinstance(arguments[0], str):
                raise self.wrong("col() takes the name of a column")
            self.columns.add(arguments[0])
        try:
            return FUNCTIONS[name](*arguments)
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise self.wrong(f"{name}() is not called like this") from None


def _texts(*values: Any) -> list[str]:
    if not values or not all(isinstance(value, str) for value in values):
        raise TypeError
    return list(values)


def _amount(value: Any) -> Any:
    # polars takes a text for the name of a column here.
    if isinstance(value, str):
        raise TypeError
    return value


def _instant(text: str) -> pl.Expr:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return pl.lit(moment.astimezone(UTC)).dt.cast_time_unit("us")


def _code(value: Any, *vocabulary: Any) -> pl.Expr:
    words = _texts(*vocabulary)
    return _expr(value).replace_strict(words, list(range(len(words))), default=None)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: _expr(x).abs(),
    "ceil": lambda x: _expr(x).ceil(),
    "code": _code,
    "coalesce": lambda *x: pl.coalesce(*map(_expr, x)),
    "col": lambda name: pl.col(_texts(name)[0]),
    "days": lambda x: pl.duration(days=_amount(x)),
    "ends_with": lambda x, end: _expr(x).str.ends_with(_texts(end)[0]),
    "exp": lambda x: _expr(x).exp(),
    "floor": lambda x: _expr(x).floor(),
    "hour": lambda x: _expr(x).dt.hour().cast(pl.Int64),
    "hours": lambda x: pl.duration(hours=_amount(x)),
    "instant": _instant,
    "is_null": lambda x: _expr(x).is_null(),
    "length": lambda x: _expr(x).str.len_chars().cast(pl.Int64),
    "local": lambda x, zone: _expr(x).dt.convert_time_zone(_texts(zone)[0]),
    "log": lambda x: _expr(x).log(),
    "lower": lambda x: _expr(x).str.to_lowercase(),
    "matches": lambda x, pattern: _expr(x).str.contains(_texts(pattern)[0]),
    "max": lambda *x: pl.max_horizontal(*map(_expr, x)),
    "min": lambda *x: pl.min_horizontal(*map(_expr, x)),
    "minute": lambda x: _expr(x).dt.minute().cast(pl.Int64),
    "minutes": lambda x: pl.duration(minutes=_amount(x)),
    "month": lambda x: _expr(x).dt.month().cast(pl.Int64),
    "round": lambda x: _expr(x).round(),
    "seconds": lambda x: pl.duration(seconds=_amount(x)),
    "sqrt": lambda x: _expr(x).sqrt(),
    "starts_with": lambda x, start: _expr(x).str.starts_with(_texts(start)[0]),
    "total_minutes": lambda x: _expr(x).dt.total_minutes(),
    "total_seconds": lambda x: _expr(x).dt.total_seconds(),
    "upper": lambda x: _expr(x).str.to_uppercase(),
    "weekday": lambda x: _expr(x).dt.weekday().cast(pl.Int64),
    "year": lambda x: _expr(x).dt.year().cast(pl.Int64),
}
