"""Memory under mixed load: after a warm-up it must stay where it is, within two percent."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import faults
import numpy as np
import tritonclient.grpc as grpcclient
from serving import RunningServer
from test_fault_connections import SQUARE
from test_serving_repository import add_version
from tritonclient.utils import InferenceServerException

PARTS = 12  # of the time: a third warms up, the rest is compared
GROWTH_MAX = 0.02


def body(rows: int) -> str:
    data = np.ones((rows, 4), np.float32)
    tensor = {"name": "x", "shape": [rows, 4], "datatype": "FP32", "data": data.ravel().tolist()}
    return json.dumps({"inputs": [tensor]})


def http_mix(server: RunningServer) -> Callable[[int], None]:
    """Good and faulty requests of many sizes on one connection."""
    connection = HTTPConnection("127.0.0.1", server.http, 60)

    def step(at: int) -> None:
        model = "a" if at % 7 else "nope"
        text = body(1 + at * 37 % 400) if at % 11 else "{broken"
        connection.request("POST", f"/v2/models/{model}/infer", text, {"Accept-Encoding": "gzip"})
        connection.getresponse().read()
        if at % 5 == 0:
            connection.request("GET", "/v2/models/stats")
            connection.getresponse().read()
        if at % 50 == 0:
            connection.close()  # and opens again

    return step


def grpc_mix(server: RunningServer) -> Callable[[int], None]:
    client = grpcclient.InferenceServerClient(f"127.0.0.1:{server.grpc}")
    results: queue.Queue[object] = queue.Queue()

    def step(at: int) -> None:
        rows = 1 + at * 53 % 400
        tensor = grpcclient.InferInput("x", [rows, 4], "FP32")
        tensor.set_data_from_numpy(np.ones((rows, 4), np.float32))
        client.infer("a", [tensor])
        if at % 10 == 0:
            client.start_stream(lambda result, error: results.put(error or result))
            number = grpcclient.InferInput("IN", [1], "INT32")
            number.set_data_from_numpy(np.array([5], np.int32))
            client.async_stream_infer("square", [number])
            for _ in range(5):
                assert not isinstance(results.get(timeout=60), InferenceServerException)
            client.stop_stream()

    return step


def rude_mix(server: RunningServer) -> Callable[[int], None]:
    """Connections that break off inside a request, on both ports."""
    head = b"POST /v2/models/a/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"

    def step(at: int) -> None:
        with closing(server.connect()) as connection:
            connection.sendall(head + b" " * (at * 97 % 50_000))
        stream = faults.http2(server)
        stream.sendall(faults.request_head(1, faults.INFER_PATH))
        faults.vanish(stream)
        time.sleep(0.002)  # the others are to get somewhere too

    return step


def swap_mix(server: RunningServer) -> Callable[[int], None]:
    def step(at: int) -> None:
        status, answer = server.request("POST", "/v2/repository/models/swapped/load", "{}")
        assert status == 200, answer
        time.sleep(0.05)

    return step


class Mix(threading.Thread):
    def __init__(self, step: Callable[[int], None], stop: threading.Event) -> None:
        super().__init__()
        self.step, self.stop, self.steps = step, stop, 0
        self.problem: Exception | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self.step(self.steps)
                self.steps += 1
        except Exception as problem:
            self.problem = problem


def test_memory_stays_flat(tmp_path: Path) -> None:
    add_version(tmp_path, "a", 1, 2.0)
    add_version(tmp_path, "swapped", 1, 3.0)
    (tmp_path / "square" / "1").mkdir(parents=True)
    (tmp_path / "square" / "config.pbtxt").write_text(SQUARE)
    arguments = ("--model-control-mode=explicit", "--load-model=*", "--threads=2")
    with RunningServer(tmp_path, *arguments) as server:
        stop = threading.Event()
        makers = [http_mix, http_mix, grpc_mix, rude_mix, swap_mix]
        mixes = [Mix(make(server), stop) for make in makers]
        for mix in mixes:
            mix.start()
        resident: list[int] = []
        for _ in range(PARTS):
            highest = 0
            until = time.monotonic() + faults.SOAK_SECONDS / PARTS
            while time.monotonic() < until:
                time.sleep(0.05)
                highest = max(highest, faults.resident_bytes(server))
            resident.append(highest)
        stop.set()
        for mix in mixes:
            mix.join()
        assert [mix.problem for mix in mixes if mix.problem] == []
        before = max(resident[PARTS // 3 : PARTS // 2])
        after = max(resident[-PARTS // 4 :])
        print(
            f"{faults.SOAK_SECONDS:.0f} s, steps {[mix.steps for mix in mixes]}: "
            f"{before >> 10} KiB, then {after >> 10} KiB ({after / before - 1:+.2%})"
        )
        assert min(mix.steps for mix in mixes) > 0
        assert after <= before * (1 + GROWTH_MAX), [r >> 10 for r in resident]
        assert server.stop() == 0
