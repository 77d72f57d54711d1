"""Tiny float models that can be quantized, and one that cannot."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FEATURES, CLASSES = 32, 8


def mlp_model(
    widths: tuple[int, ...] = (FEATURES, 64, 64, CLASSES), opset: int = 17, batch: Any = "N"
) -> Any:
    rng = np.random.default_rng(7)
    nodes, weights, tensor = [], [], "x"
    for index, (before, after) in enumerate(pairwise(widths)):
        w = (rng.standard_normal((before, after)) / np.sqrt(before)).astype(np.float32)
        b = rng.standard_normal(after).astype(np.float32)
        weights += [
            numpy_helper.from_array(w, f"w{index}"),
            numpy_helper.from_array(b, f"b{index}"),
        ]
        last = index == len(widths) - 2
        out = "y" if last else f"g{index}"
        nodes.append(
            helper.make_node("Gemm", [tensor, f"w{index}", f"b{index}"], [out], f"fc{index}")
        )
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"r{index}"], f"relu{index}"))
        tensor = f"r{index}"
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, widths[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, widths[-1]])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def conv_model() -> Any:
    """3x3 and 1x1 convolutions over [2, 3, 8, 8]: a fixed batch of two rows."""
    rng = np.random.default_rng(5)
    weights = [
        numpy_helper.from_array((rng.standard_normal(shape) * 0.2).astype(np.float32), name)
        for name, shape in (("k0", (8, 3, 3, 3)), ("k1", (4, 8, 1, 1)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "k0"], ["c0"], "", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"], ""),
        helper.make_node("Conv", ["r0", "k1"], ["c1"], ""),
        helper.make_node("GlobalAveragePool", ["c1"], ["y"], ""),
    ]
    graph = helper.make_graph(
        nodes,
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4, 1, 1])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def weightless_model() -> Any:
    graph = helper.make_graph(
        [helper.make_node("Sigmoid", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def reshaping_model() -> Any:
    """Shapes that are constants of the graph, as transformers have."""
    rng = np.random.default_rng(2)
    constants = [
        numpy_helper.from_array(rng.standard_normal((32, 64)).astype(np.float32), "w0"),
        numpy_helper.from_array(np.array([-1, 8, 8], np.int64), "split"),
        numpy_helper.from_array(rng.standard_normal((8, 16)).astype(np.float32), "w1"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["m"], "first"),
        helper.make_node("Reshape", ["m", "split"], ["s"], "reshape"),
        helper.make_node("MatMul", ["s", "w1"], ["y"], "second"),
    ]
    graph = helper.make_graph(
        nodes,
        "reshaping",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 8, 16])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
