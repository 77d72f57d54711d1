"""Calls of a server's own HTTP API (``/mlops/v1/``, ``/v2/``), with the token of who asks.

    api = ServerApi("https://replica-1:8000", token)
    api.get("/mlops/v1/models/flights/drift/profile")

Redirects are not followed: a token goes to the server that was named and nowhere else.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit

from .errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    MlopsError,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)

__all__ = ["ServerApi", "model_path"]

_ERRORS: dict[int, type[MlopsError]] = {
    400: InvalidArgument,
    404: NotFound,
    405: NotFound,
    413: InvalidArgument,
    429: ResourceExhausted,
    501: Unimplemented,
    503: Unavailable,
    504: DeadlineExceeded,
}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class ServerApi:
    """One server, by the URL of its HTTP port.

    Parameters
    ----------
    url
        ``http://host:port`` or ``https://host:port``; a path before ``/mlops`` may follow.
    token
        Sent with every call, where the server wants one.
    timeout
        Seconds for one call.
    answer_bytes_max
        Of one answer; a longer one is refused (`ResourceExhausted`).

    Raises
    ------
    InvalidArgument
        If the URL or the token cannot be one.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        answer_bytes_max: int = 256 << 20,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidArgument(f"{url!r} is no http:// or https:// URL")
        if token and not (token.isascii() and token.isprintable()):
            raise InvalidArgument("the token holds characters that no token has")
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._bytes_max = answer_bytes_max
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, path: str) -> bytes:
        """Return what a GET of the path answers.

        Raises
        ------
        PermissionError
            If the server wants a token, or another one.
        MlopsError
            What the server says is wrong; `Unavailable` if it cannot be reached.
        """
        return self._call("GET", path, None)

    def get_json(self, path: str) -> Any:
        """Return what a GET of the path answers, which must be JSON; errors as of `get`."""
        return self._json(self.get(path))

    def post(self, path: str, body: Any = None) -> bytes:
        """Post ``body`` as JSON, or nothing, and return the answer; errors as of `get`."""
        return self._call("POST", path, b"" if body is None else json.dumps(body).encode())

    def post_json(self, path: str, body: Any = None) -> Any:
        """Post ``body`` as JSON; the answer must be JSON too. Errors as of `get`."""
        return self._json(self.post(path, body))

    def put_json(self, path: str, body: Any) -> Any:
        """Put ``body`` as JSON; the answer must be JSON too. Errors as of `get`."""
        return self._json(self._call("PUT", path, json.dumps(body, allow_nan=False).encode()))

    def delete(self, path: str) -> None:
        """Delete what the path names; errors as of `get`."""
        self._call("DELETE", path, None)

    def _json(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            raise Internal(f"{self.url} answers what is no JSON") from None

    def _call(self, method: str, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url + path, body, method=method)
        if body:
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout) as reply:
                data: bytes = reply.read(self._bytes_max + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read(1 << 16)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self.url}: {getattr(error, 'reason', None) or error}") from None
        if len(data) > self._bytes_max:
            raise ResourceExhausted(f"{self.url}{path}: more than {self._bytes_max} bytes")
        return data

    def _refused(self, status: int, body: bytes) -> Exception:
        try:
            told = str(json.loads(body)["error"])
        except (ValueError, LookupError, TypeError):
            told = f"answers with status {status}"
        if status in (401, 403):
            return PermissionError(f"{self.url}: {told}")
        return _ERRORS.get(status, Internal)(f"{self.url}: {told}")


def model_path(model: str, version: int | None = None) -> str:
    """Spell the part of a path under ``/mlops/v1`` that names a model, or one of its versions."""
    path = f"/mlops/v1/models/{quote(model, safe='')}"
    return path if version is None else f"{path}/versions/{version}"
