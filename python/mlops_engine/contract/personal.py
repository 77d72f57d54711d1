"""Personal columns: hashed with a key or dropped, before anything is stored."""

from __future__ import annotations

import hashlib
import hmac

import polars as pl

from mlops_engine.errors import InvalidArgument

from .document import Document

__all__ = ["check_key", "protect"]

KEY_BYTES_MIN = 16


def check_key(document: Document, key: bytes | None) -> None:
    """Refuse to go on without a key where one is needed.

    A digest without a key is no protection: there are few tail numbers, and fewer people.
    """
    hashed = [name for name, column in document.columns.items() if column.personal == "hash"]
    if hashed and (key is None or len(key) < KEY_BYTES_MIN):
        raise InvalidArgument(
            f"column {hashed[0]!r} is to be hashed: a key of at least {KEY_BYTES_MIN} bytes is"
            " needed ([personal] key_file, or key=)"
        )


def protect(frame: pl.DataFrame, document: Document, key: bytes | None) -> pl.DataFrame:
    """Return the frame as it may be stored. Equal values stay equal; nulls stay null."""
    check_key(document, key)
    for name, column in document.columns.items():
        if name not in frame.columns or column.personal is None:
            continue
        if column.personal == "drop":
            frame = frame.drop(name)
            continue
        assert key is not None
        values = frame[name].cast(pl.String).unique().drop_nulls().to_list()
        hashed = [_hashed(name, value, key) for value in values]
        replaced = pl.col(name).cast(pl.String).replace_strict(values, hashed, default=None)
        frame = frame.with_columns(replaced.cast(pl.String).alias(name))
    return frame


def _hashed(column: str, value: str, key: bytes) -> str:
    message = f"{column}\0{value}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:32]
