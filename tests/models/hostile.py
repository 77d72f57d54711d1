"""Files that a model repository must survive: each has to be refused, or served, never to hurt.

    cases = build_hostile(directory)       # <directory>/<name>/1/model.onnx

`loads` says what a correct server does: False, the version is refused with a message and the
server goes on; True, it is strange but valid; None, either is right, only harm is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from zoo_graph import FLOAT, INT64, model, node, tensor, value
from zoo_networks import mlp


@dataclass(frozen=True)
class HostileModel:
    name: str
    path: Path
    loads: bool | None
    why: str


def _good() -> onnx.ModelProto:
    return mlp("victim", (8, 16, 4))


def _bytes(graph: onnx.ModelProto) -> bytes:
    return graph.SerializeToString(deterministic=True)


def _one_node(op: str, *, opset: int = 17, domain: str = "") -> onnx.ModelProto:
    graph = model(
        "one",
        [node(op, ["x"], ["y"], domain=domain)],
        [value("x", FLOAT, ["batch", 4])],
        [value("y", FLOAT, ["batch", 4])],
        opset=opset,
    )
    if domain:
        graph.opset_import.append(helper.make_opsetid(domain, 1))
    return graph


def _flipped() -> bytes:
    """Every 37th byte inverted: still long, no longer a graph."""
    data = bytearray(_bytes(_good()))
    for at in range(0, len(data), 37):
        data[at] ^= 0xFF
    return bytes(data)


def _oversized_claim() -> bytes:
    """A weight of 2**40 floats by its dims that brings sixteen bytes."""
    graph = _one_node("Neg")
    graph.graph.node[0].op_type = "Add"
    graph.graph.node[0].input.append("w")
    weight = TensorProto(name="w", data_type=FLOAT, dims=[2**38, 4], raw_data=bytes(16))
    graph.graph.initializer.append(weight)
    return _bytes(graph)


def _length_claim() -> bytes:
    """A protobuf field that claims two gigabytes and then ends."""
    return b"\x08\x08\x3a\xff\xff\xff\xff\x07" + b"\x00" * 64


def _negative_dim() -> bytes:
    graph = _one_node("Neg")
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -7
    return _bytes(graph)


def _overflowing_dims() -> bytes:
    """Signature dims whose product overflows 64 bits."""
    graph = _one_node("Neg")
    for side in (graph.graph.input[0], graph.graph.output[0]):
        for dim in side.type.tensor_type.shape.dim:
            dim.dim_value = 2**62
    return _bytes(graph)


def _huge_constant() -> bytes:
    """Asks for a terabyte at run time, with a graph of a hundred bytes."""
    graph = model(
        "huge",
        [
            node("ConstantOfShape", ["shape"], ["c"]),
            node("ReduceSum", ["c"], ["s"], keepdims=0),
            node("Add", ["x", "s"], ["y"]),
        ],
        [value("x", FLOAT, ["batch", 4])],
        [value("y", FLOAT, ["batch", 4])],
        [tensor("shape", [2**38])],
    )
    return _bytes(graph)


def _external(location: str, *, length: int | None = None, offset: int = 0) -> bytes:
    """A weight said to lie in the file `location`."""
    graph = _one_node("Neg")
    graph.graph.node[0].op_type = "Add"
    graph.graph.node[0].input.append("w")
    weight = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    entries = {"location": location, "offset": str(offset), "length": str(length or 16)}
    for key, text in entries.items():
        weight.external_data.add(key=key, value=text)
    graph.graph.initializer.append(weight)
    return _bytes(graph)


def _cycle() -> bytes:
    nodes = [node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["y"])]
    return _bytes(
        model("cycle", nodes, [value("x", FLOAT, ["batch", 4])], [value("y", FLOAT, ["batch", 4])])
    )


def _dangling_output() -> bytes:
    graph = _one_node("Neg")
    graph.graph.output[0].name = "nobody_makes_this"
    return _bytes(graph)


def _twice_the_same_output() -> bytes:
    graph = _one_node("Neg")
    graph.graph.node.append(node("Abs", ["x"], ["y"]))
    return _bytes(graph)


def _sequence_output() -> bytes:
    graph = _one_node("SequenceConstruct")
    output = helper.make_tensor_sequence_value_info("y", FLOAT, None)
    graph.graph.output[0].CopyFrom(output)
    return _bytes(graph)


def _map_output() -> bytes:
    """What LightGBM and scikit-learn exporters write by default: ZipMap, a sequence of maps."""
    zip_map = node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3])
    graph = model("zipmap", [zip_map], [value("x", FLOAT, ["batch", 4])], [value("y", FLOAT, None)])
    map_type = helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
    graph.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(map_type))
    return _bytes(graph)


def _optional_input() -> bytes:
    graph = _one_node("OptionalGetElement", opset=18)
    element = helper.make_tensor_type_proto(FLOAT, ["batch", 4])
    graph.graph.input[0].type.CopyFrom(helper.make_optional_type_proto(element))
    return _bytes(graph)


def _complex_input() -> bytes:
    graph = _one_node("Identity")
    for side in (graph.graph.input[0], graph.graph.output[0]):
        side.type.tensor_type.elem_type = TensorProto.COMPLEX64
    return _bytes(graph)


def _many_inputs(count: int) -> bytes:
    names = [f"x{i}" for i in range(count)]
    graph = model(
        "many_inputs",
        [node("Sum", names, ["y"])],
        [value(name, FLOAT, ["batch", 1]) for name in names],
        [value("y", FLOAT, ["batch", 1])],
    )
    return _bytes(graph)


def _deep_chain(depth: int) -> bytes:
    nodes = [node("Neg", ["x" if i == 0 else f"n{i - 1}"], [f"n{i}"]) for i in range(depth)]
    nodes.append(node("Neg", [f"n{depth - 1}"], ["y"]))
    return _bytes(
        model("deep", nodes, [value("x", FLOAT, ["b", 4])], [value("y", FLOAT, ["b", 4])])
    )


def _nested_subgraphs(depth: int) -> bytes:
    """Subgraph inside subgraph, beyond protobuf's own limit of 100: a recursive reader needs one.

    Built as bytes, for no protobuf library would: graph.node (1) .attribute (5) .g (6), repeated.
    """
    data = b""
    for _ in range(depth):
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            data = tag + _varint(len(data)) + data
    return b"\x08\x08\x3a" + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _endless_loop() -> bytes:
    """A valid graph that takes hours: what deadlines and limits are for."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["go_on"]), node("Sin", ["state"], ["next"])],
        "body",
        [value("i", INT64, []), value("go", TensorProto.BOOL, []), value("state", FLOAT, None)],
        [value("go_on", TensorProto.BOOL, []), value("next", FLOAT, None)],
    )
    graph = model(
        "endless",
        [node("Loop", ["trips", "go0", "x"], ["y"], body=body)],
        [value("x", FLOAT, ["batch", 4])],
        [value("y", FLOAT, ["batch", 4])],
        [tensor("trips", 2**62), tensor("go0", np.array(True))],
    )
    return _bytes(graph)


def _future_ir() -> bytes:
    graph = _one_node("Neg")
    graph.ir_version = 999
    return _bytes(graph)


CASES: tuple[tuple[str, Callable[[], bytes], bool | None, str], ...] = (
    ("empty_file", lambda: b"", False, "no bytes"),
    ("wrong_magic", lambda: b"PK\x03\x04" + bytes(200), False, "a zip header, not a graph"),
    (
        "text_file",
        lambda: b"<html>404 Not Found</html>\n" * 20,
        False,
        "a download error saved as a model",
    ),
    ("random_bytes", lambda: np.random.default_rng(1).bytes(4096), False, "noise"),
    ("bytes_flipped", _flipped, False, "corrupt inside"),
    (
        "truncated_half",
        lambda: _bytes(_good())[: len(_bytes(_good())) // 2],
        False,
        "upload cut off",
    ),
    ("truncated_last_byte", lambda: _bytes(_good())[:-1], False, "one byte short"),
    ("no_graph", lambda: _bytes(onnx.ModelProto(ir_version=8)), False, "a model without a graph"),
    ("oversized_claim", _oversized_claim, False, "dims claim 4 TiB, data has 16 bytes"),
    ("length_claim", _length_claim, False, "a field longer than the file"),
    ("negative_dim", _negative_dim, None, "a dimension of -7 in the signature"),
    ("overflowing_dims", _overflowing_dims, None, "element count overflows 64 bits"),
    (
        "huge_constant",
        _huge_constant,
        None,
        "a terabyte at run time (a constant, so perhaps at load)",
    ),
    ("missing_external", lambda: _external("weights.bin"), False, "no weights.bin beside it"),
    (
        "external_traversal",
        lambda: _external("../../../../../../../../etc/passwd"),
        False,
        "leaves the version",
    ),
    ("external_absolute", lambda: _external("/etc/passwd"), False, "absolute path"),
    (
        "external_device",
        lambda: _external("/dev/zero", length=2**40),
        False,
        "a device that never ends",
    ),
    (
        "external_beyond_end",
        lambda: _external("model.onnx", offset=2**40),
        False,
        "offset beyond the file",
    ),
    ("cycle", _cycle, False, "a graph with a cycle"),
    ("dangling_output", _dangling_output, False, "an output no node makes"),
    ("duplicate_value", _twice_the_same_output, False, "two nodes make one value"),
    ("unknown_op", lambda: _bytes(_one_node("NoSuchOperator")), False, "operator nobody knows"),
    (
        "unknown_domain",
        lambda: _bytes(_one_node("Fly", domain="com.example")),
        False,
        "domain not loaded",
    ),
    ("unsupported_opset", lambda: _bytes(_one_node("Neg", opset=999)), False, "opset 999"),
    ("future_ir", _future_ir, False, "IR version 999"),
    ("sequence_output", _sequence_output, False, "output is a sequence"),
    ("map_output", _map_output, False, "ZipMap: output is a sequence of maps"),
    ("optional_input", _optional_input, False, "input is an optional"),
    ("complex_input", _complex_input, False, "element type that KServe cannot name"),
    (
        "many_inputs",
        lambda: _many_inputs(10_000),
        None,
        "10,000 inputs: valid, and large to describe",
    ),
    ("deep_chain", lambda: _deep_chain(20_000), True, "20,000 nodes in a row"),
    (
        "nested_subgraphs",
        lambda: _nested_subgraphs(5_000),
        False,
        "5,000 subgraphs inside each other",
    ),
    ("endless_loop", _endless_loop, True, "2**62 iterations: a request needs a deadline"),
)


def build_hostile(directory: Path | str, names: Sequence[str] | None = None) -> list[HostileModel]:
    """Write the hostile files as a model repository under `directory`."""
    root = Path(directory)
    models = []
    for name, make, loads, why in CASES:
        if names is not None and name not in names:
            continue
        path = root / name / "1" / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())
        models.append(HostileModel(name, path, loads, why))
    return models


def build_hostile_links(directory: Path | str) -> list[HostileModel]:
    """Symbolic links and odd directory entries in place of models."""
    root = Path(directory)
    cases = []
    for name, target in (
        ("link_loop", "model.onnx"),
        ("link_nowhere", "absent"),
        ("link_device", "/dev/zero"),
    ):
        path = root / name / "1" / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        cases.append(HostileModel(name, path, False, f"model.onnx links to {target}"))
    as_directory = root / "directory_model" / "1" / "model.onnx"
    as_directory.mkdir(parents=True, exist_ok=True)
    cases.append(HostileModel("directory_model", as_directory, False, "model.onnx is a directory"))
    return cases


if __name__ == "__main__":
    for case in [*build_hostile(sys.argv[1]), *build_hostile_links(sys.argv[1])]:
        print(f"{case.name:22} loads={case.loads!s:6} {case.why}")
