"""HTTP clients that are odd, slow, broken or hostile; the server still serves after each."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from serving import RunningServer, infer_body, receive_all, receive_reply

INFER = "/v2/models/type_fp32/infer"


def _head(length: int | None = None, *more: str) -> bytes:
    lines = [f"POST {INFER} HTTP/1.1", "Host: h", *more]
    lines += [] if length is None else [f"Content-Length: {length}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _resident_bytes(server: RunningServer) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def test_json_infer(server: RunningServer) -> None:
    status, body = server.request("POST", INFER, infer_body(2))
    assert status == 200
    outputs = {o["name"]: o for o in json.loads(body)["outputs"]}
    assert outputs["same"]["data"] == [0.0, 0.5, -2.0, 1.0, 0.5, -2.0]
    assert outputs["same"]["shape"] == [2, 3]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_waits_for_permission_before_a_large_body(
    server: RunningServer, tmp_path: Path
) -> None:
    rows = 60_000  # above 1 MiB, where curl sends Expect: 100-continue
    body = tmp_path / "body.json"
    body.write_text(infer_body(rows))
    assert body.stat().st_size > 1 << 20
    url = f"http://127.0.0.1:{server.http}{INFER}"
    command = ["curl", "-sSv", "--max-time", "60", "--data-binary", f"@{body}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "HTTP/1.1 100 Continue" in done.stderr
    assert json.loads(done.stdout)["outputs"][0]["shape"] == [rows, 3]


def test_chunks_win_over_a_length_and_the_connection_ends(server: RunningServer) -> None:
    body = infer_body().encode()
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    smuggled = b"GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n"
    with closing(server.connect()) as client:
        client.sendall(_head(3, "Transfer-Encoding: chunked") + chunk + smuggled)
        received = receive_all(client)
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" in received


def test_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    with closing(server.connect()) as client:
        body = infer_body().encode()
        client.sendall(
            (_head(len(body)) + body + b"GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n") * 50
        )
        received = b""
        while received.count(b'{"live":true}') < 50:
            received += client.recv(1 << 16)
    kinds = [part[:3] == b"200" and b"live" in part for part in received.split(b"HTTP/1.1 ")[1:]]
    assert kinds == [False, True] * 50


@pytest.mark.parametrize("sent", [1, 20, 70, 100, 150])
def test_client_that_hangs_up_in_the_middle(server: RunningServer, sent: int) -> None:
    body = infer_body().encode()
    for _ in range(20):
        with closing(server.connect()) as client:
            client.sendall((_head(len(body)) + body)[:sent])
            linger = struct.pack("ii", 1, 0)  # close with a reset, as a dying process does
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def test_client_that_leaves_before_its_reply(server: RunningServer) -> None:
    body = infer_body(20_000).encode()
    for _ in range(20):
        with closing(server.connect()) as client:
            client.sendall(_head(len(body)) + body)


def test_client_that_only_closes_its_own_direction_gets_its_reply(server: RunningServer) -> None:
    with closing(server.connect()) as client:
        client.sendall(b"GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("where", ["data", "parameters", "top", "unknown"])
def test_deep_json_is_refused(server: RunningServer, where: str) -> None:
    deep = "[" * 250_000
    bodies = {
        "data": '{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":' + deep,
        "parameters": '{"parameters":{"a":' + deep,
        "top": deep,
        "unknown": '{"x":' + '{"x":' * 250_000,
    }
    status, body = server.request("POST", INFER, bodies[where])
    assert status == 400
    assert "error" in json.loads(body)


def test_too_many_chunks_are_refused_in_bounded_memory(server: RunningServer) -> None:
    before = _resident_bytes(server)
    with closing(server.connect()) as client:
        client.sendall(_head(None, "Transfer-Encoding: chunked"))
        try:
            for _ in range(70):
                client.sendall(b"1\r\nx\r\n" * 1000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = receive_all(client)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"Chunked request body exceeds maximum of 65536 non-empty chunks" in received
    assert _resident_bytes(server) < before + (16 << 20)


def test_oversized_bodies_are_refused_before_they_are_sent(server: RunningServer) -> None:
    with closing(server.connect()) as client:
        client.sendall(_head(65 << 20))
        status, body = receive_reply(client)
    assert status == 400
    assert b"request JSON size exceeds the maximum allowed input size" in body


def test_announced_bodies_take_no_memory_until_they_come(server: RunningServer) -> None:
    before = _resident_bytes(server)
    clients = [server.connect() for _ in range(20)]
    for client in clients:
        client.sendall(_head(64 << 20) + b"x")
    assert server.request("GET", "/v2/health/live")[0] == 200
    assert _resident_bytes(server) < before + (64 << 20)
    for client in clients:
        client.close()


def test_bodies_are_not_copied_on_their_way_in(server: RunningServer) -> None:
    site = 'mlops_copy_bytes_total{site="http_body"}'
    before = server.metric(site)
    for _ in range(5):
        assert server.request("POST", INFER, infer_body())[0] == 200
    assert server.metric(site) == before  # parsed where they arrived
    assert server.request("POST", INFER, infer_body(100_000))[0] == 200
    assert server.metric(site) - before <= 64 << 10  # only what came with the head


@pytest.mark.parametrize(
    ("bytes_sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),  # TLS
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX:" + b"y" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (_head(None, "Transfer-Encoding: chunked") + b"nonsense\r\n", 400),
        (_head(None, "Content-Length: 5", "Content-Length: 6"), 400),
    ],
)
def test_malformed_requests(server: RunningServer, bytes_sent: bytes, status: int) -> None:
    with closing(server.connect()) as client:
        client.sendall(bytes_sent)
        assert receive_all(client).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("length", ["-1", "abc", "999999999999999999999", "100000", "1e3", ""])
def test_header_lengths_that_lie(server: RunningServer, length: str) -> None:
    headers = {"Inference_Header_Content_Length": length}
    status, body = server.request("POST", INFER, infer_body(), **headers)
    assert status == 400
    assert "error" in json.loads(body)


def test_wrong_methods_and_paths(server: RunningServer) -> None:
    assert server.request("GET", INFER) == (405, b'{"error":"Method Not Allowed"}')
    assert server.request("DELETE", "/v2")[0] == 405
    assert server.request("GET", "/v2/models/type_fp32/versions/latest")[0] == 404
    assert server.request("GET", "/v2/models/type_fp32/versions/1")[0] == 200
    assert server.request("GET", "/v2/models/type%5Ffp32")[0] == 200
    assert server.request("GET", "/")[0] == 404
    assert server.request("HEAD", "/v2")[0] == 200


def test_a_thousand_idle_connections(server: RunningServer) -> None:
    idle = [server.connect() for _ in range(1000)]
    try:
        started = time.monotonic()
        assert server.request("POST", INFER, infer_body())[0] == 200
        assert time.monotonic() - started < 5
        for client in idle[::100]:
            client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n")
            assert receive_reply(client)[0] == 200
    finally:
        for client in idle:
            client.close()


@pytest.fixture(scope="module")
def impatient(small_repository: Path) -> Iterator[RunningServer]:
    limits = {"receive_timeout_ms": 200, "idle_timeout_ms": 400, "connections_max": 8}
    with RunningServer(small_repository, "--threads=1", **limits) as server:
        yield server


def test_slow_senders_are_told_and_cut(impatient: RunningServer) -> None:
    for part in (
        _head(None)[:-2],
        _head(500),
        _head(None, "Transfer-Encoding: chunked") + b"5\r\nab",
    ):
        with closing(impatient.connect()) as client:
            client.sendall(part)
            assert receive_all(client).startswith(b"HTTP/1.1 408 ")


def test_a_byte_now_and_then_does_not_help(impatient: RunningServer) -> None:
    with closing(impatient.connect()) as client:
        started = time.monotonic()
        client.settimeout(0.02)
        received = b""
        while not received and time.monotonic() - started < 10:
            client.sendall(b"X")
            try:
                received = client.recv(4096)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408 ")


def test_idle_connections_are_closed_silently(impatient: RunningServer) -> None:
    with closing(impatient.connect()) as client:
        assert receive_all(client) == b""
    with closing(impatient.connect()) as client:
        client.sendall(b"GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert receive_all(client).startswith(b"HTTP/1.1 200 ")


def test_connections_over_the_limit_are_refused(impatient: RunningServer) -> None:
    clients = [impatient.connect() for _ in range(30)]
    for client in clients:
        assert receive_all(client) == b""  # refused at once, or idle for too long
        client.close()
    assert impatient.metric("mlops_server_connections_refused_total") > 0
    assert impatient.request("GET", "/v2/health/ready")[0] == 200
