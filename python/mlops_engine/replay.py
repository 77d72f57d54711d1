"""Recorded requests, answered again by a candidate and compared as a shadow's answers would be.

A record is a row of a Parquet file. Columns ``input.NAME`` and ``output.NAME`` are the tensors, as
lists as deep as the tensor has axes, in its own element type; ``request_id`` (text) and
``latency_ns`` may be there. Other columns are not looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_engine._native import core
from mlops_engine.engine import Engine
from mlops_engine.errors import InvalidArgument, MlopsError, NotFound, Unavailable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Record", "read_records", "replay"]

_SLICE = 1024  # rows that are taken apart at once


@dataclass(frozen=True)
class Record:
    """A request that was answered, and the answer."""

    request_id: str
    inputs: Mapping[str, np.ndarray[Any, Any]]
    outputs: Mapping[str, np.ndarray[Any, Any]]
    latency_ns: int = 0


def read_records(path: str | os.PathLike[str]) -> Iterator[Record]:
    """Read a Parquet file, or all ``*.parquet`` of a folder in the order of their names.

    Raises
    ------
    NotFound
        There is no such file, or no Parquet file in the folder.
    InvalidArgument
        A file is no Parquet file, has no outputs or inputs, or a value is no tensor.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise Unavailable("replaying needs polars: pip install mlops-engine[replay]") from error
    top = Path(path)
    files = sorted(top.glob("*.parquet")) if top.is_dir() else [top]
    if not files or not files[0].is_file():
        raise NotFound(f"no Parquet file at {top}")
    for file in files:
        try:
            frame = pl.read_parquet(file, glob=False)
        except pl.exceptions.PolarsError as error:
            raise InvalidArgument(f"{file}: {error}") from error
        yield from _records_of(frame, file)


def replay(
    records: Iterator[Record],
    model: str | os.PathLike[str],
    *,
    version: int = 1,
    limit: int | None = None,
) -> dict[str, Any]:
    """Have the engine answer each record by the ONNX file `model`; compare with what was answered.

    Returns
    -------
    dict
        What ``engine.route(name).get()["state"]["shadows"]`` says of a shadow that saw these
        requests. Nothing is dropped: a replay has time. A record that the candidate cannot answer
        is one of ``failed``.
    """
    if limit is not None and limit < 1:
        raise InvalidArgument(f"limit must be at least 1, not {limit}")
    comparison = core.AnswerComparison(version)
    with Engine() as engine:
        engine.load("candidate", model, version)
        for record in islice(records, limit):
            began = time.perf_counter_ns()
            try:
                answer = engine.infer("candidate", record.inputs, request_id=record.request_id)
            except MlopsError as error:
                comparison.failed(str(error))
                continue
            took = time.perf_counter_ns() - began
            comparison.compare(
                record.request_id, dict(record.outputs), dict(answer), record.latency_ns, took
            )
    return comparison.status()


def _records_of(frame: pl.DataFrame, file: Path) -> Iterator[Record]:
    inputs = [name for name in frame.columns if name.startswith("input.")]
    outputs = [name for name in frame.columns if name.startswith("output.")]
    if not inputs or not outputs:
        raise InvalidArgument(f"{file}: columns input.NAME and output.NAME are needed")
    number = 0
    for rows in frame.iter_slices(_SLICE):
        for row in range(rows.height):
            where = f"{file}, row {number}"
            number += 1
            request_id = _cell(rows, "request_id", row)
            yield Record(
                "" if request_id is None else str(request_id),
                _tensors(rows, inputs, row, where),
                _tensors(rows, outputs, row, where),
                int(_cell(rows, "latency_ns", row) or 0),
            )


def _cell(rows: pl.DataFrame, column: str, row: int) -> Any:
    return rows[column][row] if column in rows.columns else None


# A null is a tensor that the record does not have.
def _tensors(
    rows: pl.DataFrame, columns: list[str], row: int, where: str
) -> dict[str, np.ndarray[Any, Any]]:
    found = {}
    for column in columns:
        one = rows[column].slice(row, 1)
        if one.null_count() == 0:
            found[column.partition(".")[2]] = _tensor(one, f"{where}, {column}")
    return found


def _tensor(one: pl.Series, where: str) -> np.ndarray[Any, Any]:
    flat = one
    while hasattr(flat.dtype, "inner"):
        flat = flat.explode()
    element = flat.clear().to_numpy().dtype
    try:
        array = np.array(one.to_list()[0], dtype=element)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{where}: {error}") from error
    if array.size and flat.null_count():
        raise InvalidArgument(f"{where}: a value is null")
    return array
