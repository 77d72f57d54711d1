"""Rows, however they come, as columns that the core counts: values and where they are missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlops_engine.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    import polars as pl


@dataclass(frozen=True)
class Column:
    """One stream's rows.

    Attributes
    ----------
    name
        The stream's.
    categorical
        Whether values are names or codes.
    values
        One-dimensional; numbers, or objects that are strings.
    missing
        Where a value is null, of the same length; None where none is. NaN is missing anyway.
    """

    name: str
    categorical: bool
    values: np.ndarray[Any, Any]
    missing: np.ndarray[Any, Any] | None

    @classmethod
    def of(cls, name: str, values: Any, categorical: bool) -> Column:
        """Make a column of anything that NumPy takes for a row of values."""
        import numpy as np

        array = np.asarray(values)
        if array.ndim != 1:
            raise InvalidArgument(f"'{name}' has {array.ndim} dimensions; one is wanted")
        if array.dtype.kind not in "OUS":
            return cls(name, categorical, np.ascontiguousarray(array), None)
        missing = np.array([_is_null(value) for value in array], dtype=bool)
        kept = [value for value, gone in zip(array, missing, strict=True) if not gone]
        if categorical and all(isinstance(value, (str, bytes)) for value in kept):
            texts = np.where(missing, "", array).astype(object)
            return cls(name, True, texts, missing if missing.any() else None)
        try:
            numbers = np.where(missing, np.nan, array).astype(np.float64)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"'{name}' holds strings, and is not among the categorical streams"
            ) from None
        return cls(name, categorical, numbers, None)


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def columns_of_array(
    x: np.ndarray[Any, Any], names: Sequence[str] | None, categorical: Iterable[str]
) -> list[Column]:
    """Split ``[rows, streams]`` (or ``[rows]``) into its columns."""
    import numpy as np

    array = np.asarray(x)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InvalidArgument(f"an array of {array.ndim} dimensions is no rows of streams")
    labels = list(names) if names is not None else [f"x{i}" for i in range(array.shape[1])]
    if len(labels) != array.shape[1]:
        raise InvalidArgument(f"{len(labels)} names for {array.shape[1]} columns")
    kinds = _known(categorical, labels)
    return [Column.of(label, array[:, i], label in kinds) for i, label in enumerate(labels)]


def columns_of_polars(frame: pl.DataFrame, categorical: Iterable[str]) -> list[Column]:
    """Split a frame into its columns; strings, categories and booleans are categorical.

    Raises
    ------
    InvalidArgument
        For a column that is neither numbers nor names, as dates are: say what of it matters
        (an hour, an age), as a column of its own.
    """
    pl = polars()
    kinds = _known(categorical, frame.columns)
    columns = []
    for series in frame.get_columns():
        name, dtype = series.name, series.dtype
        missing = series.is_null().to_numpy() if series.null_count() else None
        if dtype in (pl.String, pl.Categorical, pl.Enum):
            values = series.cast(pl.String).fill_null("").to_numpy().astype(object)
            columns.append(Column(name, True, values, missing))
        elif dtype == pl.Boolean:
            columns.append(Column(name, True, series.fill_null(False).to_numpy(), missing))
        elif dtype.is_numeric():
            wide = dtype == pl.Float64 or dtype.is_decimal() or name in kinds
            filled = series.cast(pl.Float64 if wide else pl.Float32).fill_null(float("nan"))
            columns.append(Column(name, name in kinds, filled.to_numpy(), None))
        else:
            raise InvalidArgument(
                f"'{name}' is of {dtype}, which is neither numbers nor names; make a column of "
                f"what of it matters"
            )
    return columns


def columns_of_frame(rows: Any, categorical: Iterable[str]) -> list[Column]:
    """Split a frame, or arrays by name, into columns."""
    if hasattr(rows, "get_columns"):
        return columns_of_polars(rows, categorical)
    kinds = _known(categorical, list(rows))
    return [Column.of(name, values, name in kinds) for name, values in rows.items()]


def polars() -> ModuleType:
    """Import polars, or say what to install."""
    try:
        import polars
    except ImportError:
        raise ImportError("this needs polars: pip install polars") from None
    return polars


def _known(categorical: Iterable[str], names: Sequence[str]) -> set[str]:
    kinds = {categorical} if isinstance(categorical, str) else set(categorical)
    unknown = kinds - set(names)
    if unknown:
        raise InvalidArgument(f"no column is called {', '.join(sorted(unknown))}")
    return kinds
