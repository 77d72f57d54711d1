"""Hugging Face's hub, or a server that answers like it: a model is `org--name`, a version a commit.

Names of models have no slash here, as they become folders: `models:/org--name@main` asks for the
branch `main` of `org/name`. What is pulled is the commit that the branch points to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mlops_engine.errors import InvalidArgument, NotFound, Unavailable

from ..address import Selector
from ..manifest import FILES_MAX
from ..source import Body, RemoteFile, Version, select
from ..web import Web, WebOptions

ENDPOINT = "https://huggingface.co"
# Weights of other frameworks lie beside the ONNX files, and are not wanted.
WANTED = re.compile(
    r"(?!.*(?:^|/)\.)(?:.*\.(?:onnx|onnx_data|onnx\.data|data|json|txt|md|toml|yaml|profile|pbtxt)"
    r"|(?:.*/)?model\.sig|LICENSE)"
)


class HubSource:
    """A hub. Thread-safe.

    Parameters
    ----------
    folder
        Where in a repository the model lies, for those that have several variants.
    """

    def __init__(
        self, endpoint: str = ENDPOINT, options: WebOptions | None = None, folder: str = ""
    ) -> None:
        self._web = Web(endpoint, options)
        self._folder = f"{folder.strip('/')}/" if folder.strip("/") else ""

    @property
    def name(self) -> str:
        """Where it is, without credentials."""
        return self._web.base

    def find(self, model: str, selector: Selector) -> Version:
        """Find the commit of a branch or tag; a range chooses among tags such as `v1.2.3`."""
        revision = selector.value
        if selector.kind == "latest":
            revision = "main"
        elif selector.kind == "range":
            revision = select(model, selector, self._tags(model)).id
        elif selector.kind == "tag":
            raise InvalidArgument("the hub has no tags with values; its aliases are revisions")
        path = f"api/models/{_repository(model)}/revision/{quote(revision, safe='')}"
        found = self._web.json("GET", path)
        commit = found.get("sha") if isinstance(found, dict) else None
        if not isinstance(commit, str) or not re.fullmatch(r"[0-9a-f]{40,64}", commit):
            raise Unavailable(f"{self.name} answered without a commit")
        semantic = revision.removeprefix("v")
        return Version(model, commit, semantic, aliases=(revision,), locator=commit)

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List what of a commit is wanted; large files have their digest."""
        repository = _repository(version.model)
        path = f"api/models/{repository}/tree/{version.locator}?recursive=true"
        entries: Any = self._web.json("GET", path)
        if not isinstance(entries, list) or len(entries) > FILES_MAX:
            raise InvalidArgument(f"{self.name} lists no files of {repository}, or too many")
        found = []
        for entry in entries:
            name = str(entry.get("path", ""))
            short = name.removeprefix(self._folder)
            inside = name.startswith(self._folder) and WANTED.fullmatch(short)
            if entry.get("type") == "file" and inside:
                large = entry.get("lfs") or {}
                locator = f"{repository}/resolve/{version.locator}/{quote(name)}"
                size = int(large.get("size", entry.get("size", 0)))
                found.append(RemoteFile(short, size, large.get("oid"), locator))
        if not found:
            raise NotFound(f"{repository} has no ONNX model below {self._folder or 'its root'!r}")
        return found

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a file of the commit, from wherever the hub redirects to."""
        return self._web.get(file.locator, offset)

    def _tags(self, model: str) -> Sequence[Version]:
        found = self._web.json("GET", f"api/models/{_repository(model)}/refs")
        tags = found.get("tags", []) if isinstance(found, dict) else []
        names = [str(tag.get("name", "")) for tag in tags]
        return [Version(model, name, name.removeprefix("v")) for name in names]


def _repository(model: str) -> str:
    return quote(model.replace("--", "/", 1))
