"""`bundle.json`: what a version consists of. Read strictly, written by `encode` alone.

The digest of a bundle is the SHA-256 of these bytes, and these bytes hold the SHA-256 of every
other file: one digest pins all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from mlops_engine.errors import InvalidArgument

from .names import check_file_names
from .semver import SemanticVersion

FILE_NAME, MODEL_FILE, SIGNATURE_FILE = "bundle.json", "model.onnx", "model.sig"
FORMAT = 1
MANIFEST_BYTES_MAX = 8 << 20
FILES_MAX = 10_000
FILE_BYTES_MAX = 1 << 40
BUNDLE_BYTES_MAX = 1 << 42

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class FileFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size and digest of a file."""

    sha256: Sha256
    bytes: Annotated[int, msgspec.Meta(ge=0, le=FILE_BYTES_MAX)]


class TensorFacts(msgspec.Struct, frozen=True):
    """An input or output of the graph in KServe's names; a dimension of -1 is free."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    datatype: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9]{1,7}$")]
    shape: Annotated[list[Annotated[int, msgspec.Meta(ge=-1)]], msgspec.Meta(max_length=32)]


class Signature(msgspec.Struct, frozen=True):
    """What goes in and comes out. What more is said of a tensor (units, features) is kept."""

    inputs: list[TensorFacts]
    outputs: list[TensorFacts]


class Manifest(msgspec.Struct, frozen=True):
    """A bundle's manifest.

    Attributes
    ----------
    files
        Every file but the manifest itself and the signature over it.
    semantic_version
        Major: another signature. Minor: retrained. Patch: built again.
    signature
        Inputs and outputs; None if whoever made the bundle did not say.
    lineage
        Data digests, code revision, run: what the model was made from.
    raw
        The whole document, with members that this reader does not know.
    """

    format: Literal[1]
    files: Annotated[dict[str, FileFacts], msgspec.Meta(min_length=1, max_length=FILES_MAX)]
    semantic_version: str
    name: str | None = None
    signature: Signature | None = None
    lineage: dict[str, Any] = {}
    raw: dict[str, Any] = {}

    @property
    def bytes_total(self) -> int:
        """Size of all files together."""
        return sum(facts.bytes for facts in self.files.values())

    @property
    def version(self) -> SemanticVersion:
        """The semantic version, to compare."""
        return SemanticVersion.parse(self.semantic_version)


def decode(data: bytes, bytes_max: int = BUNDLE_BYTES_MAX) -> Manifest:
    """Read a manifest that anyone may have written.

    Parameters
    ----------
    bytes_max
        What all files together may take.

    Raises
    ------
    InvalidArgument
        Says what is wrong: the bytes, a member of the document, or a file's name or size.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise InvalidArgument(f"{FILE_NAME} is larger than {MANIFEST_BYTES_MAX} bytes")
    try:
        document = json.loads(
            data.decode(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
        manifest = msgspec.convert(document, Manifest)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidArgument(f"{FILE_NAME} is not valid: {reason}") from error
    _check(manifest, bytes_max)
    return msgspec.structs.replace(manifest, raw=document)


def encode(files: Mapping[str, FileFacts], facts: Mapping[str, Any]) -> bytes:
    """Write a manifest: `facts` and the files' digests. Equal arguments give equal bytes.

    Raises
    ------
    InvalidArgument
        If `decode` would refuse the result.
    """
    entries = {name: msgspec.structs.asdict(files[name]) for name in sorted(files)}
    document = {"format": FORMAT, **facts, "files": entries}
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        data = f"{text}\n".encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"this cannot be written into {FILE_NAME}: {error}") from error
    decode(data)
    return data


def digest(data: bytes) -> str:
    """Return the digest that a bundle with this manifest is known by."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:100]!r} is there twice")
        found[key] = value
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _check(manifest: Manifest, bytes_max: int) -> None:
    SemanticVersion.parse(manifest.semantic_version)
    check_file_names(manifest.files)
    for name in (FILE_NAME, SIGNATURE_FILE):
        if name in manifest.files:
            raise InvalidArgument(f"{FILE_NAME} lists {name}, which it cannot hold the digest of")
    if MODEL_FILE not in manifest.files:
        raise InvalidArgument(f"{FILE_NAME} lists no {MODEL_FILE}")
    if manifest.bytes_total > bytes_max:
        raise InvalidArgument(
            f"the files of {FILE_NAME} take {manifest.bytes_total} bytes; {bytes_max} are allowed"
        )
