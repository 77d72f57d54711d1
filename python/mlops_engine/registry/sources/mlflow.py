"""MLflow's registry over REST. MLflow itself is not imported: that costs seconds, and 170 MB.

What its server does not say is not taken on trust: listings have sizes but no digests, artifacts
can be overwritten after a version is ready, and no time of change moves with an alias.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mlops_engine.errors import InvalidArgument, NotFound, Unavailable, Unimplemented

from ..address import Selector
from ..manifest import FILE_NAME, FILES_MAX, MANIFEST_BYTES_MAX, SIGNATURE_FILE, decode
from ..names import PARTS_MAX
from ..source import Body, RemoteFile, Version, select
from ..web import Web, WebOptions, raise_for

API, ARTIFACTS = "api/2.0/mlflow", "api/2.0/mlflow-artifacts"
SEMANTIC_TAGS = ("semantic_version", "semver")
PAGES_MAX = 200
FOLDER = "bundle"
PROXY, BY_SERVER = "proxy:", "server:"


class MlflowSource:
    """A registry of an MLflow tracking server, 2.x or 3.x. Thread-safe.

    Parameters
    ----------
    workspace
        Sent as `X-MLFLOW-WORKSPACE`.
    """

    def __init__(
        self, base: str, options: WebOptions | None = None, workspace: str | None = None
    ) -> None:
        self.web = Web(base, options)
        self._headers = {"X-MLFLOW-WORKSPACE": workspace} if workspace else {}
        self._presigns: bool | None = None

    @property
    def name(self) -> str:
        """Where it is, without credentials."""
        return self.web.base

    def find(self, model: str, selector: Selector) -> Version:
        """Find a version: one call for an alias or a number."""
        if selector.kind == "alias":
            try:
                found = self.call("registered-models/alias", name=model, alias=selector.value)
            except InvalidArgument as error:  # which is how a missing alias is answered
                raise NotFound(f"{model!r} has no alias {selector.value!r}: {error}") from error
        elif selector.kind == "version":
            found = self.call("model-versions/get", name=model, version=selector.value)
        else:
            return _ready(select(model, selector, self.versions(model)))
        return _ready(_version(_member(found, "model_version", dict)))

    def versions(self, model: str) -> Sequence[Version]:
        """List all versions of a model."""
        return [_version(row) for row in self._search(model)]

    def aliases(self, model: str) -> Mapping[str, str]:
        """Return what all aliases of a model mean: one call to poll several."""
        found = _member(self.call("registered-models/get", name=model), "registered_model", dict)
        return {str(a["alias"]): str(a["version"]) for a in found.get("aliases", [])}

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List a version's files, wherever the server keeps them."""
        asked = {"name": version.model, "version": version.id}
        uri = str(
            _member(self.call("model-versions/get-download-uri", **asked), "artifact_uri", str)
        )
        if urlsplit(uri).scheme == "mlflow-artifacts":
            root = urlsplit(uri).path.strip("/")
            return list(self._list(root, "", 0))
        return self._files_by_name(version, uri)

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a file: from the object store itself where the server lets one, through it else."""
        kind, _, path = file.locator.partition(":")
        if f"{kind}:" == BY_SERVER:
            return self.web.get(path, offset, self._headers)
        if self._presigned_downloads():
            try:
                return self._open_presigned(path, offset)
            except (NotFound, InvalidArgument, Unimplemented):
                self._presigns = False  # said so, but its store cannot
        return self.web.get(f"{ARTIFACTS}/artifacts/{quote(path)}", offset, self._headers)

    def call(self, endpoint: str, **query: str) -> dict[str, Any]:
        """Ask the registry."""
        path = f"{API}/{endpoint}?{urlencode(query)}"
        return _object(self.web.json("GET", path, headers=self._headers))

    def post(self, endpoint: str, body: Mapping[str, Any], method: str = "POST") -> dict[str, Any]:
        """Change something in the registry."""
        path = f"{API}/{endpoint}"
        return _object(self.web.json(method, path, dict(body), self._headers))

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        body = {"name": model, "version": str(number), "key": key, "value": value}
        self.post("model-versions/set-tag", body)

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """Let an alias mean a version from now on."""
        self.post(
            "registered-models/alias", {"name": model, "alias": alias, "version": str(number)}
        )

    def publish(self, model: str, files: Mapping[str, Path], tags: Mapping[str, str]) -> Version:
        """Log the files as artifacts of a run, and register them when all of them are there.

        Raises
        ------
        Unimplemented
            If the server does not take artifacts itself (`--serve-artifacts`).
        """
        run = self._start_run(model)
        uri = str(_member(run, "artifact_uri", str))
        if urlsplit(uri).scheme != "mlflow-artifacts":
            raise Unimplemented(f"{self.name} does not take artifacts: it keeps them at {uri}")
        root = f"{urlsplit(uri).path.strip('/')}/{FOLDER}"
        for name, path in files.items():
            self._upload(f"{root}/{name}", path)
        run_id = str(_member(run, "run_id", str))
        with contextlib.suppress(InvalidArgument):  # there is one already
            self.post("registered-models/create", {"name": model})
        body = {
            "name": model,
            "source": f"{uri}/{FOLDER}",
            "run_id": run_id,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        made = _member(self.post("model-versions/create", body), "model_version", dict)
        self.post("runs/update", {"run_id": run_id, "status": "FINISHED"})
        return _ready(_version(made))

    def _start_run(self, model: str) -> dict[str, Any]:
        try:
            found = self.call("experiments/get-by-name", experiment_name=model)
            experiment = str(_member(found, "experiment", dict)["experiment_id"])
        except NotFound:
            made = self.post("experiments/create", {"name": model})
            experiment = str(_member(made, "experiment_id", str))
        body = {"experiment_id": experiment, "start_time": int(time.time() * 1000)}
        run = _member(self.post("runs/create", {**body, "run_name": "mlops push"}), "run", dict)
        info: dict[str, Any] = _member(run, "info", dict)
        return info

    def _upload(self, target: str, path: Path) -> None:
        headers = {**self._headers, "Content-Length": str(path.stat().st_size)}
        with path.open("rb") as file:
            reply = self.web.send("PUT", f"{ARTIFACTS}/artifacts/{quote(target)}", file, headers)
        if not 200 <= reply.status < 300:
            raise_for(reply)
        with reply:
            reply.read()

    def _search(self, model: str) -> Iterator[dict[str, Any]]:
        query = {"filter": f"name='{model}'", "max_results": "200"}
        for _ in range(PAGES_MAX):
            page = self.call("model-versions/search", **query)
            yield from page.get("model_versions", [])
            if not page.get("next_page_token"):
                return
            query["page_token"] = str(page["next_page_token"])
        raise Unavailable(f"{self.name} does not stop listing versions of {model!r}")

    def _list(self, root: str, below: str, depth: int) -> Iterator[RemoteFile]:
        if depth > PARTS_MAX:
            raise InvalidArgument(f"{root!r} in {self.name} is nested too deeply")
        path = f"{root}/{below}".rstrip("/")
        query = urlencode({"path": path})
        found = _object(
            self.web.json("GET", f"{ARTIFACTS}/artifacts?{query}", headers=self._headers)
        )
        entries = found.get("files", [])
        if len(entries) > FILES_MAX:
            raise InvalidArgument(f"{path!r} in {self.name} has more than {FILES_MAX} files")
        for entry in entries:
            name = f"{below}/{entry['path']}".lstrip("/")
            if entry.get("is_dir"):
                yield from self._list(root, name, depth + 1)
            else:
                size = entry.get("file_size")
                yield RemoteFile(
                    name, None if size is None else int(size), locator=f"{PROXY}{root}/{name}"
                )

    def _files_by_name(self, version: Version, uri: str) -> Sequence[RemoteFile]:
        """List what a manifest lists: this server does not list stores that it does not proxy."""

        def file(name: str) -> RemoteFile:
            query = urlencode({"name": version.model, "version": version.id, "path": name})
            return RemoteFile(name, locator=f"{BY_SERVER}model-versions/get-artifact?{query}")

        manifest = file(FILE_NAME)
        try:
            with self.web.get(manifest.locator.removeprefix(BY_SERVER), 0, self._headers) as reply:
                names = list(decode(reply.read(MANIFEST_BYTES_MAX)).files)
        except NotFound as error:
            raise Unimplemented(
                f"{self.name} keeps version {version.id} of {version.model!r} at"
                f" {urlsplit(uri).scheme}:, which it does not list; start it with"
                f" --serve-artifacts, or register bundles, which have a {FILE_NAME}"
            ) from error
        with self.web.send("GET", file(SIGNATURE_FILE).locator.removeprefix(BY_SERVER)) as reply:
            names += [SIGNATURE_FILE] if reply.status == 200 else []
        return [manifest, *(file(name) for name in names)]

    def _presigned_downloads(self) -> bool:
        if self._presigns is None:
            try:
                found = _object(
                    self.web.json("GET", "api/3.0/mlflow/server-info", headers=self._headers)
                )
                self._presigns = bool(found.get("multipart_downloads_enabled"))
            except (NotFound, InvalidArgument):
                self._presigns = False
        return self._presigns

    def _open_presigned(self, path: str, offset: int) -> Body:
        found = _object(
            self.web.json("GET", f"{ARTIFACTS}/presigned/{quote(path)}", headers=self._headers)
        )
        url = str(_member(found, "url", str))
        headers = {str(k): str(v) for k, v in (found.get("headers") or {}).items()}
        return self.web.get(url, offset, headers)


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unavailable("the registry answered JSON that is no object")
    return found


def _member(found: Mapping[str, Any], key: str, kind: type) -> Any:
    if not isinstance(found.get(key), kind):
        raise Unavailable(f"the registry answered without {key!r}")
    return found[key]


def _version(row: Mapping[str, Any]) -> Version:
    tags = {str(t["key"]): str(t.get("value", "")) for t in row.get("tags", [])}
    semantic = next((tags[key] for key in SEMANTIC_TAGS if key in tags), None)
    aliases = tuple(str(alias) for alias in row.get("aliases", []))
    status = str(row.get("status", "READY"))
    return Version(
        str(_member(row, "name", str)), str(row.get("version", "")), semantic, tags, aliases, status
    )


def _ready(version: Version) -> Version:
    if version.locator == "PENDING_REGISTRATION":
        raise Unavailable(f"version {version.id} of {version.model!r} is not ready yet")
    if version.locator != "READY":
        raise InvalidArgument(f"version {version.id} of {version.model!r} is {version.locator}")
    return version
