"""What Triton's client examples do, with tritonclient, over both doors and the same models."""

from __future__ import annotations

import asyncio
import importlib
import os
import queue
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from example_models import GRPC_MODELS, build_examples
from serving import RunningServer
from tritonclient.utils import InferenceServerException, shared_memory

DOORS = [httpclient, grpcclient]
FIRST = np.arange(16, dtype=np.int32).reshape(1, 16)
SECOND = np.ones((1, 16), np.int32)
VALUES = [11, 7, 5, 3, 2, 0, 1]
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    repository: Path = tmp_path_factory.mktemp("examples")
    build_examples(repository, GRPC_MODELS)
    arguments = ("--compat-server-name=triton", "--allow-client-shm=true", "--threads=2")
    with RunningServer(repository, *arguments) as server:
        yield server
        assert server.stop() == 0


def url(door: ModuleType, server: RunningServer) -> str:
    return f"127.0.0.1:{server.grpc if 'grpc' in door.__name__ else server.http}"


def as_text(values: Array) -> Array:
    return np.array([str(v).encode() for v in values.ravel()], object).reshape(values.shape)


def tensor(door: ModuleType, name: str, values: Array, binary: bool = True) -> Any:
    kind = "BYTES" if values.dtype == object else str(values.dtype).upper()
    made = door.InferInput(name, list(values.shape), kind)
    options = {} if "grpc" in door.__name__ else {"binary_data": binary}
    made.set_data_from_numpy(values, **options)
    return made


def pair(door: ModuleType, first: Array = FIRST, second: Array = SECOND) -> list[Any]:
    # One of the two as JSON, so that requests over HTTP are mixed.
    return [tensor(door, "INPUT0", first), tensor(door, "INPUT1", second, binary=False)]


def check_pair(result: Any) -> None:
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FIRST + SECOND)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), FIRST - SECOND)


@pytest.mark.parametrize("door", DOORS)
def test_health_and_metadata(door: ModuleType, examples: RunningServer) -> None:
    headers = {"test": "1", "dummy": "2"}
    with door.InferenceServerClient(url(door, examples)) as client:
        assert client.is_server_live(headers=headers)
        assert client.is_server_ready(headers=headers)
        assert client.is_model_ready("simple", headers=headers)
        options = {} if door is httpclient else {"as_json": True}
        assert client.get_server_metadata(**options)["name"] == "triton"
        metadata = client.get_model_metadata("simple", headers=headers, **options)
        assert (metadata["name"], metadata["platform"]) == ("simple", "onnxruntime_onnx")
        with pytest.raises(InferenceServerException, match="Request for unknown model"):
            client.get_model_metadata("wrong_model_name")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("model", ["simple", "simple_int8", "simple_string"])
def test_sums_and_differences(door: ModuleType, model: str, examples: RunningServer) -> None:
    change = {"simple": np.copy, "simple_int8": np.int8, "simple_string": as_text}[model]
    outputs = [door.InferRequestedOutput(f"OUTPUT{i}") for i in range(2)]
    with door.InferenceServerClient(url(door, examples)) as client:
        result = client.infer(
            model, pair(door, change(FIRST), change(SECOND)), outputs=outputs, request_id="1"
        )
        for name, expected in (("OUTPUT0", FIRST + SECOND), ("OUTPUT1", FIRST - SECOND)):
            np.testing.assert_array_equal(result.as_numpy(name).astype(np.int32), expected)
        alone = client.infer(model, pair(door, change(FIRST), change(SECOND)), outputs=outputs[:1])
        assert alone.as_numpy("OUTPUT1") is None


@pytest.mark.parametrize("door", DOORS)
def test_asynchronous_requests(door: ModuleType, examples: RunningServer) -> None:
    if door is httpclient:
        with httpclient.InferenceServerClient(url(door, examples), concurrency=4) as client:
            for call in [client.async_infer("simple", pair(door)) for _ in range(20)]:
                check_pair(call.get_result())
        return
    results: queue.Queue[Any] = queue.Queue()
    with grpcclient.InferenceServerClient(url(door, examples)) as client:
        for _ in range(20):
            client.async_infer(
                "simple", pair(door), lambda result, error: results.put(error or result)
            )
        for _ in range(20):
            check_pair(results.get(timeout=20))


async def _infer_asyncio(door: ModuleType, client: Any) -> None:
    async with client:
        for result in await asyncio.gather(
            *(client.infer("simple", pair(door)) for _ in range(20))
        ):
            check_pair(result)
        assert (await client.get_model_config("simple")) is not None
        assert (await client.get_inference_statistics("simple")) is not None
        with pytest.raises(InferenceServerException, match="Request for unknown model"):
            await client.infer("wrong_model_name", pair(door))


@pytest.mark.parametrize("door", DOORS)
def test_asyncio(door: ModuleType, examples: RunningServer) -> None:
    async def run() -> None:
        module = importlib.import_module(f"{door.__name__}.aio")
        await _infer_asyncio(door, module.InferenceServerClient(url(door, examples)))

    asyncio.run(run())


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("door", DOORS)
def test_strings_come_back(door: ModuleType, binary: bool, examples: RunningServer) -> None:
    for word in (b"he\0llo", b"\x00\x01\x02\x03", "\u4f60\u597d".encode()):
        words = np.array([word] * 16, object).reshape(1, 16)
        with door.InferenceServerClient(url(door, examples)) as client:
            options = {} if door is grpcclient else {"binary_data": binary}
            output = door.InferRequestedOutput("OUTPUT0", **options)
            sent = [tensor(door, "INPUT0", words, binary)]
            back = client.infer("simple_identity", sent, outputs=[output]).as_numpy("OUTPUT0")
        got = [w if isinstance(w, bytes) else w.encode() for w in back.ravel()]
        assert got == [word] * 16


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_shared_memory(door: ModuleType, strings: bool, examples: RunningServer) -> None:
    model = "simple_string" if strings else "simple"
    values = [as_text(v) if strings else v for v in (FIRST, SECOND)]
    bytes_max = 256
    with door.InferenceServerClient(url(door, examples)) as client, ExitStack() as regions:
        client.unregister_system_shared_memory()
        client.unregister_cuda_shared_memory()
        handles = {}
        for name in ("INPUT0", "INPUT1", "OUTPUT0", "OUTPUT1"):
            key = f"/mlops_{name}_{os.getpid()}"
            handles[name] = shared_memory.create_shared_memory_region(name, key, bytes_max)
            regions.callback(shared_memory.destroy_shared_memory_region, handles[name])
            client.register_system_shared_memory(name, key, bytes_max)
        sizes = []
        for i, value in enumerate(values):
            packed = httpclient.serialize_byte_tensor(value) if strings else value
            shared_memory.set_shared_memory_region(handles[f"INPUT{i}"], [packed])
            sizes.append(len(packed.item()) if strings else value.nbytes)
        inputs = pair(door, *values)
        for made, size in zip(inputs, sizes, strict=True):
            made.set_shared_memory(made.name(), size)
        outputs = [door.InferRequestedOutput(f"OUTPUT{i}", **{}) for i in range(2)]
        for made in outputs:
            made.set_shared_memory(made.name(), bytes_max)
        client.infer(model, inputs, outputs=outputs)
        for name, expected in (("OUTPUT0", FIRST + SECOND), ("OUTPUT1", FIRST - SECOND)):
            kind = np.object_ if strings else np.int32
            got = shared_memory.get_contents_as_numpy(handles[name], kind, [1, 16])
            np.testing.assert_array_equal(got.astype(np.int32), expected)
        client.unregister_system_shared_memory()


def expected_answers(first: int, values: list[int], sequence: int, dyna: bool) -> list[int]:
    """The first answer is one more; in the dynamic model the last has the sequence's id on top."""
    answers = [first + 1, *values]
    return [*answers[:-1], answers[-1] + (sequence if dyna else 0)]


@pytest.mark.parametrize("dyna", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_sequences_that_take_turns(door: ModuleType, dyna: bool, examples: RunningServer) -> None:
    model = "simple_dyna_sequence" if dyna else "simple_sequence"
    ids = [1000 + 2 * DOORS.index(door), 1001 + 2 * DOORS.index(door)]
    inputs = [[0, *VALUES], [100, *(-v for v in VALUES)]]
    got: list[list[int]] = [[], []]
    with door.InferenceServerClient(url(door, examples)) as client:
        for at in range(len(VALUES) + 1):
            for which, sequence in enumerate(ids):
                sent = [tensor(door, "INPUT", np.array([[inputs[which][at]]], np.int32))]
                marks = {"sequence_start": at == 0, "sequence_end": at == len(VALUES)}
                result = client.infer(model, sent, sequence_id=sequence, **marks)
                got[which].append(int(result.as_numpy("OUTPUT")[0][0]))
    for which, sequence in enumerate(ids):
        values = inputs[which]
        assert got[which] == expected_answers(values[0], values[1:], sequence, dyna)


@pytest.mark.parametrize("dyna", [False, True])
def test_sequences_on_one_stream(dyna: bool, examples: RunningServer) -> None:
    """Three of them, one of which is named by a string."""
    model = "simple_dyna_sequence" if dyna else "simple_sequence"
    text_model = "simple_string_dyna_sequence" if dyna else "simple_sequence"
    text_id = "1022" if dyna else "not-a-number"
    sequences: list[tuple[str, Any, list[int]]] = [
        (model, 1020, [0, *VALUES]),
        (model, 1021, [100, *(-v for v in VALUES)]),
        (text_model, text_id, [20, *(-v for v in VALUES)]),
    ]
    results: queue.Queue[Any] = queue.Queue()
    got: dict[str, list[int]] = {str(sequence): [] for _, sequence, _ in sequences}
    with grpcclient.InferenceServerClient(url(grpcclient, examples)) as client:
        client.start_stream(partial(lambda put, result, error: put(error or result), results.put))
        for name, sequence, values in sequences:
            for at, value in enumerate(values):
                client.async_stream_infer(
                    name,
                    [tensor(grpcclient, "INPUT", np.array([[value]], np.int32))],
                    request_id=f"{sequence}_{at}",
                    sequence_id=sequence,
                    sequence_start=at == 0,
                    sequence_end=at == len(values) - 1,
                )
        for _ in range(3 * (len(VALUES) + 1)):
            result = results.get(timeout=20)
            assert not isinstance(result, Exception), result
            answer = int(result.as_numpy("OUTPUT")[0][0])
            got[result.get_response().id.split("_")[0]].append(answer)
    for number, (_, sequence, values) in enumerate(sequences[:2]):
        expected = expected_answers(values[0], values[1:], sequence, dyna)
        assert got[str(sequence)] == expected, number
    values = sequences[2][2]
    sums = np.cumsum(values).tolist()
    sums[-1] += 1022
    assert got[text_id] == (sums if dyna else expected_answers(20, values[1:], 0, False))


def test_repeat_and_channel_arguments(examples: RunningServer) -> None:
    arguments = [("grpc.max_receive_message_length", 1 << 20), ("grpc.keepalive_time_ms", 1000)]
    results: queue.Queue[Any] = queue.Queue()
    with grpcclient.InferenceServerClient(
        url(grpcclient, examples), channel_args=arguments
    ) as client:
        client.start_stream(lambda result, error: results.put(error or result))
        sent = [
            tensor(grpcclient, "IN", np.arange(10, dtype=np.int32)),
            tensor(grpcclient, "DELAY", np.full(10, 5, np.uint32)),
            tensor(grpcclient, "WAIT", np.array([5], np.uint32)),
        ]
        client.async_stream_infer("repeat_int32", sent)
        got = [int(results.get(timeout=20).as_numpy("OUT")[0]) for _ in range(10)]
        assert got == list(range(10))


@pytest.mark.parametrize("door", DOORS)
def test_model_control(door: ModuleType, tmp_path: Path) -> None:
    build_examples(tmp_path, ["simple"])
    with RunningServer(tmp_path, "--model-control-mode=explicit", "--threads=1") as server:
        with door.InferenceServerClient(url(door, server)) as client:
            client.load_model("simple")
            assert client.is_model_ready("simple")
            with pytest.raises(InferenceServerException, match="failed to load"):
                client.load_model("simple", config='"parameters": {"config": {{}}}')
            client.load_model("simple", config='{"max_batch_size":"16"}')
            config = client.get_model_config("simple")
            config = config if door is httpclient else config.config
            sixteen = config["max_batch_size"] if door is httpclient else config.max_batch_size
            assert sixteen == 16
            with pytest.raises(InferenceServerException, match="failed to poll from model repo"):
                client.load_model("simple", config="{}", files={"file:" + "A" * 256: b"a"})
            client.unload_model("simple")
            assert not client.is_model_ready("simple")
            with pytest.raises(InferenceServerException, match="failed to load"):
                client.load_model("wrong_model_name")
        assert server.stop() == 0
