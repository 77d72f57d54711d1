"""An object store that is written to: versions once, their index by compare-and-swap.

A version's objects are written under a number that was claimed by creating its `bundle.json`, which
only one writer can. It exists when `index.json` lists it, which is written last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlops_engine.errors import AlreadyExists, InvalidArgument, NotFound, Unavailable

from .. import catalog
from ..manifest import FILE_NAME, MANIFEST_BYTES_MAX, SIGNATURE_FILE, decode, digest
from ..names import check_file_names, check_model_name
from ..source import Version
from .objects import ObjectSource

TRIES = 20


class BucketRegistry(ObjectSource):
    """A registry in a bucket that this process may write to. Safe between writers everywhere."""

    def publish(self, model: str, files: Mapping[str, Path], tags: Mapping[str, str]) -> Version:
        """Upload a version, and list it when all of it is there.

        Raises
        ------
        InvalidArgument
            If there is no manifest among the files, or it lists others.
        Unavailable
            If other writers were always faster.
        """
        data = files[FILE_NAME].read_bytes() if FILE_NAME in files else b""
        manifest = decode(data)
        if set(manifest.files) != set(files) - {FILE_NAME, SIGNATURE_FILE}:
            raise InvalidArgument(f"the files are not those of {FILE_NAME}")
        check_file_names(files)
        number = self._claim(check_model_name(model), data)
        for name, path in files.items():
            if name != FILE_NAME:
                self.write(f"{model}/{number}/{name}", path)
        entry = catalog.Entry(
            manifest.semantic_version, dict(tags), digest(data), SIGNATURE_FILE in files
        )
        self._change(model, lambda found: found.with_version(str(number), entry))
        return self._listed(model, str(number))

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """Let an alias mean a version from now on."""
        self._listed(model, str(number))
        self._change(model, lambda found: found.with_aliases({alias: str(number)}))

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        self._listed(model, str(number))

        def tagged(found: catalog.Catalog) -> catalog.Catalog:
            entry = found.versions[str(number)]
            entry = msgspec.structs.replace(entry, tags={**entry.tags, key: value})
            return found.with_version(str(number), entry)

        self._change(model, tagged)

    def _listed(self, model: str, id_: str) -> Version:
        for version in self.versions(model):
            if version.id == id_:
                return version
        raise NotFound(f"{self.name} has no version {id_} of {model!r}")

    def _claim(self, model: str, data: bytes) -> int:
        """Take the next number: nobody else can create its manifest."""
        number = max((int(n) for n in self.folders(model)), default=0) + 1
        for _ in range(TRIES):
            try:
                self.write(f"{model}/{number}/{FILE_NAME}", data, mode="create")
                return number
            except AlreadyExists:
                number += 1
        raise Unavailable(f"{self.name}: {TRIES} numbers of {model!r} were taken meanwhile")

    def _change(self, model: str, change: Callable[[catalog.Catalog], catalog.Catalog]) -> None:
        """Replace the index, if it is still the one that was read."""
        path = f"{model}/{catalog.NAME}"
        for _ in range(TRIES):
            mode: Any = "create"
            try:
                data, tag = self.read_tagged(path, catalog.BYTES_MAX)
                found, mode = catalog.decode(data, f"{self.name}/{model}"), {"e_tag": tag}
            except NotFound:
                # Versions that were there before there was an index stay versions.
                found = catalog.Catalog(versions=self._whole(model))
            try:
                self.write(path, change(found).encoded(), mode=mode)
                return
            except AlreadyExists:
                continue
        raise Unavailable(f"{self.name}: the index of {model!r} is always being changed")

    def _whole(self, model: str) -> dict[str, catalog.Entry]:
        return {n: self._entry(model, n) for n in self.folders(model) if self.has_model(model, n)}

    def _entry(self, model: str, number: str) -> catalog.Entry:
        try:
            data = self.read(f"{model}/{number}/{FILE_NAME}", MANIFEST_BYTES_MAX)
            return catalog.Entry(decode(data).semantic_version, digest=digest(data))
        except (InvalidArgument, NotFound):
            return catalog.Entry()
