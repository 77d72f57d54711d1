"""What the fault suite shares: how much of it to run, raw HTTP/2, and a look at the process.

The short form is part of `make test`; `make soak` sets MLOPS_SOAK=1 for the long one.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from serving import RunningServer

LONG = os.environ.get("MLOPS_SOAK") == "1"
SOAK_SECONDS = float(os.environ.get("MLOPS_SOAK_SECONDS", "600" if LONG else "6"))

# HTTP/2, as far as a misbehaving client needs it.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS = 1, 4
STREAM_PATH = "/inference.GRPCInferenceService/ModelStreamInfer"
INFER_PATH = "/inference.GRPCInferenceService/ModelInfer"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def request_head(stream: int, path: str, end: bool = False) -> bytes:
    """A HEADERS frame whose fields are all literals, neither indexed nor Huffman coded."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "h",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(b"\0" + _literal(name) + _literal(value) for name, value in fields.items())
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)


def message(body: bytes) -> bytes:
    return struct.pack(">BI", 0, len(body)) + body


def http2(server: RunningServer) -> socket.socket:
    connection = server.connect(server.grpc)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
    return connection


def receive_frame(connection: socket.socket, wanted: int) -> bytes:
    """The payload of the next frame of a kind."""
    with connection.makefile("rb") as incoming:
        while head := incoming.read(9):
            payload = incoming.read(int.from_bytes(head[:3], "big"))
            if head[3] == wanted:
                return payload
    raise EOFError


def vanish(connection: socket.socket) -> None:
    """Closes with a reset, as a killed process or a broken network looks."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def resident_bytes(server: RunningServer) -> int:
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    """For what the server does in its own time, such as noticing that a client has gone."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def raise_file_limit() -> int:
    """Takes all file descriptors that may be had; gives how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft
