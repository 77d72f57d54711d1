"""KServe's own Python SDK, in its own environment: HTTP and gRPC, JSON and binary.

Usage: kserve_client.py HTTP_PORT GRPC_PORT. Prints nothing when everything is as it should be.
"""

import asyncio
import sys

import numpy as np
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferOutput,
    InferRequest,
    RESTConfig,
)

MODEL = "simple"
LEFT = np.arange(16, dtype=np.int32).reshape(1, 16)
RIGHT = np.ones((1, 16), np.int32)


def request(binary: bool) -> InferRequest:
    """Sum and difference of two rows."""
    inputs = []
    for name, values in (("INPUT0", LEFT), ("INPUT1", RIGHT)):
        tensor = InferInput(name, [1, 16], "INT32")
        tensor.set_data_from_numpy(values, binary_data=binary)
        inputs.append(tensor)
    return InferRequest(model_name=MODEL, infer_inputs=inputs, request_id="r-1")


def check(outputs: list[InferOutput]) -> None:
    """Exit unless they are what the model makes of `request`."""
    found = {output.name: output.as_numpy().reshape(1, 16) for output in outputs}
    np.testing.assert_array_equal(found["OUTPUT0"], LEFT + RIGHT)
    np.testing.assert_array_equal(found["OUTPUT1"], LEFT - RIGHT)


async def over_http(port: str) -> None:
    """Health, readiness, inference."""
    base = f"http://127.0.0.1:{port}"
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    assert await client.is_server_live(base)
    assert await client.is_server_ready(base)
    assert await client.is_model_ready(base, MODEL)
    assert not await client.is_model_ready(base, "nobody")
    for binary in (False, True):
        answer = await client.infer(base, request(binary), model_name=MODEL)
        assert answer.id == "r-1"
        check(answer.outputs)


async def over_grpc(port: str) -> None:
    """The same."""
    async with InferenceGRPCClient(f"127.0.0.1:{port}", timeout=20, retries=0) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready(MODEL)
        for binary in (False, True):
            check((await client.infer(request(binary))).outputs)


asyncio.run(over_http(sys.argv[1]))
asyncio.run(over_grpc(sys.argv[2]))
