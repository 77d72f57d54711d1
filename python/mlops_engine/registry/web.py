"""HTTP as registries need it: bounded replies, resumable bodies, credentials for one origin only.

The standard library's client, so that a pull imports little. Every failure of the network is
`Unavailable`: try later.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from mlops_engine.errors import InvalidArgument, NotFound, Unavailable

REPLY_BYTES_MAX = 16 << 20
REDIRECTS_MAX = 5
IDLE_MAX = 4
_NETWORK = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Credentials:
    """What is sent as `Authorization`; never shown."""

    user: str | None = None
    secret: str = field(default="", repr=False)

    def header(self) -> str:
        """Return it: `Basic` with a user, `Bearer` without."""
        if self.user is None:
            return f"Bearer {self.secret}"
        pair = f"{self.user}:{self.secret}".encode()
        return "Basic " + base64.b64encode(pair).decode()


@dataclass(frozen=True)
class WebOptions:
    """How a server is talked to.

    Attributes
    ----------
    timeout_s
        For a connection to open, and for any silence on one.
    tls
        None: what the system trusts.
    """

    credentials: Credentials | None = None
    timeout_s: float = 30.0
    tls: ssl.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def tls_context(
    ca: str | None = None, certificate: str | None = None, *, insecure: bool = False
) -> ssl.SSLContext:
    """Make TLS settings: another authority, a client certificate, or no check at all."""
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Reply:
    """A reply whose body was not read yet. Close it."""

    def __init__(
        self, web: Web, url: str, connection: http.client.HTTPConnection, key: tuple[str, str]
    ) -> None:
        self.url = url
        self._web, self._connection, self._key = web, connection, key
        self._response = connection.getresponse()
        self.status = self._response.status
        self.start = 0

    def header(self, name: str, default: str = "") -> str:
        """Return a header."""
        return self._response.headers.get(name, default)

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end.

        Raises
        ------
        Unavailable
            If the connection broke, or ended too early.
        """
        try:
            count: int = self._response.readinto(buffer)
        except (*_NETWORK, ValueError) as error:
            raise Unavailable(f"{show(self.url)} broke off: {error!r}") from error
        left = getattr(self._response, "length", None)
        if count == 0 and len(buffer) and left:
            raise Unavailable(f"{show(self.url)} broke off {left} bytes before its end")
        return count

    def read(self, bytes_max: int = REPLY_BYTES_MAX) -> bytes:
        """Read all of it.

        Raises
        ------
        InvalidArgument
            If it is larger than `bytes_max`.
        """
        found, buffer = bytearray(), bytearray(1 << 16)
        while count := self.readinto(memoryview(buffer)):
            found += memoryview(buffer)[:count]
            if len(found) > bytes_max:
                raise InvalidArgument(f"{show(self.url)} answered more than {bytes_max} bytes")
        return bytes(found)

    def close(self) -> None:
        """Keep the connection for the next request if the body was read, or close it."""
        reusable = self._response.isclosed() and not self._response.will_close
        self._web.give_back(self._key, self._connection, reusable)

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Web:
    """A client of one origin. Thread-safe.

    Parameters
    ----------
    base
        Where everything is; credentials in it are taken out, and used.
    """

    def __init__(self, base: str, options: WebOptions | None = None) -> None:
        options = options or WebOptions()
        parts = urlsplit(base)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidArgument(
                f"{show(base)} is no address that begins with http:// or https://"
            )
        credentials = options.credentials
        if parts.username is not None:
            credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
        host = parts.netloc.rpartition("@")[2]
        self.base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._origin = (parts.scheme, host)
        self._options = options
        self.credentials = credentials
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}

    def send(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, following redirects; the caller closes the reply, whatever its status.

        `path` is relative to `base`, or an address of its own, which gets no credentials if it is
        of another origin.

        Raises
        ------
        Unavailable
            If there is no reply.
        """
        url = path if "://" in path else f"{self.base}/{path.lstrip('/')}"
        for _ in range(REDIRECTS_MAX + 1):
            reply = self._send_once(method, url, body, dict(headers or {}))
            if reply.status not in {301, 302, 303, 307, 308} or method not in {"GET", "HEAD"}:
                return reply
            with reply:
                target = urljoin(url, reply.header("Location"))
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise InvalidArgument(f"{show(url)} redirects from TLS to {show(target)}")
            url = target
        raise Unavailable(f"{show(url)} redirects more than {REDIRECTS_MAX} times")

    def get(self, path: str, offset: int = 0, headers: Mapping[str, str] | None = None) -> Reply:
        """Get a file from `offset` on, or all of it: the reply's `start` says which.

        Raises
        ------
        NotFound, Unavailable, InvalidArgument
            For any status but success.
        """
        # Compressed, its length and its ranges would be those of other bytes.
        wanted = {"Accept-Encoding": "identity", **(headers or {})}
        if offset:
            wanted["Range"] = f"bytes={offset}-"
        reply = self.send("GET", path, headers=wanted)
        if reply.status == 416 and offset:
            reply.close()
            return self.get(path, 0, headers)
        if reply.status not in {200, 206}:
            raise_for(reply)
        if reply.status == 206:
            match = re.match(r"bytes (\d+)-", reply.header("Content-Range"))
            if match is None or int(match[1]) != offset:
                reply.close()
                raise Unavailable(f"{show(reply.url)} answered another range than was asked for")
            reply.start = offset
        return reply

    def json(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send and receive JSON.

        Raises
        ------
        NotFound, Unavailable, InvalidArgument
            For any status but success, and a reply that is no JSON.
        """
        data = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "application/json"
        reply = self.send(method, path, data, sent)
        if not 200 <= reply.status < 300:
            raise_for(reply)
        with reply:
            text = reply.read()
        try:
            return json.loads(text) if text else {}
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{show(reply.url)} answered what is no JSON") from error

    def give_back(
        self, key: tuple[str, str], connection: http.client.HTTPConnection, reusable: bool
    ) -> None:
        """Keep a connection for later, or close it."""
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if reusable and len(idle) < IDLE_MAX:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            connections = [c for idle in self._idle.values() for c in idle]
            self._idle.clear()
        for connection in connections:
            connection.close()

    def _send_once(
        self, method: str, url: str, body: bytes | BinaryIO | None, headers: dict[str, str]
    ) -> Reply:
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        if key == self._origin:
            headers = {**self._options.headers, **headers}
            if self.credentials is not None:
                headers.setdefault("Authorization", self.credentials.header())
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        with self._lock:
            idle = self._idle.get(key)
            kept = idle.pop() if idle else None
        if kept is not None and method in {"GET", "HEAD"}:
            with contextlib.suppress(*_NETWORK):  # the server may have closed it meanwhile
                kept.request(method, target, body, headers)
                return Reply(self, url, kept, key)
        if kept is not None:
            kept.close()
        connection = self._connect(parts)
        try:
            connection.request(method, target, body, headers)
            return Reply(self, url, connection, key)
        except _NETWORK as error:
            connection.close()
            raise Unavailable(f"{show(url)}: {error}") from error

    def _connect(self, parts: SplitResult) -> http.client.HTTPConnection:
        try:
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise InvalidArgument(f"{show(parts.geturl())}: {error}") from error
        timeout = self._options.timeout_s
        if parts.scheme == "https":
            tls = self._options.tls
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
        if parts.scheme != "http":
            raise InvalidArgument(f"{show(parts.geturl())} is neither http nor https")
        return http.client.HTTPConnection(host, port, timeout=timeout)


def raise_for(reply: Reply) -> None:
    """Close a reply that is no success, and raise what its status means."""
    with reply:
        try:
            text = reply.read(1 << 16).decode(errors="replace")
        except (Unavailable, InvalidArgument):
            text = ""
    message = f"{show(reply.url)} answered {reply.status} {_reason(text)}".rstrip()
    if reply.status in {404, 410}:
        raise NotFound(message)
    # Credentials may be renewed, and a proxy may come back: all of that can pass by itself.
    if reply.status in {401, 403, 407, 408, 425, 429} or reply.status >= 500:
        raise Unavailable(message)
    raise InvalidArgument(message)


def show(url: str) -> str:
    """Return a URL for messages: without credentials, and without a query, which may be signed."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reason(text: str) -> str:
    """Find the message in an error's body."""
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(text)
        if isinstance(document, dict):
            text = str(document.get("message") or document.get("error") or document)
    return " ".join(text.split())[:300]
