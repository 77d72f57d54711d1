"""Tables from where they are into polars, by address: files, object stores, databases."""

from __future__ import annotations

import contextlib
import io
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from mlops_engine.errors import InvalidArgument, NotFound, Unavailable

from .tables import near

__all__ = ["FORMATS", "read_table"]

FORMATS: dict[str, Callable[..., pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda source, **options: pl.read_csv(source, infer_schema_length=None, **options),
    ".arrow": pl.read_ipc,
    ".feather": pl.read_ipc,
    ".ipc": pl.read_ipc,
    ".ndjson": pl.read_ndjson,
    ".jsonl": pl.read_ndjson,
}
_OBJECTS = {"s3", "gs", "gcs", "az", "abfs", "http", "https"}


def read_table(
    address: str | Path,
    *,
    query: str | None = None,
    store: Mapping[str, Any] | None = None,
    **options: Any,
) -> pl.DataFrame:
    """Read a table.

    Parameters
    ----------
    address
        A path (Parquet, CSV, Arrow, NDJSON by its ending; a glob of them), an object
        (`s3://bucket/key.parquet`, `gs://`, `az://`, `https://`), or a database
        (`sqlite:///path.db`, `postgresql://user@host/db`).
    query
        What a database is asked; only there.
    store
        For objects: what obstore's store takes (`endpoint`, `region`, `access_key_id` ..).
    options
        For polars's reader of the format.

    Raises
    ------
    NotFound
        There is no such file, object or database.
    Unavailable
        The store or the database cannot be reached.
    InvalidArgument
        It is not of its format, or the address is not understood.
    """
    text = str(address)
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme in {"sqlite", "postgresql"}:
        if not query:
            raise InvalidArgument(f"{scheme} is asked by a query, and there is none")
        return (_sqlite if scheme == "sqlite" else _postgresql)(text, query)
    if query is not None:
        raise InvalidArgument("a query is for databases")
    if scheme and scheme not in _OBJECTS:
        known = [*_OBJECTS, "sqlite", "postgresql"]
        raise InvalidArgument(f"addresses have no scheme {scheme!r}{near(scheme, known)}")
    path = urlsplit(text).path if scheme else text
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in FORMATS:
        raise InvalidArgument(f"no format ends in {suffix!r}{near(suffix, FORMATS)}")
    source: Any = io.BytesIO(_object(text, store or {})) if scheme else text
    try:
        return FORMATS[suffix](source, **options)
    except FileNotFoundError:
        raise NotFound(f"there is no {text}") from None
    except pl.exceptions.PolarsError as error:
        raise InvalidArgument(f"{_shown(text)}: {error}") from None


def _object(url: str, store: Mapping[str, Any]) -> bytes:
    try:
        import obstore
        from obstore.store import from_url
    except ImportError:
        raise InvalidArgument(
            "object stores need obstore; install it with: pip install 'mlops-engine[registry]'"
        ) from None
    parts = urlsplit(url)
    config = dict(store)
    if url.startswith("http://") or str(config.get("endpoint", "")).startswith("http://"):
        config.setdefault("client_options", {"allow_http": True})
    make: Any = from_url
    try:
        bucket = make(f"{parts.scheme}://{parts.netloc}", retry_config={"max_retries": 2}, **config)
        return bytes(obstore.get(bucket, unquote(parts.path.lstrip("/"))).bytes())
    except FileNotFoundError:
        raise NotFound(f"there is no {_shown(url)}") from None
    except Exception as error:  # obstore has a class for each store's errors, and no common one
        raise Unavailable(f"{_shown(url)}: {error}") from error


def _sqlite(url: str, query: str) -> pl.DataFrame:
    path = unquote(urlsplit(url).path)
    # sqlite:///relative.db, sqlite:////absolute.db, as everybody has it.
    file = Path(path.removeprefix("/"))
    if not file.is_file():
        raise NotFound(f"there is no database {file}")
    # Opened so that no query can write.
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        return _asked(query, connection, sqlite3.Error)


def _postgresql(url: str, query: str) -> pl.DataFrame:
    try:
        import psycopg  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise InvalidArgument("postgresql:// needs psycopg; install it") from None
    try:
        connection = psycopg.connect(url, options="-c default_transaction_read_only=on")
    except psycopg.OperationalError as error:
        raise Unavailable(f"{_shown(url)}: {error}") from None
    with contextlib.closing(connection):
        return _asked(query, connection, psycopg.Error)


def _asked(query: str, connection: Any, error_of: type[Exception]) -> pl.DataFrame:
    try:
        return pl.read_database(query, connection, infer_schema_length=None)
    except (error_of, pl.exceptions.PolarsError) as error:
        raise InvalidArgument(f"query: {error}") from None


def _shown(url: str) -> str:
    """Return an address without the password that may be in it."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url.partition("?")[0] if parts.scheme else url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
