"""Instants at which values are known, as a column and an offset: enough to prove an order.

`always` is before everything; `scheduled_at - minutes(60)` is a column of instants and a time. Of
two instants of the same column it is known, without data, which is earlier. Of different columns it
is not, and what cannot be proved is not believed.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from mlops_engine.errors import InvalidArgument

__all__ = ["ALWAYS", "KnownAt"]

_UNITS = ("days", "hours", "minutes", "seconds")


@dataclass(frozen=True)
class KnownAt:
    """An instant of each row; `column` None is always."""

    column: str | None
    offset: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str, where: str) -> KnownAt:
        """Read `always`, `departed_at`, `scheduled_at - hours(1) + minutes(5)`.

        Raises
        ------
        InvalidArgument
            If it is anything else.
        """
        if text.strip() == "always":
            return ALWAYS
        try:
            node: ast.AST = ast.parse(text.strip(), mode="eval").body
            offset = timedelta()
            while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
                span = _span(node.right)
                offset += span if isinstance(node.op, ast.Add) else -span
                node = node.left
            if isinstance(node, ast.Name):
                return cls(node.id, offset)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            pass
        raise InvalidArgument(
            f"{where} is {text!r}; it is always, or a column of instants, plus or minus"
            " days(n), hours(n), minutes(n), seconds(n)"
        )

    def never_after(self, other: KnownAt) -> bool:
        """Whether this is known to be at or before `other` in every row."""
        if self.column is None:
            return True
        return self.column == other.column and self.offset <= other.offset

    def expression(self) -> pl.Expr:
        """Return the instant for polars; null where the column is, or always."""
        if self.column is None:
            return pl.lit(None, pl.Datetime("us", "UTC"))
        instant = pl.col(self.column).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
        return instant + pl.lit(self.offset)

    def __str__(self) -> str:
        if self.column is None:
            return "always"
        sign = "-" if self.offset < timedelta() else "+"
        return f"{self.column} {sign} {abs(self.offset)}" if self.offset else self.column


ALWAYS = KnownAt(None)


def _span(node: ast.AST) -> timedelta:
    match node:
        case ast.Call(func=ast.Name(id=unit), args=[ast.Constant(value=int() | float() as count)]):
            if unit in _UNITS and not node.keywords:
                return timedelta(**{unit: count})
    raise ValueError
