"""The manifest, with a semantic version by what changed since the highest; and a signature."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from mlops_engine.registry.hashing import digest_file
from mlops_engine.registry.manifest import (
    FILE_NAME,
    SIGNATURE_FILE,
    Manifest,
    decode,
    digest,
    encode,
)
from mlops_engine.registry.push import complete, highest
from mlops_engine.registry.signing import sign

from ..registries import registry_of
from ..secrets import read_secret
from ..sections import Sign
from ..stage import Context, Facts
from .card import BUNDLE

__all__ = ["bundle_files", "observe", "run"]


def observe(context: Context) -> Any:
    """Say after which version this one comes; and whose key signs it, without the key."""
    parent, _ = _parent(context)
    key, _ = _key(context)
    return {"parent": parent, "signer": _public(key) if key else None}


def run(context: Context) -> Facts:
    """Complete the manifest, and sign it if there is a key."""
    parent, previous = _parent(context)
    with tempfile.TemporaryDirectory(prefix="mlops-sign-") as scratch:
        folder = Path(shutil.copytree(context.inputs["card"] / BUNDLE, Path(scratch) / "bundle"))
        facts = context.read_json("card", "facts.json")
        facts["lineage"]["parent"] = parent
        files = {path.name: digest_file(path) for path in folder.iterdir()}
        given = encode(files, {**facts, "semantic_version": "0.0.0"})
        (folder / FILE_NAME).write_bytes(given)
        _, data = complete(previous, context.plan.pipeline.model, folder)
    (context.out / FILE_NAME).write_bytes(data)
    manifest = decode(data)
    key, password = _key(context)
    if key:
        signature = sign(manifest, data, key, password)
        (context.out / SIGNATURE_FILE).write_bytes(signature)
    signed = "signed" if key else "not signed"
    context.progress.step(f"  {manifest.semantic_version}, {signed}")
    return {
        "semantic_version": manifest.semantic_version,
        "digest": digest(data),
        "parent": parent,
        "signed": bool(key),
    }


def bundle_files(context: Context) -> dict[str, Path]:
    """Return every file of the version, by name."""
    folders = (context.inputs["card"] / BUNDLE, context.inputs["sign"])
    return {
        path.name: path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != "stage.json"
    }


def _parent(context: Context) -> tuple[str | None, Manifest | None]:
    """Return the digest and manifest of the version before this one.

    If the highest version has these very files, it is this one: its parent is ours.
    """
    bundle = context.inputs["card"] / BUNDLE
    ours = {path.name: digest_file(path) for path in bundle.iterdir()}
    registry, model = registry_of(context), context.plan.pipeline.model
    found = highest(registry, model)
    if found is not None and dict(found.files) == ours and "parent" in found.lineage:
        parent = found.lineage["parent"]
        return parent, _by_digest(registry, model, parent) if parent else None
    return (digest(_bytes_of(found)), found) if found is not None else (None, None)


def _bytes_of(manifest: Manifest) -> bytes:
    facts = {k: v for k, v in manifest.raw.items() if k not in {"format", "files"}}
    return encode(manifest.files, facts)


def _by_digest(registry: Any, model: str, wanted: str) -> Manifest | None:
    from mlops_engine.registry import Address, Selector
    from mlops_engine.registry.reference import resolve

    for version in registry.versions(model):
        found = resolve(Address(model, Selector("version", version.id)), registry).manifest
        if found is not None and digest(_bytes_of(found)) == wanted:
            return found
    return None


def _key(context: Context) -> tuple[bytes | None, str | None]:
    settings: Sign | None = context.plan.sections.get("sign")
    if settings is None:
        return None, None
    folder = context.plan.folder
    key = read_secret(settings.key, context.environ, folder)
    if settings.password is None:
        return key, None
    return key, read_secret(settings.password, context.environ, folder).decode().strip()


def _public(key: bytes) -> str:
    """Name a key by a digest that does not tell anything of it."""
    import hashlib

    return hashlib.sha256(b"mlops signer\0" + key).hexdigest()[:16]
