"""A door for MLflow's webhooks. What comes through it is one bit: look now.

Nothing of a delivery is believed but that whoever has the secret sent it, not long ago and for the
first time; the poll that it wakes finds out what is true.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

BODY_BYTES_MAX = 1 << 16
AGE_S_MAX = 300.0
REMEMBERED = 1024
SILENCE_S = 5.0


class Checker:
    """Decides whether a delivery is to be believed."""

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._secret, self._now = secret.encode(), now
        self._seen: OrderedDict[str, None] = OrderedDict()

    def accepts(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the signature is right, its time is near, and it is new."""
        headers = {name.lower(): value for name, value in headers.items()}
        delivery = headers.get("x-mlflow-delivery-id", "")
        timestamp = headers.get("x-mlflow-timestamp", "")
        message = f"{delivery}.{timestamp}.".encode() + body
        digest = hmac.digest(self._secret, message, hashlib.sha256)
        expected = "v1," + base64.b64encode(digest).decode()
        given = headers.get("x-mlflow-signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            return False
        try:
            age = abs(self._now() - float(timestamp))
        except ValueError:
            return False
        if not age <= AGE_S_MAX or delivery in self._seen:
            return False
        self._seen[delivery] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True


class Webhook:
    """An HTTP server in a thread of its own: one request at a time, small, and quickly over."""

    def __init__(self, host: str, port: int, checker: Checker, wake: Callable[[], None]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = SILENCE_S

            def do_POST(self) -> None:
                """Wake the agent, or refuse."""
                self._answer(checker, wake)

            def _answer(self, checker: Checker, wake: Callable[[], None]) -> None:
                length = self.headers.get("Content-Length", "")
                size = int(length) if length.isdecimal() and len(length) < 10 else -1
                if not 0 <= size <= BODY_BYTES_MAX:
                    self._end(413)
                    return
                if not checker.accepts(dict(self.headers), self.rfile.read(size)):
                    self._end(401)
                    return
                self._end(204)
                wake()

            def _end(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Log nothing: anybody can knock."""

        self._server = HTTPServer((host, port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
