"""A source from the one line that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlops_engine.errors import InvalidArgument

from ..source import Source
from ..web import WebOptions
from .bucket import BucketRegistry
from .folder import FolderSource
from .hub import ENDPOINT, HubSource
from .local import LocalRegistry
from .mlflow import MlflowSource
from .oci import OciSource
from .plain import PlainSource


def open_source(
    url: str,
    web: WebOptions | None = None,
    objects: Mapping[str, Any] | None = None,
    workspace: str | None = None,
) -> Source:
    """Open a source.

    ============================== ==============================================
    `/path`, `file:///path`        the local registry there, or a Triton repository
    `mlflow+https://host`          MLflow (also `mlflow+http://`)
    `https://host/path`            plain files with an index (also `http://`)
    `s3://bucket/prefix`           an S3-compatible store, `objects` are its settings
    `oci://host/prefix`            an OCI registry (`oci+http://` without TLS)
    `hf://`, `hf+https://host`     Hugging Face's hub, or one like it
    ============================== ==============================================

    Raises
    ------
    InvalidArgument
        If nothing is named like that.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme == "file":
        return _open_folder(Path(unquote(urlsplit(url).path) if separator else url))
    if scheme in {"mlflow+http", "mlflow+https"}:
        return MlflowSource(url.removeprefix("mlflow+"), web, workspace)
    if scheme in {"http", "https"}:
        return PlainSource(url, web)
    if scheme in {"s3", "s3a", "gs", "az", "abfs"}:
        return BucketRegistry(url, objects)
    if scheme in {"oci", "oci+http"}:
        return OciSource(url, web)
    if scheme in {"hf", "hf+http", "hf+https"}:
        return HubSource(url.removeprefix("hf+") if "+" in scheme else ENDPOINT, web)
    raise InvalidArgument(f"{scheme}:// is no kind of source that is known here")


def _open_folder(path: Path) -> Source:
    if (path / "index.sqlite").is_file():
        return LocalRegistry(path)
    if not path.is_dir():
        raise InvalidArgument(f"{path} is not a folder")
    return FolderSource(path)
