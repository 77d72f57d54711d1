"""PyPI's tritonclient, unmodified, against every model of the zoo, judged by onnxruntime."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
import zoo
from serving import RunningServer
from tritonclient.utils import np_to_triton_dtype

NAMES = [spec.name for spec in zoo.all_specs()]
CLIENTS = {"http": tritonclient.http, "grpc": tritonclient.grpc}


def _kserve_inputs(module: Any, arrays: dict[str, np.ndarray]) -> list[Any]:
    made = []
    for name, array in arrays.items():
        value = array
        if value.dtype == object:
            value = np.array([str(s).encode() for s in value.ravel()], object).reshape(value.shape)
        datatype = "BF16" if value.dtype.name == "bfloat16" else np_to_triton_dtype(value.dtype)
        tensor = module.InferInput(name, list(value.shape), datatype)
        tensor.set_data_from_numpy(value)
        made.append(tensor)
    return made


def _assert_equal(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert list(actual.shape) == list(expected.shape)
    if expected.dtype == object:
        assert [s.decode() for s in actual.ravel()] == [str(s) for s in expected.ravel()]
    elif np.issubdtype(expected.dtype, np.floating) or expected.dtype.name == "bfloat16":
        np.testing.assert_allclose(
            actual.astype(np.float64), expected.astype(np.float64), rtol=0, atol=tolerance
        )
    else:
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_onnxruntimes(
    server: RunningServer, zoo_models: dict[str, zoo.ZooModel], name: str, protocol: str
) -> None:
    module = CLIENTS[protocol]
    model = zoo_models[name]
    with module.InferenceServerClient(f"127.0.0.1:{getattr(server, protocol)}") as client:
        for rows in model.rows:
            inputs = model.inputs(np.random.default_rng(rows), rows)
            expected = zoo.run_reference(model, inputs)
            result = client.infer(name, _kserve_inputs(module, inputs))
            for output, array in expected.items():
                _assert_equal(result.as_numpy(output), array, max(model.tolerance, 1e-6))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_metadata_and_configuration_describe_every_model(
    server: RunningServer, zoo_models: dict[str, zoo.ZooModel], protocol: str
) -> None:
    module = CLIENTS[protocol]
    with module.InferenceServerClient(f"127.0.0.1:{getattr(server, protocol)}") as client:
        as_json = {} if protocol == "http" else {"as_json": True}
        for name, model in zoo_models.items():
            metadata = client.get_model_metadata(name, **as_json)
            assert metadata["name"] == name
            required = [n for n in model.input_names if n not in model.optional_inputs]
            assert [t["name"] for t in metadata.get("inputs", [])] == required
            assert [t["name"] for t in metadata["outputs"]] == list(model.output_names)
            config = client.get_model_config(name, **as_json)
            assert config.get("config", config)["name"] == name
            assert client.is_model_ready(name)
            assert client.is_model_ready(name, "1")
            assert not client.is_model_ready(name, "7")


async def _infer_many(module: Any, port: int, x: np.ndarray) -> list[np.ndarray]:
    async with module.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert await client.is_server_ready()

        async def one(row: np.ndarray) -> np.ndarray:
            result = await client.infer("mlp_small", _kserve_inputs(module, {"x": row}))
            return np.asarray(result.as_numpy("y"))

        return list(await asyncio.gather(*(one(x[i : i + 1]) for i in range(len(x)))))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_asyncio_clients_get_their_own_rows(
    server: RunningServer, zoo_models: dict[str, zoo.ZooModel], protocol: str
) -> None:
    module = {"http": tritonclient.http.aio, "grpc": tritonclient.grpc.aio}[protocol]
    x = np.random.default_rng(1).normal(size=(200, 64)).astype(np.float32)
    expected = zoo.run_reference(zoo_models["mlp_small"], {"x": x})["y"]
    replies = asyncio.run(_infer_many(module, getattr(server, protocol), x))
    tolerance = zoo_models["mlp_small"].tolerance
    np.testing.assert_allclose(np.concatenate(replies), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_messages_of_many_megabytes(server: RunningServer, protocol: str) -> None:
    module = CLIENTS[protocol]
    metadata_rows = 4_000_000
    with module.InferenceServerClient(f"127.0.0.1:{getattr(server, protocol)}") as client:
        shape = client.get_model_metadata(
            "type_fp32", **({} if protocol == "http" else {"as_json": True})
        )
        width = int(shape["inputs"][0]["shape"][1])
        x = np.random.default_rng(2).normal(size=(metadata_rows // width, width)).astype(np.float32)
        result = client.infer("type_fp32", _kserve_inputs(module, {"x": x}))
        np.testing.assert_array_equal(result.as_numpy("same"), x)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_errors_have_a_code_and_a_reason(server: RunningServer, protocol: str) -> None:
    module = CLIENTS[protocol]
    x = np.zeros((1, 64), np.float32)
    with module.InferenceServerClient(f"127.0.0.1:{getattr(server, protocol)}") as client:
        with pytest.raises(
            tritonclient.utils.InferenceServerException, match="not_there"
        ) as missing:
            client.infer("not_there", _kserve_inputs(module, {"x": x}))
        assert missing.value.status() in ("404", "StatusCode.NOT_FOUND")
        with pytest.raises(tritonclient.utils.InferenceServerException) as wrong:
            client.infer("mlp_small", _kserve_inputs(module, {"x": x[:, :3]}))
        assert wrong.value.status() in ("400", "StatusCode.INVALID_ARGUMENT")


def test_server_metadata(server: RunningServer) -> None:
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
        over_grpc = client.get_server_metadata(as_json=True)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.http}") as client:
        over_http = client.get_server_metadata()
    assert over_grpc == over_http
