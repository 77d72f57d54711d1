"""Write the benchmark's small models as a model repository: ``python bench/make_models.py DIR``.

``identity``: 64 floats, the cost of all but the model. ``mlp``: 64-256-256-16 with Relu, seeded;
``wide``: 512-1024-1024-64, which gains from batches.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _model(name: str, widths: tuple[int, int], nodes: list, weights: list) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", widths[0]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", widths[1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def identity() -> onnx.ModelProto:
    return _model("identity", (64, 64), [helper.make_node("Identity", ["input"], ["output"])], [])


def mlp(name: str, *sizes: int) -> onnx.ModelProto:
    random = np.random.default_rng(1)
    nodes, weights, current = [], [], "input"
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        kernel = random.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in)
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{layer}"))
        weights.append(numpy_helper.from_array(np.zeros(fan_out, np.float32), f"b{layer}"))
        last = layer == len(sizes) - 2
        gemm = "output" if last else f"z{layer}"
        nodes.append(helper.make_node("Gemm", [current, f"w{layer}", f"b{layer}"], [gemm]))
        if not last:
            current = f"h{layer}"
            nodes.append(helper.make_node("Relu", [gemm], [current]))
    return _model(name, (sizes[0], sizes[-1]), nodes, weights)


def main() -> None:
    repository = Path(sys.argv[1])
    narrow, wide = mlp("mlp", 64, 256, 256, 16), mlp("wide", 512, 1024, 1024, 64)
    for model in (identity(), narrow, wide):
        folder = repository / model.graph.name / "1"
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "model.onnx")
        print(folder / "model.onnx")


if __name__ == "__main__":
    main()
