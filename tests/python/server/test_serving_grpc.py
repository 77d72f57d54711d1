"""gRPC from PyPI's grpcio, and HTTP/2 that no client would send; the server serves on."""

from __future__ import annotations

import struct
import threading
from contextlib import closing

import grpc
import numpy as np
import pytest
import tritonclient.grpc
from serving import RunningServer, receive_all
from tritonclient.grpc import service_pb2, service_pb2_grpc

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GOAWAY = 7
INFER_HEAD = (  # POST, http, :authority "h", and two literal headers
    b"\x83\x86\x01\x01h\x00\x05:path\x2a/inference.GRPCInferenceService/ModelInfer"
    b"\x00\x0ccontent-type\x10application/grpc"
)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


def _kinds(received: bytes) -> list[int]:
    """The types of the HTTP/2 frames in `received`."""
    kinds = []
    while len(received) >= 9:
        kinds.append(received[3])
        received = received[9 + int.from_bytes(received[:3], "big") :]
    return kinds


def _request(rows: int = 1, model: str = "type_fp32") -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name=model)
    tensor = request.inputs.add(name="x", datatype="FP32")
    tensor.shape.extend([rows, 3])
    request.raw_input_contents.append(np.arange(rows * 3, dtype=np.float32).tobytes())
    return request


def _channel(server: RunningServer) -> grpc.Channel:
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    return grpc.insecure_channel(f"127.0.0.1:{server.grpc}", options=unlimited)


def test_raw_and_typed_contents_agree(server: RunningServer) -> None:
    with _channel(server) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        raw = stub.ModelInfer(_request())
        typed = _request()
        del typed.raw_input_contents[:]
        typed.inputs[0].contents.fp32_contents.extend([0, 1, 2])
        assert stub.ModelInfer(typed).raw_output_contents == raw.raw_output_contents


def test_twenty_megabytes_each_way(server: RunningServer) -> None:
    request = _request(1_700_000)
    with _channel(server) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        reply = stub.ModelInfer(request, timeout=60)
    assert reply.raw_output_contents[0] == request.raw_input_contents[0]


def test_messages_over_the_limit_are_refused(server: RunningServer) -> None:
    with _channel(server) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelInfer(_request(6_000_000), timeout=60)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "maximum allowed input size" in refused.value.details()


def test_unknown_methods_are_unimplemented(server: RunningServer) -> None:
    with _channel(server) as channel:
        for path in ("/inference.GRPCInferenceService/Nope", "/a.B/C"):
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(path)(b"")
            assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_deadlines_and_cancellation_leave_neighbours_alone(server: RunningServer) -> None:
    with _channel(server) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        kept = [stub.ModelInfer.future(_request(2000)) for _ in range(50)]
        dropped = [stub.ModelInfer.future(_request(2000), timeout=0.0005) for _ in range(50)]
        for call in [stub.ModelInfer.future(_request(2000)) for _ in range(50)]:
            call.cancel()
        for call in kept:
            assert call.result(timeout=30).raw_output_contents
        for call in dropped:
            assert call.exception(timeout=30) is None or call.code() in (
                grpc.StatusCode.DEADLINE_EXCEEDED,
                grpc.StatusCode.CANCELLED,
            )


def test_clients_that_vanish_with_streams_in_flight(server: RunningServer) -> None:
    for _ in range(10):
        channel = _channel(server)
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        calls = [stub.ModelInfer.future(_request(5000)) for _ in range(20)]
        channel.close()
        assert len(calls) == 20


def test_threads_share_one_client(server: RunningServer) -> None:
    failures: list[BaseException] = []

    def infer_often(client: tritonclient.grpc.InferenceServerClient, seed: int) -> None:
        x = np.random.default_rng(seed).normal(size=(3, 3)).astype(np.float32)
        tensor = tritonclient.grpc.InferInput("x", [3, 3], "FP32")
        tensor.set_data_from_numpy(x)
        try:
            for _ in range(50):
                same = client.infer("type_fp32", [tensor]).as_numpy("same")
                np.testing.assert_array_equal(same, x)
        except BaseException as failure:
            failures.append(failure)

    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
        threads = [threading.Thread(target=infer_often, args=(client, i)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_health_service(server: RunningServer) -> None:
    with _channel(server) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"") == b"\x08\x01"  # SERVING
        with pytest.raises(grpc.RpcError) as unknown:
            check(b"\x0a\x04nope")
        assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
        assert next(watch) == b"\x08\x01"
        watch.cancel()


@pytest.mark.parametrize(
    "frames",
    [
        _frame(6, 0, 1, b"p" * 8),  # PING on a stream
        _frame(0, 0, 1, b"x"),  # DATA on an idle stream
        _frame(4, 0, 0, b"12345"),  # SETTINGS of five bytes
        _frame(8, 0, 0, bytes(4)),  # WINDOW_UPDATE of zero
        _frame(1, 5, 1, b"\xff" * 9),  # broken header compression
        _frame(9, 4, 1, b"\x82"),  # CONTINUATION of nothing
        b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"x" * 4096,  # larger than allowed
        _frame(6, 0, 0, b"p" * 8) * 50_000,  # a flood
        _frame(4, 0, 0) * 50_000,
        _frame(1, 4, 1, INFER_HEAD) + _frame(0, 0, 1) * 50_000,  # empty DATA for ever
    ],
    ids=["ping", "idle", "settings", "window", "hpack", "continuation", "size", "pings",
         "settings-flood", "empty-data"],
)  # fmt: skip
def test_malformed_and_flooding_http2(server: RunningServer, frames: bytes) -> None:
    with closing(server.connect(server.grpc)) as client:
        try:
            client.sendall(PREFACE + _frame(4, 0, 0) + frames)
        except (BrokenPipeError, ConnectionResetError):
            return
        received = receive_all(client)
    assert GOAWAY in _kinds(received)


def test_rapid_resets_end_the_connection(server: RunningServer) -> None:
    attack = b"".join(
        _frame(1, 4, stream, INFER_HEAD) + _frame(3, 0, stream, bytes(4))
        for stream in range(1, 20_001, 2)
    )
    with closing(server.connect(server.grpc)) as client:
        try:
            client.sendall(PREFACE + _frame(4, 0, 0) + attack)
        except (BrokenPipeError, ConnectionResetError):
            return
        receive_all(client)  # the server ends it


def test_http1_on_the_grpc_port_is_told(server: RunningServer) -> None:
    with closing(server.connect(server.grpc)) as client:
        client.sendall(b"GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert receive_all(client).startswith(b"HTTP/1.1 505 ")
