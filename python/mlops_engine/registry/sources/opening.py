"""A source from the one line that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlops_engine.errors import InvalidArgument

from ..source import Source
from ..web import WebOptions
from .folder import FolderSource
from .local import LocalRegistry
from .objects import ObjectSource
from .plain import PlainSource


def open_source(
    url: str,
    web: WebOptions | None = None,
    objects: Mapping[str, Any] | None = None,
) -> Source:
    """Open a source.

    ============================== ==============================================
    `/path`, `file:///path`        the local registry there, or a Triton repository
    `https://host/path`            plain files with an index (also `http://`)
    `s3://bucket/prefix`           an S3-compatible store, `objects` are its settings
    ============================== ==============================================

    Raises
    ------
    InvalidArgument
        If nothing is named like that.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme == "file":
        return _open_folder(Path(unquote(urlsplit(url).path) if separator else url))
    if scheme in {"http", "https"}:
        return PlainSource(url, web)
    if scheme in {"s3", "s3a", "gs", "az", "abfs"}:
        return ObjectSource(url, objects)
    raise InvalidArgument(f"{scheme}:// is no kind of source that is known here")


def _open_folder(path: Path) -> Source:
    if (path / "index.sqlite").is_file():
        return LocalRegistry(path)
    if not path.is_dir():
        raise InvalidArgument(f"{path} is not a folder")
    return FolderSource(path)
