"""Models in 16 bits whose inputs and outputs stay what they were."""

from __future__ import annotations

import copy
from collections.abc import Collection

import onnx
from onnx import TensorProto, helper


def to_float16(model: onnx.ModelProto, in_float: Collection[str]) -> onnx.ModelProto:
    """Turn the whole graph into FP16, but for the nodes named and the inputs and outputs."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted: onnx.ModelProto = convert_float_to_float16(
        copy.deepcopy(model), keep_io_types=True, node_block_list=list(in_float)
    )
    return converted


def to_bfloat16(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """Run the named nodes in BF16: what goes in is cast, what comes out is cast back."""
    result = copy.deepcopy(model)
    nodes = []
    for node in result.graph.node:
        if node.name not in names:
            nodes.append(node)
            continue
        for index, name in enumerate(node.input):
            if name:
                cast = f"{node.name}_in{index}_bf16"
                to = TensorProto.BFLOAT16
                nodes.append(helper.make_node("Cast", [name], [cast], cast, to=to))
                node.input[index] = cast
        output, rounded = node.output[0], f"{node.name}_out_bf16"
        node.output[0] = rounded
        nodes.append(node)
        nodes.append(
            helper.make_node("Cast", [rounded], [output], f"{rounded}_cast", to=TensorProto.FLOAT)
        )
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result
