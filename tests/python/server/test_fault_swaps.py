"""Versions swapped under 64 clients of both doors: no reply may fail, lie, or be out of date."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import faults
import grpc
import numpy as np
from serving import RunningServer
from test_serving_repository import add_version
from tritonclient.grpc import service_pb2

SWAPS = 200 if faults.LONG else 10
CLIENTS = 64
ROW = np.array([1, 2, 3, 4], np.float32)
BODY = json.dumps(
    {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": ROW.tolist()}]}
)


class Swaps:
    """What is published now, what the clients saw, and whatever went wrong."""

    def __init__(self) -> None:
        self.published = 1
        self.stop = threading.Event()
        self.problems: list[str] = []
        self.replies = [0] * CLIENTS

    def check(self, client: int, published_before: int, version: str, row: list[float]) -> None:
        self.replies[client] += 1
        if row != (ROW * int(version)).tolist():
            self.problems.append(f"version {version} answered {row}")
        if int(version) < published_before:
            self.problems.append(f"version {version} answered after {published_before} was loaded")

    def client(self, number: int, ask: Callable[[], tuple[str, list[float]]]) -> None:
        try:
            while not self.stop.is_set():
                before = self.published
                self.check(number, before, *ask())
        except Exception as problem:
            self.problems.append(f"client {number}: {problem!r}")


def over_http(server: RunningServer) -> Iterator[tuple[str, list[float]]]:
    with closing(HTTPConnection("127.0.0.1", server.http, 60)) as connection:
        while True:
            connection.request("POST", "/v2/models/a/infer", BODY)
            reply = connection.getresponse()
            answer = json.loads(reply.read())
            assert reply.status == 200, answer
            yield answer["model_version"], answer["outputs"][0]["data"]


def over_grpc(server: RunningServer) -> Iterator[tuple[str, list[float]]]:
    request = service_pb2.ModelInferRequest(model_name="a")
    request.inputs.add(name="x", datatype="FP32", shape=[1, 4])
    request.raw_input_contents.append(ROW.tobytes())
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        call = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=service_pb2.ModelInferRequest.SerializeToString,
            response_deserializer=service_pb2.ModelInferResponse.FromString,
        )
        while True:
            reply = call(request, timeout=60)
            yield reply.model_version, np.frombuffer(reply.raw_output_contents[0], "<f4").tolist()


def test_swaps_lose_nothing(tmp_path: Path) -> None:
    add_version(tmp_path, "a", 1, 1.0)
    arguments = ("--model-control-mode=explicit", "--load-model=a", "--threads=2")
    with RunningServer(tmp_path, *arguments) as server:
        swaps = Swaps()
        asks = [over_grpc(server) if i % 4 == 0 else over_http(server) for i in range(CLIENTS)]
        threads = [
            threading.Thread(target=swaps.client, args=(i, asks[i].__next__))
            for i in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for version in range(2, SWAPS + 2):
            add_version(tmp_path, "a", version, float(version))
            status, body = server.request("POST", "/v2/repository/models/a/load", "{}")
            assert status == 200, body
            swaps.published = version
            if version > 3:
                shutil.rmtree(tmp_path / "a" / str(version - 2))
            seen = sum(swaps.replies)  # each version gets to answer some
            deadline = time.monotonic() + 30
            while sum(swaps.replies) < seen + CLIENTS and not swaps.problems:
                assert time.monotonic() < deadline
                time.sleep(0.001)
        swaps.stop.set()
        for thread in threads:
            thread.join()
        assert swaps.problems == []
        print(f"{SWAPS} swaps, {sum(swaps.replies)} replies, none failed or wrong")
        assert sum(swaps.replies) >= SWAPS * CLIENTS
        assert server.metric('nv_inference_request_failure{model="a"') == 0
        assert server.stop() == 0
