"""What decisions are worth: amounts for the four outcomes, or an expression over each row.

The expression comes out of a file, so it is read as arithmetic and nothing else: names of columns,
`y`, `score`, `decision`, numbers, operators and a handful of functions. It has no attributes, no
indexing and no other calls, and all arithmetic is float64.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats, column
from .settings import ValueSettings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Expression", "row_values"]

CHARACTERS_MAX, NODES_MAX, DEPTH_MAX = 2000, 300, 40

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.BitAnd: lambda a, b: np.logical_and(a, b).astype(np.float64),
    ast.BitOr: lambda a, b: np.logical_or(a, b).astype(np.float64),
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Invert: lambda a: np.logical_not(a).astype(np.float64),
}
_COMPARED: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "where": (3, lambda test, yes, no: np.where(np.asarray(test) != 0, yes, no)),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "abs": (1, np.abs),
    "log": (1, np.log),
    "exp": (1, np.exp),
    "sqrt": (1, np.sqrt),
}


class Expression:
    """Arithmetic over columns.

    >>> Expression("where(y == 1, 120 * decision, -35 * decision)")(
    ...     {"y": np.array([1.0, 0.0]), "decision": np.array([1.0, 1.0])}
    ... ).tolist()
    [120.0, -35.0]
    """

    def __init__(self, text: str) -> None:
        if len(text) > CHARACTERS_MAX:
            raise InvalidArgument(f"an expression is {CHARACTERS_MAX} characters at most")
        try:
            self._root = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InvalidArgument(f"this is no expression: {error}") from None
        self.names: set[str] = set()
        if sum(1 for _ in ast.walk(self._root)) > NODES_MAX:
            raise InvalidArgument(f"an expression has {NODES_MAX} parts at most")
        self._check(self._root, 0)

    def __call__(self, columns: Mapping[str, Floats]) -> Floats:
        """Return a value for each row."""
        with np.errstate(all="ignore"):
            return np.asarray(self._value(self._root, columns), np.float64)

    def _check(self, node: ast.AST, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise InvalidArgument(f"an expression is nested {DEPTH_MAX} deep at most")
        if isinstance(node, ast.Constant):
            # A bool is an int, and float() of a whole number of 400 digits would overflow.
            if type(node.value) not in (int, float) or abs(node.value) > 1e300:  # type: ignore[arg-type]
                raise InvalidArgument("an expression's constants are numbers")
            return
        if isinstance(node, ast.Name):
            self.names.add(node.id)
            return
        for part in self._parts(node):
            self._check(part, depth + 1)

    def _parts(self, node: ast.AST) -> list[ast.expr]:
        """Return what a node is made of; whatever is not listed here is refused."""
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return [node.left, node.right]
        if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            return [node.operand]
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARED:
            return [node.left, node.comparators[0]]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            wanted = _FUNCTIONS.get(node.func.id, (-1, None))[0]
            if wanted == len(node.args):
                return list(node.args)
        raise InvalidArgument(
            "an expression is made of + - * / & | ~, one comparison at a time and the functions"
            f" {', '.join(_FUNCTIONS)}; {type(node).__name__} is none of them"
        )

    def _value(self, node: ast.AST, columns: Mapping[str, Floats]) -> Any:
        if isinstance(node, ast.Constant):
            return np.float64(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return columns[node.id]
        values = [self._value(part, columns) for part in self._parts(node)]
        if isinstance(node, ast.BinOp):
            return _BINARY[type(node.op)](*values)
        if isinstance(node, ast.UnaryOp):
            return _UNARY[type(node.op)](*values)
        if isinstance(node, ast.Compare):
            return np.asarray(_COMPARED[type(node.ops[0])](*values), np.float64)
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id][1](*values)


def row_values(
    y: Floats, score: Floats, threshold: float, frame: pl.DataFrame, settings: ValueSettings
) -> Floats:
    """Return what the decision about each row was worth.

    Raises
    ------
    InvalidArgument
        Both or neither kind of value is given, a column is missing, or a row has no finite value.
    """
    amounts = [settings.tp, settings.fp, settings.fn, settings.tn]
    decision = (score >= threshold).astype(np.float64)
    if (settings.expression is None) == (amounts == [None] * 4):
        raise InvalidArgument("a value is either amounts (tp, fp, fn, tn) or an `expression`")
    if settings.expression is None:
        tp, fp, fn, tn = (each or 0.0 for each in amounts)
        return np.where(y == 1, np.where(decision == 1, tp, fn), np.where(decision == 1, fp, tn))
    expression = Expression(settings.expression)
    columns = {"y": y, "score": score, "decision": decision}
    for name in expression.names - set(columns):
        series = column(frame, name)
        if not (series.dtype.is_numeric() or series.dtype.is_(_boolean())):
            raise InvalidArgument(f"column {name!r} is {series.dtype}, not a number")
        columns[name] = series.cast(_float64()).fill_null(np.nan).to_numpy()
    values = np.broadcast_to(expression(columns), y.shape)
    if bad := int((~np.isfinite(values)).sum()):
        raise InvalidArgument(f"the value of {bad} rows is not a finite number")
    return np.array(values)


def _boolean() -> Any:
    import polars as pl

    return pl.Boolean


def _float64() -> Any:
    import polars as pl

    return pl.Float64
