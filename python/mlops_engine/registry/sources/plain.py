"""Versions on a web server that serves files, and nothing more (`catalog.py` is the layout)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from mlops_engine.errors import Unavailable

from .. import catalog
from ..address import Selector
from ..manifest import FILE_NAME, MANIFEST_BYTES_MAX, SIGNATURE_FILE, decode
from ..names import check_model_name
from ..source import Body, RemoteFile, Version, select
from ..web import Web, WebOptions


class PlainSource:
    """A registry of plain files over HTTP or HTTPS. Thread-safe."""

    def __init__(self, base: str, options: WebOptions | None = None) -> None:
        self._web = Web(base, options)

    @property
    def name(self) -> str:
        """Where it is, without credentials."""
        return self._web.base

    def find(self, model: str, selector: Selector) -> Version:
        """Find a version by what the model's index says."""
        return select(model, selector, self._catalog(model).listed(model, quote(model)))

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List what the manifest lists: a web server itself lists nothing."""
        path = f"{version.locator}/{FILE_NAME}"
        with self._web.get(path) as reply:
            data = reply.read(MANIFEST_BYTES_MAX)
        names = list(decode(data).files)
        if self._exists(f"{version.locator}/{SIGNATURE_FILE}"):
            names.append(SIGNATURE_FILE)
        entry = self._catalog(version.model).versions.get(version.id, catalog.Entry())
        digest = entry.digest.partition(":")[2] if entry.digest else None
        manifest = RemoteFile(FILE_NAME, len(data), digest, path)
        files = [RemoteFile(n, locator=f"{version.locator}/{quote(n)}") for n in names]
        return [manifest, *files]

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a file, from `offset` on if the server has ranges."""
        return self._web.get(file.locator, offset)

    def _catalog(self, model: str) -> catalog.Catalog:
        where = quote(check_model_name(model))
        with self._web.get(f"{where}/{catalog.NAME}") as reply:
            return catalog.decode(reply.read(catalog.BYTES_MAX), f"{self.name}/{where}")

    def _exists(self, path: str) -> bool:
        reply = self._web.send("HEAD", path)
        with reply:
            reply.read()
            found = reply.status == 200
        if not found and reply.status not in {404, 403, 410}:
            raise Unavailable(f"{self.name}/{path} answered {reply.status}")
        return found
