"""Rows that come in parts: Arrow's streams and arrays, frames, or anything that yields them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlops_engine.errors import InvalidArgument

from .columns import Column, columns_of_frame, polars

if TYPE_CHECKING:
    from .extract import Extract


def columns_of_batches(
    batches: Any, categorical: Iterable[str], extract: Extract | None
) -> Iterator[list[Column]]:
    """Yield the columns of each part, one part at a time.

    Parameters
    ----------
    batches
        A frame, what exports an Arrow stream or array (``__arrow_c_stream__``), as tables of
        pyarrow, DuckDB and polars do, or an iterable of those, as pyarrow's readers are.
    categorical
        Which columns are codes, beside those of names and those that ``extract`` says.
    extract
        What is made of columns first.
    """
    pl = polars()
    whole = isinstance(batches, pl.DataFrame) or (
        _is_arrow(batches) and not hasattr(batches, "__next__")
    )
    kinds = {categorical} if isinstance(categorical, str) else set(categorical)
    kinds.update(extract.categorical if extract else ())
    for batch in [batches] if whole else batches:
        if not isinstance(batch, pl.DataFrame) and not _is_arrow(batch):
            raise InvalidArgument(f"a {type(batch).__name__} is neither a frame nor of Arrow")
        frame = pl.DataFrame(batch)
        yield columns_of_frame(extract(frame) if extract else frame, kinds)


def joined(parts: Iterator[list[Column]]) -> list[Column]:
    """Return the columns of all parts, where a number takes four bytes.

    Raises
    ------
    InvalidArgument
        If there is none, or parts have different columns.
    """
    import numpy as np

    columns = list(next(parts, []))
    if not columns:
        raise InvalidArgument("there are no rows")
    kept: list[list[Column]] = [[_small(column)] for column in columns]
    for part in parts:
        if [(c.name, c.categorical) for c in part] != [(c.name, c.categorical) for c in columns]:
            raise InvalidArgument("a part has other columns than the first")
        for column, more in zip(kept, part, strict=True):
            column.append(_small(more))
    return [
        Column(
            column[0].name,
            column[0].categorical,
            np.concatenate([part.values for part in column]),
            _missing(column),
        )
        for column in kept
    ]


def _small(column: Column) -> Column:
    import numpy as np

    if column.categorical or column.values.dtype.kind not in "fiu":
        return column
    values = column.values.astype(np.float32, copy=False)
    return Column(column.name, False, values, column.missing)


def _missing(parts: Sequence[Column]) -> Any:
    import numpy as np

    if all(part.missing is None for part in parts):
        return None
    return np.concatenate(
        [
            np.zeros(len(part.values), dtype=bool) if part.missing is None else part.missing
            for part in parts
        ]
    )


def _is_arrow(rows: object) -> bool:
    return hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__arrow_c_array__")
