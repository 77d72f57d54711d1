"""From a reference to a version that serves: fetch, verify, activate, remember."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_engine.errors import InvalidArgument

from . import history
from .activate import activate
from .bundle import Bundle
from .manifest import SIGNATURE_FILE, FileFacts, decode, encode
from .names import check_model_name
from .reference import SIGNATURE_BYTES_MAX, Reference, read_small
from .semver import SemanticVersion
from .source import RemoteFile
from .store import Store
from .transfer import Transfer

Verify = Callable[[str, Bundle], None]


@dataclass(frozen=True)
class Pulled:
    """What `pull` did.

    Attributes
    ----------
    directory
        `<repository>/<model>/<number>`.
    changed
        False if all of it was in place already.
    fetched_bytes
        What had to be downloaded.
    """

    directory: Path
    number: int
    digest: str
    semantic_version: str
    changed: bool
    fetched_bytes: int


def default_store() -> Path:
    """Return the store of this user, which all engines of the machine may share."""
    return Path.home() / ".local" / "share" / "mlops-engine" / "store"


def pull(
    reference: Reference,
    repository: str | Path,
    *,
    store: Store | None = None,
    name: str | None = None,
    transfer: Transfer | None = None,
    verify: Verify | None = None,
) -> Pulled:
    """Make what a reference means the version that a repository serves.

    Files that the store has are not fetched again. Nothing changes in the repository before all
    files have their digests, and `verify` has agreed; then one rename does.

    Parameters
    ----------
    name
        What the model is called in the repository; as in the source by default.
    verify
        Called with the model's name and the bundle; raises if it must not serve.

    Raises
    ------
    Unavailable
        The source failed again and again; what came is kept, and gone on with next time.
    InvalidArgument
        The bundle is not what it says, is refused by `verify`, or was another one when its version
        was pulled first.
    ResourceExhausted
        The disk is full.
    """
    store = store or Store(default_store())
    model = check_model_name(name or reference.model)
    with store.pulling():
        bundle, fetched = obtain(reference, store, transfer or Transfer())
        with history.change(store, model) as memory:
            memory.pin(reference.source.name, _pin_name(reference), bundle.digest)
        if verify is not None:
            verify(model, bundle)
        # Only now: another's signature must not take the place of one that was good.
        if bundle.signature is not None:
            store.put_signature(bundle.digest, bundle.signature)
        with history.change(store, model) as memory:
            number = memory.number_of(bundle.digest, reference.version.number)
        directory, changed = activate(store, Path(repository), model, number, bundle)
        with history.change(store, model) as memory:
            memory.activated(_good(reference, bundle, number))
    semantic = bundle.manifest.semantic_version
    return Pulled(directory, number, bundle.digest, semantic, changed, fetched)


def obtain(reference: Reference, store: Store, transfer: Transfer) -> tuple[Bundle, int]:
    """Bring all files of a bundle into the store; returns how many bytes had to come."""
    fetched, found = 0, {}
    signature: bytes | None = None
    for file in reference.files:
        if file.name == SIGNATURE_FILE:
            signature = read_small(reference.source, file, SIGNATURE_BYTES_MAX)
            continue
        facts, came = _obtain_file(reference, file, store, transfer)
        found[file.name] = facts
        fetched += came
    data = reference.data or _make_manifest(reference, found)
    return Bundle(store.put_bundle(data), decode(data), data, signature), fetched


def _obtain_file(
    reference: Reference, file: RemoteFile, store: Store, transfer: Transfer
) -> tuple[FileFacts, int]:
    known = None
    if file.sha256 is not None and file.bytes is not None:
        known = FileFacts(file.sha256, file.bytes)
        if store.has(known) and store.check(known):
            return known, 0
    # Engines that want the same file wait for the first of them, then find it here.
    key = file.sha256 or "|".join((reference.source.name, file.locator, reference.version.id))
    with store.part(key) as part:
        if known is not None and store.has(known):
            return known, 0
        facts = transfer.fetch(reference.source, file, part)
        store.keep(part, facts)
    return facts, facts.bytes


def _make_manifest(reference: Reference, files: dict[str, FileFacts]) -> bytes:
    """Write a manifest for a version that came without one."""
    version = reference.version
    try:
        semantic = str(SemanticVersion.parse(version.semantic_version or "0.0.0"))
    except InvalidArgument:
        semantic = "0.0.0"
    lineage = {"source": reference.source.name, "version": version.id}
    facts = {"name": reference.model, "semantic_version": semantic, "lineage": lineage}
    return encode(files, facts)


def _pin_name(reference: Reference) -> str:
    return f"{reference.model}/{reference.version.id}"


def _good(reference: Reference, bundle: Bundle, number: int) -> history.Good:
    return history.Good(
        digest=bundle.digest,
        number=number,
        version=reference.version.id,
        source=reference.source.name,
        resolved=reference.digest,
        semantic_version=bundle.manifest.semantic_version,
        at=time.time(),
    )
