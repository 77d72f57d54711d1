"""Answers that an engine in this process keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import mlops_engine as me


def save(path: Path, *operators: str) -> Path:
    """Write a graph that sends x [N, 4] through the operators."""
    nodes, last = [], "x"
    for i, operator in enumerate(operators):
        nodes.append(helper.make_node(operator, [last], [f"y{i}"]))
        last = f"y{i}"
    shape = ["N", 4]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def test_equal_requests_run_once(tmp_path: Path) -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    with me.Engine(cache=1 << 20, lanes=1) as engine:
        engine.load("m", save(tmp_path / "m.onnx", "Neg"), cache=True)
        engine.load("plain", tmp_path / "m.onnx")
        for _ in range(3):
            for name in ("m", "plain"):
                (y,) = engine.infer(name, {"x": x}).values()
                np.testing.assert_array_equal(y, -x)
        assert engine.stats("m")["executions"] == 1
        assert engine.stats("m")["cache_hits"] == 2
        assert engine.stats("plain")["executions"] == 3
        engine.flush_cache("m")
        engine.infer("m", {"x": x})
        assert engine.stats("m")["executions"] == 2
        # The same bytes in another shape are another request.
        engine.infer("m", {"x": x.reshape(2, 4)[:1]})
        assert engine.stats("m")["cache_misses"] == 3


def test_a_reload_of_other_content_answers_anew(tmp_path: Path) -> None:
    x = np.ones((1, 4), np.float32)
    with me.Engine(cache=1 << 20) as engine:
        engine.load("m", save(tmp_path / "m.onnx", "Neg"), cache=True)
        engine.infer("m", {"x": x})
        engine.load("m", save(tmp_path / "m.onnx", "Neg", "Neg"), cache=True)
        (y,) = engine.infer("m", {"x": x}).values()
        np.testing.assert_array_equal(y, x)


def test_what_is_drawn_is_not_kept(tmp_path: Path) -> None:
    with me.Engine(cache=1 << 20) as engine:
        path = save(tmp_path / "m.onnx", "RandomNormalLike")
        with pytest.raises(me.InvalidArgument, match="RandomNormalLike"):
            engine.load("m", path, cache=True)
        engine.load("m", path)


def test_a_cache_has_room(tmp_path: Path) -> None:
    with pytest.raises(me.InvalidArgument, match="at least 65536"):
        me.Engine(cache=100)
