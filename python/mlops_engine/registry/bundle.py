"""A bundle whose files are all in the store."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_engine.errors import NotFound

from .manifest import Manifest, decode
from .store import Store


@dataclass(frozen=True)
class Bundle:
    """A bundle all of which is in the store.

    Attributes
    ----------
    data
        The bytes of `bundle.json`; `digest` is their digest.
    signature
        What `model.sig` holds, unverified; None without one.
    """

    digest: str
    manifest: Manifest
    data: bytes
    signature: bytes | None = None


def from_store(store: Store, digest: str) -> Bundle:
    """Read a bundle that was pulled before, every file of it.

    Raises
    ------
    NotFound
        If a file is missing or damaged; damaged ones are removed, so that a pull fetches them.
    """
    data = store.bundle(digest)
    manifest = decode(data)
    for name, facts in manifest.files.items():
        if not store.check(facts):
            raise NotFound(f"{name!r} of {digest} is missing from the store, or was damaged")
    return Bundle(digest, manifest, data, store.signature(digest))
