"""Classification and system shared memory, through PyPI's tritonclient over both doors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from serving import RunningServer
from tritonclient.utils import InferenceServerException, shared_memory

DOORS = [tritonclient.http, tritonclient.grpc]
BATCH = np.array([[0.5, -1.0, 9.0], [3.0, 2.0, 1.0]], np.float32)


@pytest.fixture(scope="module")
def sharing(small_repository: Path) -> Iterator[RunningServer]:
    with RunningServer(small_repository, "--threads=2", "--allow-client-shm=true") as server:
        yield server
        assert server.stop() == 0


def client_of(door: ModuleType, server: RunningServer) -> Any:
    port = server.http if door is tritonclient.http else server.grpc
    return door.InferenceServerClient(f"127.0.0.1:{port}")


def input_of(door: ModuleType, values: np.ndarray[Any, Any] = BATCH) -> Any:
    tensor = door.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return tensor


@pytest.fixture
def region() -> Iterator[Any]:
    name = f"/mlops_py_{os.getpid()}"
    handle = shared_memory.create_shared_memory_region("pair", name, 2 * BATCH.nbytes)
    yield handle, name
    shared_memory.destroy_shared_memory_region(handle)


@pytest.mark.parametrize("door", DOORS)
def test_classes_come_largest_first(door: ModuleType, sharing: RunningServer) -> None:
    with client_of(door, sharing) as client:
        result = client.infer(
            "type_fp32",
            [input_of(door)],
            outputs=[door.InferRequestedOutput("same", class_count=2)],
        )
        classes = result.as_numpy("same")
    assert classes.shape == (2, 2)
    index = [[int(text.split(b":")[1]) for text in row] for row in classes]
    assert index == [[2, 0], [0, 1]]


@pytest.mark.parametrize("door", DOORS)
def test_inputs_and_outputs_in_a_region(
    door: ModuleType, sharing: RunningServer, region: tuple[Any, str]
) -> None:
    handle, key = region
    shared_memory.set_shared_memory_region(handle, [BATCH])
    with client_of(door, sharing) as client:
        plain = client.infer("type_fp32", [input_of(door)]).as_numpy("same")
        client.unregister_system_shared_memory()
        client.register_system_shared_memory("pair", key, 2 * BATCH.nbytes)
        status = client.get_system_shared_memory_status(
            **({"as_json": True} if door is tritonclient.grpc else {})
        )
        assert "pair" in str(status)
        tensor = door.InferInput("x", list(BATCH.shape), "FP32")
        tensor.set_shared_memory("pair", BATCH.nbytes)
        output = door.InferRequestedOutput("same")
        output.set_shared_memory("pair", BATCH.nbytes, offset=BATCH.nbytes)
        result = client.infer("type_fp32", [tensor], outputs=[output])
        assert result.get_output("same") is not None
        written = shared_memory.get_contents_as_numpy(
            handle, np.float32, list(BATCH.shape), offset=BATCH.nbytes
        )
        np.testing.assert_array_equal(written, plain)
        with pytest.raises(InferenceServerException, match="'pair' already in manager") as twice:
            client.register_system_shared_memory("pair", key, 8)
        taken = "StatusCode.ALREADY_EXISTS" if door is tritonclient.grpc else "400"
        assert twice.value.status() == taken
        client.unregister_system_shared_memory("pair")
        with pytest.raises(InferenceServerException, match="Unable to find system shared memory"):
            client.infer("type_fp32", [tensor], outputs=[output])
        client.unregister_system_shared_memory()


@pytest.mark.parametrize("door", DOORS)
def test_places_that_do_not_fit(
    door: ModuleType, sharing: RunningServer, region: tuple[Any, str]
) -> None:
    _, key = region
    with client_of(door, sharing) as client:
        client.unregister_system_shared_memory()
        client.register_system_shared_memory("pair", key, 2 * BATCH.nbytes)
        tensor = door.InferInput("x", list(BATCH.shape), "FP32")
        for offset, size, error in [
            (2 * BATCH.nbytes, 4, "Invalid offset for shared memory region"),
            (BATCH.nbytes + 4, BATCH.nbytes, r"Invalid offset \+ byte size"),
            (0, 4, "unexpected total byte size 4"),
        ]:
            tensor.set_shared_memory("pair", size, offset=offset)
            with pytest.raises(InferenceServerException, match=error):
                client.infer("type_fp32", [tensor])
        output = door.InferRequestedOutput("same")
        output.set_shared_memory("pair", 4)
        with pytest.raises(InferenceServerException, match="should be at least 24 bytes"):
            client.infer("type_fp32", [input_of(door)], outputs=[output])
        for bad_key in ("/../etc/passwd", "/nope", "/triton_python_backend_shm_region_1"):
            with pytest.raises(InferenceServerException, match="shared memory region"):
                client.register_system_shared_memory("bad", bad_key, 4)
        client.unregister_system_shared_memory()


def test_a_client_that_truncates_its_region_harms_nobody(
    sharing: RunningServer, region: tuple[Any, str]
) -> None:
    _, key = region
    path = Path("/dev/shm") / key.lstrip("/")
    with client_of(tritonclient.http, sharing) as client:
        client.unregister_system_shared_memory()
        client.register_system_shared_memory("pair", key, 2 * BATCH.nbytes)
        tensor = tritonclient.http.InferInput("x", list(BATCH.shape), "FP32")
        tensor.set_shared_memory("pair", BATCH.nbytes)
        stop = threading.Event()

        def truncate() -> None:
            while not stop.is_set():
                os.truncate(path, 0)
                os.truncate(path, 2 * BATCH.nbytes)

        thread = threading.Thread(target=truncate)
        thread.start()
        try:
            for _ in range(300):
                try:
                    client.infer("type_fp32", [tensor])
                except InferenceServerException as error:
                    assert "Invalid offset + byte size" in str(error)  # noqa: PT017
        finally:
            stop.set()
            thread.join()
        assert client.is_server_live()
        client.unregister_system_shared_memory()


@pytest.mark.parametrize("door", DOORS)
def test_without_leave_nothing_is_shared(door: ModuleType, server: RunningServer) -> None:
    with client_of(door, server) as client:
        with pytest.raises(InferenceServerException, match="Client shared memory is disabled"):
            client.register_system_shared_memory("pair", "/x", 4)
        client.unregister_system_shared_memory()  # load generators clean up before they begin
        assert "pair" not in str(client.get_system_shared_memory_status())


@pytest.mark.parametrize("door", DOORS)
def test_cuda_calls_on_a_build_without_gpus(door: ModuleType, sharing: RunningServer) -> None:
    with client_of(door, sharing) as client:
        with pytest.raises(InferenceServerException, match="GPUs not supported"):
            client.register_cuda_shared_memory("gpu", b"aGFuZGxl", 0, 64)
        client.unregister_cuda_shared_memory()
        client.unregister_cuda_shared_memory("gpu")
        status = client.get_cuda_shared_memory_status()
        assert status == [] if door is tritonclient.http else not status.regions
