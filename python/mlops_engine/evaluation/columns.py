"""Columns of a frame as arrays: instants, blocks of time, groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl

__all__ = ["blocks_of", "column", "groups_of", "instants", "labels_and_scores"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column; `InvalidArgument` names it when it is not there."""
    if name not in frame.columns:
        raise InvalidArgument(f"the rows have no column {name!r}")
    return frame[name]


def instants(frame: pl.DataFrame, name: str) -> Ints:
    """Return a column of dates or instants in microseconds since 1970."""
    import polars as pl

    series = column(frame, name)
    if series.dtype not in (pl.Date, pl.Datetime):
        raise InvalidArgument(f"column {name!r} is {series.dtype}, not a date or an instant")
    if series.null_count():
        raise InvalidArgument(f"column {name!r} has {series.null_count()} rows without an instant")
    return np.asarray(series.cast(pl.Datetime("us")).to_physical().to_numpy(), np.int64)


def blocks_of(frame: pl.DataFrame, name: str | None, block_s: float) -> Ints:
    """Return the block of time of each row, numbered from 0; without a column, one a row."""
    if name is None:
        return np.arange(frame.height)
    width = int(block_s * 1_000_000)
    return np.unique(instants(frame, name) // width, return_inverse=True)[1].astype(np.int64)


def groups_of(frame: pl.DataFrame, name: str, values_max: int) -> Iterator[tuple[str, Mask]]:
    """Yield (value, its rows), the most frequent first; a missing value is a group too."""
    series = column(frame, name)
    if (found := series.n_unique()) > values_max:
        raise InvalidArgument(f"column {name!r} has {found} values; slices of {values_max} at most")
    counts = series.value_counts(sort=True)
    for value in counts[name].to_list():
        rows = series.is_null() if value is None else series.eq_missing(value)
        yield ("missing" if value is None else str(value)), rows.to_numpy()


def labels_and_scores(y: Any, scores: list[Any], height: int, *, binary: bool) -> list[Floats]:
    """Return labels and scores as float64, checked: as many as rows, finite, labels 0 or 1."""
    arrays = [np.asarray(each, np.float64) for each in (y, *scores)]
    for array in arrays:
        if array.shape != (height,):
            raise InvalidArgument(
                f"there are {height} rows, and labels or scores of shape {list(array.shape)}"
            )
    if not height:
        raise InvalidArgument("there are no rows to judge")
    for what, array in zip(["label", *["score"] * len(scores)], arrays, strict=True):
        if bad := int((~np.isfinite(array)).sum()):
            raise InvalidArgument(f"{bad} rows have a {what} that is not a finite number")
    if binary and not np.isin(arrays[0], (0, 1)).all():
        raise InvalidArgument("labels of a binary task are 0 and 1")
    return arrays
