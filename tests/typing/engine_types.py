"""What a type checker must make of the public API; test_engine_types.py runs mypy on it."""

from __future__ import annotations

import asyncio
from typing import reveal_type

import numpy as np

import mlops_engine as me

x = np.zeros((1, 4), np.float32)

with me.Engine("models", lanes=2) as engine:
    reveal_type(engine)  # Engine
    reveal_type(engine.load("m", "model.onnx"))  # ModelInfo
    reveal_type(engine.infer("m", {"input": x}))  # dict[str, ndarray[tuple[Any, ...], dtype[Any]]]
    y = engine.infer("m", {"input": np.float32(1)}, version=1)["y"]
    reveal_type(y)  # ndarray[tuple[Any, ...], dtype[Any]]
    future = engine.submit("m", {"input": x})
    reveal_type(future)  # Future[dict[str, ndarray[tuple[Any, ...], dtype[Any]]]]
    reveal_type(future.result(1))  # dict[str, ndarray[tuple[Any, ...], dtype[Any]]]
    reveal_type(engine.model("m").inputs)  # tuple[TensorSpec, ...]
    reveal_type(engine.model("m").inputs[0].shape)  # tuple[int, ...] | None
    reveal_type(engine.model("m").inputs[0].dtype)  # dtype[Any]
    reveal_type(engine.models())  # list[ModelInfo]
    reveal_type(engine.stats())  # dict[str, Any]
    reveal_type(engine.metrics())  # str
    reveal_type(engine.ready)  # bool
    reveal_type(engine.drain(1))  # bool

    engine.infer("m", {"input": [1.0]})  # error: dict-item
    engine.infer("m", {"input": x}, versoin=1)  # error: call-arg
    engine.infer("m", {"input": x}, outputs="y", timeout="soon")  # error: arg-type


async def main(engine: me.Engine) -> None:
    future = engine.infer_async("m", {"input": memoryview(b"raw")})
    reveal_type(future)  # Future[dict[str, ndarray[tuple[Any, ...], dtype[Any]]]]
    reveal_type(await future)  # dict[str, ndarray[tuple[Any, ...], dtype[Any]]]
    waited = await asyncio.wait_for(future, 1)
    reveal_type(waited)  # dict[str, ndarray[tuple[Any, ...], dtype[Any]]]


try:
    engine.close()
except me.MlopsError as error:
    reveal_type(error.code)  # str
