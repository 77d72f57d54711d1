"""An OpenTelemetry collector for tests: keeps what it is sent, decoded with their own code."""

from __future__ import annotations

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Listens on a free port of the loopback; `statuses` are answered first, 200 afterwards."""

    def __init__(self, statuses: tuple[int, ...] = ()):
        self.exports: queue.Queue[ExportTraceServiceRequest] = queue.Queue()
        self.paths: list[str] = []
        left = list(statuses)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-protobuf"
                status = left.pop(0) if left else 200
                if status == 200:
                    outer.paths.append(self.path)
                    outer.exports.put(ExportTraceServiceRequest.FromString(body))
                reply = ExportTraceServiceResponse().SerializeToString()
                self.send_response(status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    def flags(self, *, rate: int = 1) -> list[str]:
        """What makes a server export to this, often."""
        settings = ["mode=opentelemetry", "level=TIMESTAMPS", f"rate={rate}"]
        settings += [f"opentelemetry,url={self.url}", "opentelemetry,bsp_schedule_delay=20"]
        return [f"--trace-config={setting}" for setting in settings]

    def export(self) -> ExportTraceServiceRequest:
        return self.exports.get(timeout=20)

    def spans(self, count: int) -> list[Span]:
        """The next spans, at least so many."""
        found: list[Span] = []
        while len(found) < count:
            for resource in self.export().resource_spans:
                for scope in resource.scope_spans:
                    found += scope.spans
        return found

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
