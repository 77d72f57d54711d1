"""OCI registries: a bundle is an artifact, each of its files a layer, its version a tag.

The cleanest of all transports: what is pulled is addressed by its digest from end to end. A model
`m` of the source `oci://host/team` is the repository `team/m`; files are named by the annotation
that ORAS writes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec

from mlops_engine.errors import InvalidArgument, Unavailable

from ..address import Selector
from ..names import check_model_name
from ..source import Body, RemoteFile, Version, select
from ..web import Credentials, Reply, Web, WebOptions, raise_for

MANIFEST_BYTES_MAX = 4 << 20
TITLE = "org.opencontainers.image.title"
VERSION_KEYS = ("org.opencontainers.image.version", "semantic_version")
MEDIA = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
)
Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class Layer(msgspec.Struct, frozen=True):
    """A file of an artifact."""

    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    annotations: dict[str, str] = {}


class ImageManifest(msgspec.Struct, frozen=True, rename="camel"):
    """What of an artifact's manifest matters here."""

    schema_version: int
    layers: Annotated[list[Layer], msgspec.Meta(max_length=10_000)]
    annotations: dict[str, str] = {}


class OciSource:
    """An OCI registry. Thread-safe.

    Parameters
    ----------
    url
        `oci://host[:port]/prefix`, or `oci+http://…` for a registry without TLS.
    """

    def __init__(self, url: str, options: WebOptions | None = None) -> None:
        scheme, _, rest = url.partition("://")
        if scheme not in {"oci", "oci+http"} or not rest:
            raise InvalidArgument(f"{url[:200]!r} does not begin with oci:// or oci+http://")
        host, _, prefix = rest.strip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        base = f"{'http' if scheme == 'oci+http' else 'https'}://{host}"
        options = options or WebOptions()
        self._login = options.credentials
        # Credentials go to the authority that the registry names, not with every request.
        self._web = Web(base, WebOptions(None, options.timeout_s, options.tls, options.headers))
        self._tokens: dict[str, str] = {}
        self._name = f"{scheme}://{host.rpartition('@')[2]}/{prefix}".rstrip("/")
        if self._web.credentials is not None:
            self._login, self._web.credentials = self._web.credentials, None

    @property
    def name(self) -> str:
        """Where it is, without credentials."""
        return self._name

    def find(self, model: str, selector: Selector) -> Version:
        """Find an artifact: an alias is a tag, and so is a version."""
        if selector.kind in {"alias", "version"}:
            return self._tagged(model, selector.value)
        if selector.kind == "tag":
            raise InvalidArgument("OCI artifacts have no tags with values; their aliases are tags")
        return self._tagged(model, select(model, selector, self._list(model)).locator)

    def files(self, version: Version) -> Sequence[RemoteFile]:
        """List the files of an artifact, by the manifest that its digest pins."""
        repository, digest = version.locator.split("@")
        manifest = _decode(self._manifest(repository, digest)[1])
        found = []
        for layer in manifest.layers:
            if TITLE not in layer.annotations:
                raise InvalidArgument(f"{version.locator} has a layer without {TITLE}")
            name, hexadecimal = layer.annotations[TITLE], layer.digest.partition(":")[2]
            locator = f"{repository}@{layer.digest}"
            found.append(RemoteFile(name, layer.size, hexadecimal, locator))
        return found

    def open(self, file: RemoteFile, offset: int = 0) -> Body:
        """Read a blob."""
        repository, digest = file.locator.split("@")
        return self._get(repository, f"blobs/{digest}", offset=offset)

    def _list(self, model: str) -> Sequence[Version]:
        """List the tags that are numbers or semantic versions."""
        repository = self._repository(model)
        with self._get(repository, "tags/list") as reply:
            found = json.loads(reply.read())
        tags = [str(tag) for tag in (found.get("tags") or [])]
        versions = []
        for tag in tags:
            semantic = tag.removeprefix("v").replace("_", "+")
            if tag.isdecimal():
                versions.append(Version(model, tag, locator=tag))
            elif re.fullmatch(r"v?\d+\.\d+\.\d+.*", tag):
                versions.append(Version(model, tag, semantic, locator=tag))
        return versions

    def _tagged(self, model: str, tag: str) -> Version:
        repository = self._repository(model)
        digest, data = self._manifest(repository, tag)
        manifest = _decode(data)
        keys = [key for key in VERSION_KEYS if key in manifest.annotations]
        semantic = manifest.annotations[keys[0]] if keys else None
        id_ = tag if tag.isdecimal() else digest
        locator = f"{repository}@{digest}"
        return Version(model, id_, semantic, manifest.annotations, (tag,), locator)

    def _manifest(self, repository: str, reference: str) -> tuple[str, bytes]:
        accept = {"Accept": ", ".join(MEDIA)}
        with self._get(repository, f"manifests/{quote(reference)}", accept) as reply:
            data = reply.read(MANIFEST_BYTES_MAX)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if reference.startswith("sha256:") and digest != reference:
            raise InvalidArgument(f"{self._name}: the manifest {reference} has the digest {digest}")
        return digest, data

    def _repository(self, model: str) -> str:
        name = f"{self._prefix}{check_model_name(model)}"
        if not re.fullmatch(r"[a-z0-9]+([._/-]+[a-z0-9]+)*", name):
            raise InvalidArgument(f"{name!r} is no name of an OCI repository: lower case is needed")
        return name

    def _get(
        self,
        repository: str,
        path: str,
        headers: dict[str, str] | None = None,
        offset: int = 0,
    ) -> Reply:
        url = f"v2/{repository}/{path}"
        for fresh in (False, True):
            sent = dict(headers or {})
            if repository in self._tokens:
                sent["Authorization"] = self._tokens[repository]
            challenge = self._challenge(url, sent) if fresh else None
            if challenge:
                self._tokens[repository] = sent["Authorization"] = self._answer(challenge)
            try:
                return self._web.get(url, offset, sent)
            except Unavailable as error:
                if fresh or " answered 401" not in str(error):
                    raise
        raise AssertionError("the loop returns or raises")

    def _challenge(self, url: str, headers: dict[str, str]) -> str:
        reply = self._web.send("GET", url, headers={**headers, "Authorization": ""})
        if reply.status == 401:
            with reply:
                reply.read()
                return reply.header("WWW-Authenticate")
        if reply.status >= 400:
            raise_for(reply)
        reply.close()
        return ""

    def _answer(self, challenge: str) -> str:
        """Turn a challenge into what `Authorization` should say."""
        scheme, _, rest = challenge.partition(" ")
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme.lower() == "basic" and self._login is not None:
            return self._login.header()
        if scheme.lower() != "bearer" or "realm" not in fields:
            raise Unavailable(f"{self._name} wants credentials: {scheme or 'no scheme'}")
        query = urlencode({k: v for k, v in fields.items() if k in {"service", "scope"}})
        return self._fetch_token(fields["realm"], query)

    def _fetch_token(self, realm: str, query: str) -> str:
        authority = Web(realm, WebOptions(self._login))
        found: Any = authority.json("GET", f"{authority.base}?{query}")
        token = found.get("token") or found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str):
            raise Unavailable(f"{authority.base} answered without a token")
        return Credentials(None, token).header()


def _decode(data: bytes) -> ImageManifest:
    try:
        return msgspec.json.decode(data, type=ImageManifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidArgument(f"this is no manifest of an OCI artifact: {error}") from error
