"""A real HTTP server on the loopback that misbehaves as told."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FaultServer:
    """Serves `files` by path.

    Attributes
    ----------
    cuts
        By path, how many bytes each of the next answers may send before the connection is closed.
    spoil
        Changes the bytes that are sent, not those that are announced.
    ranges
        Whether ranges are understood.
    lengths
        Whether answers have a Content-Length.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, list[int]] = {}
        self.statuses: list[int] = []
        self.spoil: Callable[[str, bytes], bytes] = lambda path, data: data
        self.ranges = self.lengths = True
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def do_HEAD(self) -> None:
                outer._answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> FaultServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def offsets(self, path: str) -> list[int]:
        """Where each request for a file began."""
        found = []
        for method, asked, headers in self.requests:
            if (method, asked) == ("GET", path):
                match = re.match(r"bytes=(\d+)-", headers.get("Range", ""))
                found.append(int(match[1]) if match else 0)
        return found

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.requests.append((request.command, path, dict(request.headers)))
        if self.statuses:
            self._empty(request, self.statuses.pop(0))
            return
        data = self.files.get(path)
        if data is None:
            self._empty(request, 404)
            return
        match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(match[1]) if match and self.ranges else 0
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.lengths:
            request.send_header("Content-Length", str(len(data) - start))
        else:
            request.close_connection = True
            request.send_header("Connection", "close")
        request.end_headers()
        if request.command == "GET":
            cuts = self.cuts.get(path)
            cut = cuts.pop(0) if cuts else len(data)
            request.wfile.write(self.spoil(path, data)[start:][:cut])
            request.close_connection = request.close_connection or cut < len(data) - start

    def _empty(self, request: BaseHTTPRequestHandler, status: int) -> None:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()
