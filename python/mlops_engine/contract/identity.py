"""Which data it was: a digest of its content, and what other tools call the same data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from mlops_engine.errors import InvalidArgument, NotFound

__all__ = ["DeltaSnapshot", "DvcPointer", "dataset_digest", "delta_snapshot", "dvc_pointer"]

_BYTES_MAX = 64 << 20
_FORMAT = b"mlops-dataset-1\0"


def dataset_digest(partitions: pl.DataFrame | Iterable[pl.DataFrame]) -> str:
    """Return `sha256:..` of what the partitions hold.

    The order of partitions, their files and their compression change nothing; every value, the
    order of rows within a partition, and columns with their names, types and order do.

    Raises
    ------
    InvalidArgument
        If a column is nested: what it holds has no one form here.
    """
    frames = [partitions] if isinstance(partitions, pl.DataFrame) else partitions
    digests = sorted(_partition(frame) for frame in frames)
    return "sha256:" + hashlib.sha256(_FORMAT + b"".join(digests)).hexdigest()


def _partition(frame: pl.DataFrame) -> bytes:
    digest = hashlib.sha256()
    digest.update(frame.height.to_bytes(8, "little"))
    for column in frame.get_columns():
        _text(digest, column.name)
        _text(digest, _type_name(column))
        missing = column.is_null()
        digest.update(np.packbits(missing.to_numpy()).tobytes())
        _values(digest, column)
    return digest.digest()


def _type_name(column: pl.Series) -> str:
    # A category is a text, however it is kept.
    return "String" if isinstance(column.dtype, pl.Categorical | pl.Enum) else str(column.dtype)


def _values(digest: hashlib._Hash, column: pl.Series) -> None:
    dtype = column.dtype
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        texts = column.cast(pl.String).fill_null("")
        digest.update(_little(texts.str.len_bytes().cast(pl.UInt64).to_numpy()))
        digest.update(str(texts.str.join("").item() or "").encode())
    elif dtype.is_float():
        # One NaN, and one zero.
        values = column.fill_null(0.0).fill_nan(float("nan")).to_numpy() + 0.0
        digest.update(_little(np.where(np.isnan(values), np.nan, values).astype(values.dtype)))
    elif dtype.is_integer() or dtype.is_temporal():
        digest.update(_little(column.to_physical().fill_null(0).to_numpy()))
    elif isinstance(dtype, pl.Boolean):
        digest.update(np.packbits(column.fill_null(False).to_numpy()).tobytes())
    else:
        raise InvalidArgument(f"column {column.name!r} of type {dtype} has no digest")


def _little(values: np.ndarray) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _text(digest: hashlib._Hash, text: str) -> None:
    data = text.encode()
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


class DvcPointer(msgspec.Struct, frozen=True, kw_only=True):
    """What a `.dvc` file says of the data beside it."""

    path: str
    md5: str
    size: int | None = None


_DVC_LINE = re.compile(r"^(?:- |  )(md5|path|size): (.*?)\s*$", re.MULTILINE)
_MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?")


def dvc_pointer(path: str | Path) -> DvcPointer:
    """Read the pointer that DVC keeps of a file or folder (`data.csv.dvc`).

    Raises
    ------
    InvalidArgument
        If it is not of one output with an MD5, as `dvc add` writes it.
    """
    text = _read(Path(path)).decode(errors="replace")
    _, found, outputs = text.partition("outs:\n")
    facts: dict[str, str] = {}
    for key, value in _DVC_LINE.findall(outputs):
        if key in facts:
            raise InvalidArgument(f"{path} points to more than one output")
        facts[key] = value.strip("'\"")
    size = facts.get("size")
    if not found or not _MD5.fullmatch(facts.get("md5", "")) or not facts.get("path"):
        raise InvalidArgument(f"{path} is no pointer of DVC")
    if size is not None and not (size.isascii() and size.isdecimal() and len(size) < 19):
        raise InvalidArgument(f"{path}: size is {size[:40]!r}")
    return DvcPointer(path=facts["path"], md5=facts["md5"], size=int(size) if size else None)


class DeltaSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a Delta table: the table's id and the number of its last commit."""

    table: str
    version: int


_COMMIT = re.compile(r"\d{20}\.json")


def delta_snapshot(folder: str | Path) -> DeltaSnapshot:
    """Read which snapshot a Delta table is at, from its log.

    Raises
    ------
    NotFound
        If the folder is no Delta table.
    InvalidArgument
        If its log cannot be read; one whose first commits were cleaned away, too.
    """
    log = Path(folder) / "_delta_log"
    commits = sorted(p for p in log.glob("*.json") if _COMMIT.fullmatch(p.name))
    if not commits:
        raise NotFound(f"{folder} has no Delta log")
    for commit in reversed(commits):
        for line in _read(commit).splitlines():
            try:
                action = json.loads(line)
                table = action["metaData"]["id"] if "metaData" in action else None
            except (ValueError, TypeError, KeyError, RecursionError):
                raise InvalidArgument(f"{commit} is no commit of Delta") from None
            if isinstance(table, str):
                return DeltaSnapshot(table=table, version=int(commits[-1].stem))
    raise InvalidArgument(f"{log} does not say which table it is of")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise InvalidArgument(f"{path} is too large for what it is said to be")
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no {path}") from None
