"""A repository equivalent to the one that the examples of Triton's client repository ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

INT8, INT32, INT64 = TensorProto.INT8, TensorProto.INT32, TensorProto.INT64
UINT64, STRING = TensorProto.UINT64, TensorProto.STRING
node = helper.make_node

PAIR = """
platform: "onnxruntime_onnx"
max_batch_size: 8
input {{ name: "INPUT0" data_type: {0} dims: [ 16 ] }}
input {{ name: "INPUT1" data_type: {0} dims: [ 16 ] }}
output {{ name: "OUTPUT0" data_type: {0} dims: [ 16 ] }}
output {{ name: "OUTPUT1" data_type: {0} dims: [ 16 ] }}
"""
IDENTITY = """
backend: "identity"
max_batch_size: 8
input [{ name: "INPUT0" data_type: TYPE_STRING dims: [ -1 ] }]
output [{ name: "OUTPUT0" data_type: TYPE_STRING dims: [ -1 ] }]
"""
REPEAT = """
backend: "repeat"
max_batch_size: 0
model_transaction_policy { decoupled: True }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] }
output { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
"""
SEQUENCE = """
platform: "onnxruntime_onnx"
max_batch_size: 8
sequence_batching {
  %s
  control_input [
    { name: "START" control [{ kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] }] },
    { name: "READY" control [{ kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0, 1 ] }] }%s
  ]
}
input [{ name: "INPUT" data_type: TYPE_INT32 dims: [ 1 ] }]
output [{ name: "OUTPUT" data_type: TYPE_INT32 dims: [ 1 ] }]
instance_group [{ kind: KIND_CPU }]
"""
OLDEST = """max_sequence_idle_microseconds: 10000000
  oldest { max_candidate_sequences: 1024 max_queue_delay_microseconds: 10000 }
"""
STATE = """state [{ input_name: "SUM_IN" output_name: "SUM_OUT" data_type: TYPE_INT32 dims: [ 1 ] }]
"""
END_AND_ID = """,
    { name: "END" control [{ kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] }] },
    { name: "CORRID" control [{ kind: CONTROL_SEQUENCE_CORRID data_type: %s }] }"""

CONFIGS = {
    "simple": PAIR.format("TYPE_INT32"),
    "simple_int8": PAIR.format("TYPE_INT8"),
    "simple_string": PAIR.format("TYPE_STRING"),
    "simple_identity": IDENTITY,
    "simple_sequence": SEQUENCE % ("", ""),
    "simple_dyna_sequence": SEQUENCE % (OLDEST, END_AND_ID % "TYPE_UINT64"),
    "simple_string_dyna_sequence": SEQUENCE % (OLDEST + STATE, END_AND_ID % "TYPE_STRING"),
    "repeat_int32": REPEAT,
}
HTTP_MODELS = [name for name in CONFIGS if name != "repeat_int32"]  # seven: an example counts them
GRPC_MODELS = list(CONFIGS)  # eight


def _model(
    nodes: Sequence[NodeProto], inputs: dict[str, int], outputs: dict[str, int], dim: int
) -> ModelProto:
    def values(tensors: dict[str, int]) -> list[object]:
        return [helper.make_tensor_value_info(n, t, ["batch", dim]) for n, t in tensors.items()]

    one = numpy_helper.from_array(np.array([1], np.int32), "one")
    graph = helper.make_graph(nodes, "g", values(inputs), values(outputs), [one])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _pair(kind: int) -> ModelProto:
    """Sum and difference, of numbers or of their texts; ORT has no INT8 arithmetic."""
    inputs, outputs = ["INPUT0", "INPUT1"], ["OUTPUT0", "OUTPUT1"]
    nodes = [node("Cast", [name], [f"{name}i"], to=INT32) for name in inputs]
    nodes += [node("Add", ["INPUT0i", "INPUT1i"], ["sum"])]
    nodes += [node("Sub", ["INPUT0i", "INPUT1i"], ["difference"])]
    nodes += [node("Cast", ["sum"], ["OUTPUT0"], to=kind)]
    nodes += [node("Cast", ["difference"], ["OUTPUT1"], to=kind)]
    return _model(nodes, dict.fromkeys(inputs, kind), dict.fromkeys(outputs, kind), 16)


def _sequence() -> ModelProto:
    """A sequence's first answer is one more than its input, the others are their inputs."""
    inputs = dict.fromkeys(["INPUT", "START", "READY"], INT32)
    nodes = [node("Add", ["INPUT", "START"], ["more"]), node("Mul", ["more", "READY"], ["OUTPUT"])]
    return _model(nodes, inputs, {"OUTPUT": INT32}, 1)


def _dyna_sequence() -> ModelProto:
    """The same, and the last answer has the correlation id on top."""
    inputs = dict.fromkeys(["INPUT", "START", "READY", "END"], INT32)
    nodes = [
        node("Cast", ["CORRID"], ["id"], to=INT32),
        node("Mul", ["id", "END"], ["id_at_end"]),
        node("Add", ["INPUT", "START"], ["more"]),
        node("Add", ["more", "id_at_end"], ["most"]),
        node("Mul", ["most", "READY"], ["OUTPUT"]),
    ]
    return _model(nodes, {**inputs, "CORRID": UINT64}, {"OUTPUT": INT32}, 1)


def _string_dyna_sequence() -> ModelProto:
    """The running sum of a sequence; the last answer has the number that its id spells on top."""
    inputs = dict.fromkeys(["INPUT", "START", "READY", "END", "SUM_IN"], INT32)
    nodes = [
        node("Sub", ["one", "START"], ["goes_on"]),
        node("Mul", ["SUM_IN", "goes_on"], ["before"]),
        node("Add", ["before", "INPUT"], ["SUM_OUT"]),
        # Slots without a sequence, and the server's trial runs, have an id that spells no number.
        node("Equal", ["READY", "one"], ["is_ready"]),
        node("Cast", ["is_ready"], ["ready"], to=INT32),
        node("Cast", ["CORRID"], ["id"], to=INT32),
        node("Mul", ["id", "END"], ["id_at_end"]),
        node("Add", ["SUM_OUT", "id_at_end"], ["all"]),
        node("Mul", ["all", "ready"], ["OUTPUT"]),
    ]
    outputs = dict.fromkeys(["OUTPUT", "SUM_OUT"], INT32)
    return _model(nodes, {**inputs, "CORRID": STRING}, outputs, 1)


def build_examples(repository: Path, names: Sequence[str]) -> None:
    graphs = {
        "simple": _pair(INT32),
        "simple_int8": _pair(INT8),
        "simple_string": _pair(STRING),
        "simple_sequence": _sequence(),
        "simple_dyna_sequence": _dyna_sequence(),
        "simple_string_dyna_sequence": _string_dyna_sequence(),
    }
    for name in names:
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(f'name: "{name}"\n{CONFIGS[name]}')
        if name in graphs:
            (repository / name / "1" / "model.onnx").write_bytes(graphs[name].SerializeToString())
