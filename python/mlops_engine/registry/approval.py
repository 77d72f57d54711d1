"""A second person agrees before an alias moves.

An approval is a signature over model, version, bundle and alias by an approver's key, kept as a tag
of the version. Whoever can write tags cannot make one up, and the key that signed the bundle does
not count: who made a version does not approve it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from mlops_engine.errors import InvalidArgument

from .address import Address, Selector
from .bundle import Bundle
from .manifest import SIGNATURE_FILE
from .push import Registry
from .reference import SIGNATURE_BYTES_MAX, Reference, read_small, resolve
from .signing import sign_message, verify_message, verify_signature

TAG = "approval"
KIND = "application/vnd.mlops-engine.approval+json"


def approve(
    registry: Registry,
    model: str,
    number: int,
    alias: str,
    private_key: bytes,
    *,
    password: str | None = None,
) -> None:
    """Agree that an alias may mean a version.

    Raises
    ------
    InvalidArgument
        If the version has no `bundle.json`, so that nothing pins what is agreed to.
    """
    reference = _pinned(registry, model, number)
    signature = sign_message(KIND, _message(reference, alias), private_key, password)
    registry.set_tag(model, number, _tag(alias), base64.b64encode(signature).decode())


def promote(
    registry: Registry,
    model: str,
    number: int,
    alias: str,
    approvers: Sequence[tuple[str, Any]] = (),
) -> Reference:
    """Let an alias mean a version, if it was approved.

    Parameters
    ----------
    approvers
        Patterns of models' names, each with a public key that may approve. Without any, no approval
        is asked for.

    Raises
    ------
    InvalidArgument
        If no approver's signature fits, or only that of the key which signed the bundle.
    """
    reference = _pinned(registry, model, number)
    keys = [key for pattern, key in approvers if fnmatchcase(model, pattern)]
    if approvers and not any(_approves(reference, alias, key) for key in keys):
        raise InvalidArgument(
            f"version {number} of {model!r} is not approved to be {alias!r} by a second person"
        )
    registry.set_alias(model, alias, number)
    return reference


def _pinned(registry: Registry, model: str, number: int) -> Reference:
    reference = resolve(Address(model, Selector("version", str(number))), registry)
    if reference.manifest is None:
        raise InvalidArgument(f"version {number} of {model!r} has no manifest that pins it")
    return reference


def _approves(reference: Reference, alias: str, key: Any) -> bool:
    tag = reference.version.tags.get(_tag(alias), "")
    try:
        signature = base64.b64decode(tag, validate=True)
        verify_message(KIND, _message(reference, alias), signature, key)
    except (InvalidArgument, binascii.Error, ValueError):
        return False
    return not _made_by(reference, key)


def _made_by(reference: Reference, key: Any) -> bool:
    """Whether a key signed the bundle itself."""
    for file in reference.files:
        if file.name == SIGNATURE_FILE and reference.manifest and reference.data:
            signature = read_small(reference.source, file, SIGNATURE_BYTES_MAX)
            bundle = Bundle(reference.digest, reference.manifest, reference.data, signature)
            try:
                verify_signature(bundle, key)
            except InvalidArgument:
                return False
            return True
    return False


def _message(reference: Reference, alias: str) -> bytes:
    facts = [reference.model, reference.version.id, reference.digest, alias]
    return json.dumps(facts).encode()


def _tag(alias: str) -> str:
    return f"{TAG}.{alias}"
