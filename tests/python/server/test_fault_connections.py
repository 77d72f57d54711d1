"""Clients that vanish, dawdle, hoard connections or speak nonsense; the others must not notice."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import faults
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from serving import RunningServer, receive_all, receive_reply
from tritonclient.grpc import service_pb2

SLOW = """
backend: "identity"
max_batch_size: 8
input [{ name: "in" data_type: TYPE_FP32 dims: [ 4 ] }]
output [{ name: "out" data_type: TYPE_FP32 dims: [ 4 ] }]
parameters [{ key: "execute_delay_ms" value: { string_value: "20" } }]
"""
SQUARE = """
backend: "square"
max_batch_size: 0
model_transaction_policy { decoupled: True }
input [{ name: "IN" data_type: TYPE_INT32 dims: [ 1 ] }]
output [{ name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] }]
"""
ROUNDS = 2000 if faults.LONG else 100
BODY = json.dumps(
    {"inputs": [{"name": "in", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
).encode()
HEAD = b"POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    faults.raise_file_limit()
    repository: Path = tmp_path_factory.mktemp("faults")
    for name, config in {"slow": SLOW, "square": SQUARE}.items():
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(config)
    with RunningServer(repository, "--threads=2", receive_timeout_ms=1500) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def server(serving: RunningServer) -> Iterator[RunningServer]:
    """The server, which must serve after each test, and hold nothing of the clients that left."""
    yield serving
    assert serving.process.poll() is None
    assert serving.request("POST", "/v2/models/slow/infer", BODY)[0] == 200
    faults.eventually(lambda: serving.metric("mlops_server_connections_open ") <= 2)
    pending = 'nv_inference_pending_request_count{model="slow"'
    faults.eventually(lambda: serving.metric(pending) == 0)


def infer_message() -> bytes:
    request = service_pb2.ModelInferRequest(model_name="slow")
    request.inputs.add(name="in", datatype="FP32", shape=[1, 4])
    request.raw_input_contents.append(bytes(16))
    return faults.message(request.SerializeToString())


def square_message(number: int) -> bytes:
    request = service_pb2.ModelInferRequest(model_name="square")
    request.inputs.add(name="IN", datatype="INT32", shape=[1])
    request.raw_input_contents.append(np.int32(number).tobytes())
    return faults.message(request.SerializeToString())


def test_clients_that_vanish_inside_a_request(server: RunningServer) -> None:
    whole = HEAD + BODY
    for i in range(ROUNDS):
        connection = server.connect()
        connection.sendall(whole[: 1 + i * 7 % (len(whole) - 1)])
        faults.vanish(connection)


def test_clients_that_vanish_before_their_answer(server: RunningServer) -> None:
    for i in range(ROUNDS):
        connection = server.connect()
        connection.sendall((HEAD + BODY) * (1 + i % 5))
        faults.vanish(connection)


def test_streams_dropped_in_flight(server: RunningServer) -> None:
    """Resets, half requests and lost connections, with unary calls and streams of answers."""
    infer, square = infer_message(), square_message(1000)
    for i in range(ROUNDS):
        connection = faults.http2(server)
        sent = []
        for stream in range(1, 2 * 12, 2):
            path = faults.STREAM_PATH if stream % 3 == 0 else faults.INFER_PATH
            body = square if stream % 3 == 0 else infer
            cut = len(body) if stream % 4 == 1 else 1 + (i + stream) % (len(body) - 1)
            sent.append(faults.request_head(stream, path))
            end = faults.END_STREAM if cut == len(body) else 0
            sent.append(faults.frame(faults.DATA, end, stream, body[:cut]))
            if stream % 5 == 0:
                sent.append(faults.frame(faults.RST_STREAM, 0, stream, b"\0\0\0\x08"))
        connection.sendall(b"".join(sent))
        if i % 2:
            connection.recv(1)
        faults.vanish(connection)


def test_calls_cancelled_by_a_real_client(server: RunningServer) -> None:
    tensor = grpcclient.InferInput("in", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 4), np.float32))
    for _ in range(max(3, ROUNDS // 100)):
        with grpcclient.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
            calls = [
                client.async_infer("slow", [tensor], lambda result, error: None) for _ in range(50)
            ]
            for call in calls[::2]:
                call.cancel()


def test_slow_loris(server: RunningServer) -> None:
    """A byte now and then holds a connection only as long as a request may take to arrive."""
    with ExitStack() as held:
        slow = [held.enter_context(closing(server.connect())) for _ in range(300)]
        streams = [held.enter_context(closing(faults.http2(server))) for _ in range(50)]
        mute = [held.enter_context(closing(server.connect(server.grpc))) for _ in range(50)]
        for stream in streams:
            stream.sendall(faults.request_head(1, faults.INFER_PATH))
        sent = 0
        began = time.monotonic()
        while sent < 12 and time.monotonic() < began + 1.2:
            for connection in slow:
                connection.sendall(HEAD[sent : sent + 1])
            sent += 1
            asked = time.monotonic()
            assert server.request("POST", "/v2/models/slow/infer", BODY)[0] == 200
            assert time.monotonic() < asked + 2
        for connection in slow:
            assert b" 408 " in receive_all(connection)
        for stream in streams:
            faults.receive_frame(stream, faults.HEADERS)  # the refusal
        for connection in mute:
            receive_all(connection)
    assert time.monotonic() < began + 15


def test_ten_thousand_idle_connections(server: RunningServer) -> None:
    """As many as the limit of open files admits, which is said in the test's output."""
    wanted = min(10_000 if faults.LONG else 3_000, faults.raise_file_limit() - 300)
    before = faults.resident_bytes(server)
    with ExitStack() as held:
        for i in range(wanted):
            connection = server.connect() if i % 2 else faults.http2(server)
            held.enter_context(closing(connection))
        open_now = "mlops_server_connections_open "
        faults.eventually(lambda: server.metric(open_now) >= wanted)
        grown = faults.resident_bytes(server) - before
        print(f"{wanted} idle connections, {grown / wanted:.0f} bytes each")
        assert grown / wanted < 16_384
        for _ in range(20):
            asked = time.monotonic()
            assert server.request("POST", "/v2/models/slow/infer", BODY)[0] == 200
            assert time.monotonic() < asked + 2


NONSENSE = [
    b"\0" * 100,
    b"\xff" * 5000,
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    b"GET /v2 HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    faults.PREFACE[:10],
    faults.PREFACE + b"\0" * 64,
    faults.PREFACE + faults.frame(faults.SETTINGS, 0, 0, b"\0" * 5),
    faults.PREFACE + faults.frame(faults.SETTINGS, 0, 1),
    faults.PREFACE + faults.frame(faults.SETTINGS, 0, 0) + faults.frame(faults.DATA, 0, 1, b"x"),
    faults.PREFACE + faults.frame(faults.SETTINGS, 0, 0) + faults.frame(faults.PING, 0, 0, b"x"),
    faults.PREFACE + faults.frame(faults.SETTINGS, 0, 0) + b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 999,
    faults.PREFACE
    + faults.frame(faults.SETTINGS, 0, 0)
    + faults.frame(faults.HEADERS, 4, 1, b"\xff" * 40),
    faults.PREFACE
    + faults.frame(faults.SETTINGS, 0, 0)
    + faults.frame(faults.HEADERS, 4, 2, b"\x82"),
    faults.PREFACE
    + faults.frame(faults.SETTINGS, 0, 0)
    + faults.request_head(1, faults.INFER_PATH)
    + faults.frame(faults.DATA, 1, 1, b"\2\xff\xff\xff\xff"),
    faults.PREFACE
    + faults.frame(faults.SETTINGS, 0, 0)
    + faults.request_head(1, faults.STREAM_PATH)
    + faults.frame(faults.DATA, 0, 1, faults.message(b"\xff" * 100) * 20),
]


@pytest.mark.parametrize("door", ["http", "grpc"])
def test_malformed_bytes_cost_their_sender_the_connection(server: RunningServer, door: str) -> None:
    neighbour = server.connect()
    with closing(neighbour):
        for nonsense in NONSENSE:
            with closing(server.connect(getattr(server, door))) as connection:
                connection.sendall(nonsense)
                connection.shutdown(socket.SHUT_WR)
                receive_all(connection)
            neighbour.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n")
            assert receive_reply(neighbour)[0] == 200


def test_mutated_streams(server: RunningServer) -> None:
    """A good conversation with bytes flipped, cut and doubled anywhere after the preface."""
    rng = np.random.default_rng(5)
    good = (
        faults.frame(faults.SETTINGS, 0, 0)
        + faults.request_head(1, faults.INFER_PATH)
        + faults.frame(faults.DATA, faults.END_STREAM, 1, infer_message())
        + faults.request_head(3, faults.STREAM_PATH)
        + faults.frame(faults.DATA, 0, 3, square_message(3))
    )
    for _ in range(ROUNDS * 2):
        mutated = bytearray(good)
        for at in rng.integers(0, len(good), rng.integers(1, 4)):
            mutated[at] = rng.integers(0, 256)
        cut = int(rng.integers(1, len(good)))
        with closing(server.connect(server.grpc)) as connection:
            connection.sendall(faults.PREFACE + bytes(mutated[:cut]) * int(rng.integers(1, 3)))
            connection.setblocking(False)
