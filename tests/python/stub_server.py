"""Stands in for mlops-server where the launcher is tested: same command line, one model.

`MLOPS_STUB` changes what it does: `exit:N` ends at once with status N, `never-ready` refuses for
ever, `wrong` answers another probability, `version` another version, `error` with status 500,
`ignore-term` needs more than SIGTERM. Received signals are appended to `<repository>/signals`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mlops_engine.process import end_with_parent

MODE = os.environ.get("MLOPS_STUB", "")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model-repository", type=Path, required=True)
    for name in ("http", "grpc", "metrics"):
        parser.add_argument(f"--{name}-port", type=int, required=True)
    parser.add_argument("--ort-library", type=Path)
    parser.add_argument("--told")
    return parser.parse_args()


class Handler(BaseHTTPRequestHandler):
    repository: Path

    def do_GET(self) -> None:
        ready = self.path == "/v2/health/ready" and MODE != "never-ready"
        self._reply(200 if ready else 503, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        manifest = json.loads((self.repository / "flights/1/bundle.json").read_text())
        assert self.path == "/v2/models/flights/infer"
        assert body["inputs"][0]["data"] == manifest["example"]["input"]
        late = manifest["example"]["probability_late"] + (0.01 if MODE == "wrong" else 0)
        reply = {
            "model_name": "flights",
            "model_version": "7" if MODE == "version" else "1",
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [1], "data": [int(late > 0.5)]},
                {"name": "probabilities", "datatype": "FP32", "shape": [1, 2],
                 "data": [1 - late, late]},
            ],
        }  # fmt: skip
        self._reply(500 if MODE == "error" else 200, json.dumps(reply).encode())

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def main() -> int:
    end_with_parent()
    options = parse()
    if MODE.startswith("exit:"):
        return int(MODE.removeprefix("exit:"))
    Handler.repository = options.model_repository
    server = ThreadingHTTPServer(("127.0.0.1", options.http_port), Handler)

    def on_signal(number: int, frame: object) -> None:
        with (options.model_repository / "signals").open("a") as log:
            log.write(signal.Signals(number).name + "\n")
        if number in (signal.SIGINT, signal.SIGTERM) and MODE != "ignore-term":
            threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, on_signal)
    if options.told:
        (options.model_repository / "told").write_text(options.told)
    server.serve_forever(poll_interval=0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
