"""Compression both ways, as tritonclient, http.client and grpcio do it."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import zlib
from contextlib import closing
from types import ModuleType
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
import tritonclient.http.aio
from serving import RunningServer, infer_body
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

ROWS = np.arange(300, dtype=np.float32).reshape(100, 3)


def inputs(door: ModuleType, binary: bool = True) -> list[Any]:
    tensor = door.InferInput("x", list(ROWS.shape), "FP32")
    if door is tritonclient.http:
        tensor.set_data_from_numpy(ROWS, binary_data=binary)
    else:
        tensor.set_data_from_numpy(ROWS)
    return [tensor]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient_over_http(server: RunningServer, algorithm: str, binary: bool) -> None:
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.http}") as client:
        plain = client.infer("type_fp32", inputs(tritonclient.http, binary)).as_numpy("same")
        packed = client.infer(
            "type_fp32",
            inputs(tritonclient.http, binary),
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        ).as_numpy("same")
    np.testing.assert_array_equal(packed, plain)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_tritonclient_over_grpc(server: RunningServer, algorithm: str) -> None:
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
        plain = client.infer("type_fp32", inputs(tritonclient.grpc)).as_numpy("same")
        packed = client.infer(
            "type_fp32", inputs(tritonclient.grpc), compression_algorithm=algorithm
        ).as_numpy("same")
    np.testing.assert_array_equal(packed, plain)


def test_replies_are_compressed_only_when_asked(server: RunningServer) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.http, timeout=20)) as connection:
        for accept, coding in [
            ("", None),
            ("identity", None),
            ("gzip", "gzip"),
            ("br;q=1, deflate;q=0.5", "deflate"),
            ("gzip;q=0", None),
        ]:
            headers = {"Accept-Encoding": accept or "identity"}
            connection.request("POST", "/v2/models/type_fp32/infer", infer_body(50), headers)
            reply = connection.getresponse()
            body = reply.read()
            assert reply.getheader("Content-Encoding") == coding, accept
            if coding:
                body = gzip.decompress(body) if coding == "gzip" else zlib.decompress(body)
            assert json.loads(body)["model_name"] == "type_fp32"


def test_other_replies_and_errors_are_never_compressed(server: RunningServer) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.http, timeout=20)) as connection:
        for method, path in [
            ("GET", "/v2/models/type_fp32/config"),
            ("GET", "/v2/models/stats"),
            ("POST", "/v2/repository/index"),
            ("POST", f"/v2/models/{'x' * 500}/infer"),
        ]:
            body = infer_body() if method == "POST" and "infer" in path else None
            connection.request(method, path, body, {"Accept-Encoding": "gzip, deflate"})
            reply = connection.getresponse()
            assert reply.getheader("Content-Encoding") is None, path
            assert len(reply.read()) > 128


async def _over_asyncio(port: int) -> None:
    async with tritonclient.http.aio.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert (await client.get_inference_statistics("type_fp32"))["model_stats"]
        assert (await client.get_model_config("type_fp32"))["name"] == "type_fp32"
        result = await client.infer("type_fp32", inputs(tritonclient.http))
        np.testing.assert_array_equal(result.as_numpy("same"), ROWS)
        with pytest.raises(InferenceServerException, match="unknown model"):
            await client.infer("x" * 500, inputs(tritonclient.http))


def test_the_asyncio_client_reads_every_reply(server: RunningServer) -> None:
    """It asks for compressed replies, for that is aiohttp's default, and undoes few of them."""
    asyncio.run(_over_asyncio(server.http))


def test_a_bomb_costs_its_sender_a_400(server: RunningServer) -> None:
    bomb = gzip.compress(b" " * (200 << 20))
    status, body = server.request(
        "POST", "/v2/models/type_fp32/infer", bomb, Content_Encoding="gzip"
    )
    assert status == 400
    assert b"exceeds the maximum allowed input size" in body


@pytest.mark.parametrize("body", [b"", b"plain", gzip.compress(infer_body().encode())[:-5]])
def test_broken_streams_are_refused(server: RunningServer, body: bytes) -> None:
    status, _ = server.request("POST", "/v2/models/type_fp32/infer", body, Content_Encoding="gzip")
    assert status == 400


def test_a_compressed_reply_over_grpc_is_smaller(server: RunningServer) -> None:
    request = service_pb2.ModelInferRequest(model_name="type_fp32")
    tensor = request.inputs.add(name="x", datatype="FP32")
    tensor.shape.extend([20_000, 3])
    request.raw_input_contents.append(bytes(240_000))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

        def sent_by_a_call(compression: grpc.Compression) -> float:
            before = server.metric("mlops_server_sent_bytes_total")
            reply = stub.ModelInfer(request, compression=compression)
            assert len(reply.raw_output_contents[0]) == 240_000
            return server.metric("mlops_server_sent_bytes_total") - before

        plain = sent_by_a_call(grpc.Compression.NoCompression)
        assert sent_by_a_call(grpc.Compression.Gzip) < plain - 200_000
