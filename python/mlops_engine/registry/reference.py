"""An address turned into something that cannot change any more: `resolve`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlops_engine.errors import InvalidArgument, NotFound, Unavailable

from .address import Address, parse
from .manifest import (
    FILE_NAME,
    MANIFEST_BYTES_MAX,
    MODEL_FILE,
    SIGNATURE_FILE,
    Manifest,
    decode,
    digest,
)
from .names import check_file_names
from .source import RemoteFile, Source, Version

if TYPE_CHECKING:
    from .pull import Pulled

SIGNATURE_BYTES_MAX = 32 << 20


@dataclass(frozen=True)
class Reference:
    """One version of one model, pinned.

    Attributes
    ----------
    digest
        `sha256:…` of `bundle.json`, which pins every byte. A source whose versions have no manifest
        gives `listing-sha256:…`: the names, sizes and digests that it lists. The first pull pins
        the bytes then.
    files
        What is to be fetched.
    manifest, data
        The manifest and its bytes; None without one.
    """

    source: Source
    address: Address
    version: Version
    digest: str
    files: Sequence[RemoteFile]
    manifest: Manifest | None = None
    data: bytes | None = None

    @property
    def model(self) -> str:
        """The model's name in the source."""
        return self.address.model

    def pull(self, repository: Any, **options: Any) -> Pulled:
        """Fetch, verify and activate; see `mlops_engine.registry.pull`."""
        from .pull import pull

        return pull(self, repository, **options)

    def __str__(self) -> str:
        return f"{self.address} is version {self.version.id} of {self.source.name}, {self.digest}"


def resolve(address: str | Address, source: Source) -> Reference:
    """Find out what an address means now.

    Raises
    ------
    NotFound
        There is no such model, version or alias.
    Unavailable
        The source cannot be reached.
    InvalidArgument
        The address or the manifest is wrong, or the files are not those of the manifest.
    """
    where = parse(address) if isinstance(address, str) else address
    version = source.find(where.model, where.selector)
    listed = {file.name: file for file in source.files(version)}
    if FILE_NAME not in listed:
        files = without_manifest(listed)
        return Reference(source, where, version, _listing_digest(source, version, files), files)
    data = read_small(source, listed[FILE_NAME], MANIFEST_BYTES_MAX)
    if listed[FILE_NAME].sha256 not in {None, digest(data).partition(":")[2]}:
        raise InvalidArgument(f"{FILE_NAME} of {version.id} is not what {source.name} says it is")
    manifest = decode(data)
    files = _as_listed(manifest, listed)
    return Reference(source, where, version, digest(data), files, manifest, data)


def read_small(source: Source, file: RemoteFile, bytes_max: int) -> bytes:
    """Read a whole file into memory, if it is no larger than `bytes_max`.

    Raises
    ------
    InvalidArgument
        If it is.
    """
    if (file.bytes or 0) > bytes_max:
        raise InvalidArgument(f"{file.name!r} has {file.bytes} bytes; {bytes_max} are allowed")
    body = source.open(file)
    try:
        if body.start != 0:
            raise Unavailable(f"{source.name} did not begin {file.name!r} at its beginning")
        found, buffer = bytearray(), bytearray(1 << 16)
        while count := body.readinto(memoryview(buffer)):
            found += buffer[:count]
            if len(found) > bytes_max:
                raise InvalidArgument(f"{file.name!r} is larger than {bytes_max} bytes")
    finally:
        body.close()
    return bytes(found)


def _as_listed(manifest: Manifest, listed: dict[str, RemoteFile]) -> list[RemoteFile]:
    """Check the listing against the manifest: nothing is missing, nothing else is there."""
    extra = sorted(set(listed) - set(manifest.files) - {FILE_NAME, SIGNATURE_FILE})
    if extra:
        raise InvalidArgument(f"{extra[0]!r} is not in {FILE_NAME}, and {len(extra) - 1} more")
    files = []
    for name, facts in manifest.files.items():
        if name not in listed:
            raise InvalidArgument(f"{name!r} of {FILE_NAME} is not there")
        file = listed[name]
        if file.bytes not in {None, facts.bytes} or file.sha256 not in {None, facts.sha256}:
            raise InvalidArgument(f"{name!r} is not the file of {FILE_NAME}: size or digest differ")
        files.append(RemoteFile(name, facts.bytes, facts.sha256, file.locator))
    if SIGNATURE_FILE in listed:
        files.append(listed[SIGNATURE_FILE])
    return files


def without_manifest(listed: dict[str, RemoteFile]) -> list[RemoteFile]:
    """Make a version's files those of a bundle: the graph becomes `model.onnx`.

    Raises
    ------
    NotFound
        If there is no ONNX file, or several and none is called `model.onnx`.
    """
    graphs = [name for name in listed if name.endswith(".onnx")]
    chosen = [name for name in graphs if name.rsplit("/", 1)[-1] == MODEL_FILE] or graphs
    if len(chosen) != 1:
        found = ", ".join(sorted(chosen)[:5]) or "none"
        raise NotFound(f"one ONNX file is needed to make a bundle; there is: {found}")
    folder = chosen[0].rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    files = []
    for name, file in listed.items():
        if name.startswith(prefix):  # weights outside the graph have names relative to it
            short = MODEL_FILE if name == chosen[0] else name[len(prefix) :]
            files.append(RemoteFile(short, file.bytes, file.sha256, file.locator))
    check_file_names(file.name for file in files)
    return files


def _listing_digest(source: Source, version: Version, files: Sequence[RemoteFile]) -> str:
    facts = sorted((f.name, f.bytes, f.sha256) for f in files)
    text = json.dumps([source.name, version.model, version.id, facts])
    return "listing-sha256:" + sha256(text.encode()).hexdigest()
