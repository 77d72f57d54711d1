"""Registry pulls: from `models:/flights@champion` to a verified version that serves.

>>> import mlops_engine as me
>>> reference = me.registry.resolve("models:/flights@champion")  # doctest: +SKIP
>>> reference.pull("models").directory  # doctest: +SKIP
PosixPath('models/flights/3')

`resolve` asks a source what an address means now, and pins it by digest. `pull` fetches into a
store that engines share, verifies, and activates in a model repository by one rename. See
docs/registry.md.
"""

from pathlib import Path

from .activate import active
from .address import Address, Selector, parse
from .collect import Collected, collect
from .manifest import FileFacts, Manifest, Signature, TensorFacts, decode, encode
from .pace import Backoff, Bandwidth
from .pull import Pulled, default_store, pull
from .push import Pushed, Registry, push
from .reference import Reference
from .reference import resolve as _resolve
from .semver import SemanticVersion, VersionRange
from .source import RemoteFile, Source, Version
from .sources.folder import FolderSource
from .sources.local import LocalRegistry
from .sources.opening import open_source
from .store import Store
from .transfer import Transfer
from .trust import Trust

__all__ = [
    "Address",
    "Backoff",
    "Bandwidth",
    "Collected",
    "FileFacts",
    "FolderSource",
    "LocalRegistry",
    "Manifest",
    "Pulled",
    "Pushed",
    "Reference",
    "Registry",
    "RemoteFile",
    "Selector",
    "SemanticVersion",
    "Signature",
    "Source",
    "Store",
    "TensorFacts",
    "Transfer",
    "Trust",
    "Version",
    "VersionRange",
    "active",
    "collect",
    "decode",
    "default_store",
    "encode",
    "open_source",
    "parse",
    "pull",
    "push",
    "resolve",
]


def resolve(address: str | Address, source: Source | str | Path | None = None) -> Reference:
    """Find out what an address means now, and pin it.

    Parameters
    ----------
    address
        `models:/name@alias`, `models:/name/3`, `models:/name/^1.2`, `models:/name?tag=value`.
    source
        A source, or what names one: a folder, `mlflow+https://host`, `s3://bucket/prefix` …; the
        local registry of this user by default. Credentials need `open_source`.

    Raises
    ------
    NotFound
        There is no such model, version or alias.
    Unavailable
        The source cannot be reached.
    InvalidArgument
        The address or the manifest is wrong, or the files are not those of the manifest.
    """
    if source is None:
        source = LocalRegistry()
    elif isinstance(source, str | Path):
        source = open_source(str(source))
    return _resolve(address, source)
