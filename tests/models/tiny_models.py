"""The ONNX files of the C++ tests: below a kilobyte each, committed, so those need no Python.

    python tests/models/tiny_models.py            # writes tests/models/tiny/*.onnx

`test_tiny_models.py` checks that the committed files are what this script writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

DIRECTORY = Path(__file__).parent / "tiny"

# File name part, ONNX element type.
ELEMENT_TYPES = {
    "bool": TensorProto.BOOL,
    "u8": TensorProto.UINT8,
    "u16": TensorProto.UINT16,
    "u32": TensorProto.UINT32,
    "u64": TensorProto.UINT64,
    "i8": TensorProto.INT8,
    "i16": TensorProto.INT16,
    "i32": TensorProto.INT32,
    "i64": TensorProto.INT64,
    "f16": TensorProto.FLOAT16,
    "f32": TensorProto.FLOAT,
    "f64": TensorProto.DOUBLE,
    "bf16": TensorProto.BFLOAT16,
    "string": TensorProto.STRING,
}

FLOAT, BOOL = TensorProto.FLOAT, TensorProto.BOOL
INT32, INT64 = TensorProto.INT32, TensorProto.INT64
value = helper.make_tensor_value_info
node = helper.make_node


def _model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    weights: Sequence[TensorProto] = (),
    *,
    ir_version: int = 8,
    opset: int = 17,
) -> ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def _unary(op: str, elem: int, dims: Sequence[int | str] | None, *, opset: int = 17) -> ModelProto:
    x, y = value("x", elem, dims), value("y", elem, dims)
    return _model([node(op, ["x"], ["y"])], [x], [y], opset=opset)


def _external(location: str) -> ModelProto:
    """`y = x + w` with the four floats of `w` in another file."""
    w = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, text in {"location": location, "offset": "0", "length": "16"}.items():
        w.external_data.add(key=key, value=text)
    x, y = value("x", FLOAT, ["batch", 4]), value("y", FLOAT, ["batch", 4])
    return _model([node("Add", ["x", "w"], ["y"])], [x], [y], [w])


def _external_nested() -> ModelProto:
    """The other file is named by the initializer of a branch."""
    w = _external("weights.bin").graph.initializer[0]
    branch = helper.make_graph(
        [node("Add", ["x", "w"], ["r"])], "b", [], [value("r", FLOAT, None)], [w]
    )
    return _model(
        [node("If", ["go"], ["y"], then_branch=branch, else_branch=branch)],
        [value("go", BOOL, []), value("x", FLOAT, ["batch", 4])],
        [value("y", FLOAT, ["batch", 4])],
    )


def _folded_weights() -> ModelProto:
    """`y = relu(x @ w)`: the 16 KiB of `w` are computed here, and kept by an optimised graph."""
    weights = [
        numpy_helper.from_array(np.array(0, np.float32), "first"),
        numpy_helper.from_array(np.array(4096, np.float32), "last"),
        numpy_helper.from_array(np.array(1, np.float32), "step"),
        numpy_helper.from_array(np.array([64, 64]), "square"),
    ]
    nodes = [
        node("Range", ["first", "last", "step"], ["numbers"]),
        node("Sin", ["numbers"], ["waves"]),
        node("Reshape", ["waves", "square"], ["w"]),
        node("MatMul", ["x", "w"], ["m"]),
        node("Relu", ["m"], ["y"]),
    ]
    x, y = value("x", FLOAT, ["batch", 64]), value("y", FLOAT, ["batch", 64])
    return _model(nodes, [x], [y], weights)


def _endless() -> ModelProto:
    body = helper.make_graph(
        [node("Identity", ["go"], ["go_on"]), node("Sin", ["state"], ["next"])],
        "body",
        [value("i", INT64, []), value("go", BOOL, []), value("state", FLOAT, None)],
        [value("go_on", BOOL, []), value("next", FLOAT, None)],
    )
    weights = [
        numpy_helper.from_array(np.array(2**62), "trips"),
        numpy_helper.from_array(np.array(True), "go0"),
    ]
    return _model(
        [node("Loop", ["trips", "go0", "x"], ["y"], body=body)],
        [value("x", FLOAT, ["batch", 4])],
        [value("y", FLOAT, ["batch", 4])],
        weights,
    )


def _zipmap() -> ModelProto:
    model = _model(
        [node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])],
        [value("x", FLOAT, ["batch", 2])],
        [value("y", FLOAT, None)],
    )
    map_type = helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
    model.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(map_type))
    return model


def _runs() -> dict[str, ModelProto]:
    """Models that run, some of them only with data that suits them."""
    return {**_runs_with_any_data(), **_runs_with_data_that_suits(), "endless": _endless()}


def _runs_with_any_data() -> dict[str, ModelProto]:
    batch4 = ["batch", 4]
    four = numpy_helper.from_array(np.array([1, 2, 3, 4], np.float32), "w")
    square = numpy_helper.from_array(np.arange(16, dtype=np.float32).reshape(4, 4) / 8, "w")
    models = {
        f"identity_{name}": _unary("Identity", elem, ["n"]) for name, elem in ELEMENT_TYPES.items()
    }
    models["scalar"] = _unary("Neg", FLOAT, [])
    models["no_shape"] = _unary("Neg", FLOAT, None)
    models["symbols"] = _unary("Neg", FLOAT, ["batch", "time", 3])
    models["two_outputs"] = _model(
        [node("Neg", ["x"], ["neg"]), node("Abs", ["x"], ["abs"])],
        [value("x", FLOAT, batch4)],
        [value("neg", FLOAT, batch4), value("abs", FLOAT, batch4)],
    )
    models["matmul"] = _model(
        [node("MatMul", ["x", "w"], ["m"]), node("Relu", ["m"], ["y"])],
        [value("x", FLOAT, batch4)],
        [value("y", FLOAT, batch4)],
        [square],
    )
    models["pass_through"] = _model(
        [node("Neg", ["x"], ["y"])],
        [value("x", FLOAT, batch4)],
        [value("x", FLOAT, batch4), value("y", FLOAT, batch4)],
    )
    models["constant_output"] = _model(
        [node("Neg", ["x"], ["y"]), node("Add", ["w", "w"], ["folded"])],
        [value("x", FLOAT, batch4)],
        [value("y", FLOAT, batch4), value("w", FLOAT, [4]), value("folded", FLOAT, [4])],
        [four],
    )
    models["folded_weights"] = _folded_weights()
    models["unused_weight"] = _model(
        [node("Neg", ["x"], ["y"])],
        [value("x", FLOAT, batch4)],
        [value("y", FLOAT, batch4)],
        [four],
    )
    return models


def _runs_with_data_that_suits() -> dict[str, ModelProto]:
    batch4 = ["batch", 4]
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    models = {}
    models["fewer_rows"] = _model(
        [
            node("ReduceMax", ["x"], ["m"], axes=[1], keepdims=0),
            node("Greater", ["m", "zero"], ["keep"]),
            node("Compress", ["x", "keep"], ["y"], axis=0),
        ],
        [value("x", FLOAT, batch4)],
        [value("y", FLOAT, batch4)],
        [zero],
    )
    models["gather"] = _model(
        [node("Gather", ["x", "i"], ["y"])],
        [value("x", FLOAT, batch4), value("i", INT64, ["n"])],
        [value("y", FLOAT, ["n", 4])],
    )
    models["reshape"] = _model(
        [node("Reshape", ["x", "shape"], ["y"])],
        [value("x", FLOAT, batch4), value("shape", INT64, ["rank"])],
        [value("y", FLOAT, None)],
    )
    models["fill"] = _model(
        [node("ConstantOfShape", ["shape"], ["y"])],
        [value("shape", INT64, ["rank"])],
        [value("y", FLOAT, None)],
    )
    models["add"] = _model(
        [node("Add", ["a", "b"], ["y"])],
        [value("a", FLOAT, ["n", "k"]), value("b", FLOAT, ["m", "j"])],
        [value("y", FLOAT, ["rows", "columns"])],
    )
    models["scatter"] = _model(
        [node("ScatterElements", ["x", "i", "u"], ["y"], axis=1)],
        [value("x", FLOAT, batch4), value("i", INT64, batch4), value("u", FLOAT, batch4)],
        [value("y", FLOAT, batch4)],
    )
    models["divide"] = _model(
        [node("Div", ["x", "y"], ["z"])],
        [value("x", INT32, ["n"]), value("y", INT32, ["n"])],
        [value("z", INT32, ["n"])],
    )
    models["parse_number"] = _model(
        [node("Cast", ["x"], ["y"], to=FLOAT)],
        [value("x", TensorProto.STRING, ["n"])],
        [value("y", FLOAT, ["n"])],
    )
    return models


def _refused() -> dict[str, ModelProto]:
    """Models that must not load, or only with the right file beside them (`external`)."""
    sequence = _model([node("SequenceConstruct", ["x"], ["y"])], [value("x", FLOAT, ["n"])], [])
    sequence.graph.output.append(helper.make_tensor_sequence_value_info("y", FLOAT, None))
    optional = _unary("Identity", FLOAT, ["n"])
    element = helper.make_tensor_type_proto(FLOAT, ["n"])
    optional.graph.input[0].type.CopyFrom(helper.make_optional_type_proto(element))
    optional.graph.node[0].op_type = "OptionalGetElement"
    bad_name = _unary("Neg", FLOAT, ["n"])
    bad_name.graph.input[0].name = bad_name.graph.node[0].input[0] = "bad_name"
    cycle = _model(
        [node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["y"])],
        [value("x", FLOAT, ["n"])],
        [value("y", FLOAT, ["n"])],
    )
    return {
        "bad_name": bad_name,
        "bad_complex": _unary("Identity", TensorProto.COMPLEX64, ["n"]),
        "bad_cycle": cycle,
        "bad_float8": _unary("Identity", TensorProto.FLOAT8E4M3FN, ["n"], opset=19),
        "bad_ir_version": _model([], [], [], ir_version=999),
        "bad_operator": _unary("NoSuchOperator", FLOAT, ["n"]),
        "bad_optional": optional,
        "bad_sequence": sequence,
        "bad_zipmap": _zipmap(),
        "external": _external("weights.bin"),
        "external_absolute": _external("/etc/passwd"),
        "external_nested": _external_nested(),
        "external_pointer": _external("*/_ORT_MEM_ADDR_/*"),
        "external_up": _external("a/../../weights.bin"),
    }


def tiny_files() -> dict[str, bytes]:
    """File name to content of every tiny model."""
    files = {
        f"{name}.onnx": model.SerializeToString(deterministic=True)
        for name, model in {**_runs(), **_refused()}.items()
    }
    # No protobuf library writes a name that is not UTF-8; a hostile one does.
    files["bad_name.onnx"] = files["bad_name.onnx"].replace(b"bad_name", b"bad\xff\xfeame")
    return files


def main() -> None:
    """Write the files."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, content in tiny_files().items():
        (DIRECTORY / name).write_bytes(content)


if __name__ == "__main__":
    main()
