"""Quantized networks run natively in tiles of bytes, to the bit as in Python onnxruntime."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import mlops_engine as me
from mlops_engine.quantize import QuantizeOptions, quantize

HAS_TILES = "amx_int8" in Path("/proc/cpuinfo").read_text()
needs_tiles = pytest.mark.skipif(not HAS_TILES, reason="this processor has no AMX")
NATIVE = "runs natively in tiles of bytes (AMX)"


class Graph:
    """A network as static quantization writes it, with random numbers in it."""

    def __init__(self, seed: int, *widths: int) -> None:
        self.random = np.random.default_rng(seed)
        self.widths = widths
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.quantize("input", "q0", 0.04, 121)
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            self.layer(layer, inputs, outputs, last=layer == len(widths) - 2)

    def constant(self, name: str, array: object) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def quantize(self, source: str, name: str, scale: float, zero: int) -> str:
        """Float to byte and back."""
        self.scale = np.float32(scale)
        pair = [
            self.constant(f"{name}_scale", self.scale),
            self.constant(f"{name}_zero", np.uint8(zero)),
        ]
        self.add("QuantizeLinear", [source, *pair], f"{name}_bytes")
        return self.add("DequantizeLinear", [f"{name}_bytes", *pair], name)

    def layer(self, index: int, inputs: int, outputs: int, last: bool) -> None:
        """Gemm or MatMul, scales by column or one for all, transposed or not, Relu or not."""
        gemm = index % 3 != 2
        transposed = gemm and index % 2 == 1
        by_column = self.random.random() < 0.7
        shape = (outputs, inputs) if transposed else (inputs, outputs)
        weights = self.random.integers(-127, 128, shape).astype(np.int8)
        scales = self.random.uniform(0.5, 1.5, outputs if by_column else ()) / 700
        scales = (scales / np.sqrt(inputs) * 8).astype(np.float32)
        read = [self.constant(f"w{index}", weights), self.constant(f"w{index}_scale", scales)]
        if by_column:
            read.append(self.constant(f"w{index}_zero", np.zeros(outputs, np.int8)))
        else:
            read.append(self.constant(f"w{index}_zero", np.int8(0)))
        axis = {"axis": 0 if transposed else 1} if by_column else {}
        feeds = [f"q{index}", self.add("DequantizeLinear", read, f"w{index}_floats", **axis)]
        if gemm:
            bias = self.random.integers(-9000, 9000, outputs).astype(np.int32)
            units = np.broadcast_to(self.scale * scales, outputs).astype(np.float32)
            read = [self.constant(f"b{index}", bias), self.constant(f"b{index}_scale", units)]
            read.append(self.constant(f"b{index}_zero", np.zeros(outputs, np.int32)))
            feeds.append(self.add("DequantizeLinear", read, f"b{index}_floats", axis=0))
            extra = {"transB": 1} if transposed else {}
            made = self.add("Gemm", feeds, f"z{index}", **extra)
        else:
            made = self.add("MatMul", feeds, f"z{index}")
        if gemm and not last and index % 2 == 0:
            made = self.add("Relu", [made], f"r{index}")
        zero = 117 if last else 0
        self.quantize(made, "output" if last else f"q{index + 1}", 0.03, zero)

    def write(self, folder: Path) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "bytes",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", self.widths[0]])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", self.widths[-1]])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        onnx.checker.check_model(model)
        path = folder / "model.onnx"
        onnx.save(model, path)
        return path


def compare(path: Path, width: int, seed: int = 0) -> str:
    """Every number of rows that kernels treat otherwise; what executes it is returned."""
    session = onnxruntime.InferenceSession(str(path))
    random = np.random.default_rng(seed)
    with me.Engine() as engine:
        engine.load("bytes", path)
        for rows in (1, 2, 16, 17, 31, 32, 33, 150):
            x = (random.standard_normal((rows, width)) * random.choice([0.5, 3])).astype(np.float32)
            x[0, 0] = np.nan
            x[-1, -1] = np.inf
            x[rows // 2, width // 2] = np.float32(-1e30)
            expected = session.run(None, {"input": x})[0]
            np.testing.assert_array_equal(engine.infer("bytes", {"input": x})["output"], expected)
        return str(engine.model("bytes").execution)


@needs_tiles
@pytest.mark.parametrize("seed", range(8))
def test_random_networks_are_native_and_the_same_to_the_bit(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    widths = [int(w) for w in random.integers(2, 300, int(random.integers(2, 6)))]
    execution = compare(Graph(seed, *widths).write(tmp_path), widths[0], seed)
    assert execution.startswith(NATIVE), (widths, execution)


@needs_tiles
def test_what_mlops_quantize_makes_is_native(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    nodes, weights, name = [], [], "input"
    for layer, (inputs, outputs) in enumerate([(40, 96), (96, 12)]):
        kernel = (random.standard_normal((inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{layer}"))
        bias = random.standard_normal(outputs).astype(np.float32)
        weights.append(numpy_helper.from_array(bias, f"b{layer}"))
        out = "output" if layer else "z"
        nodes.append(helper.make_node("Gemm", [name, f"w{layer}", f"b{layer}"], [out]))
        if not layer:
            nodes.append(helper.make_node("Relu", ["z"], ["h"]))
            name = "h"
    graph = helper.make_graph(
        nodes,
        "floats",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 40])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 12])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "floats.onnx")
    rows = random.standard_normal((400, 40)).astype(np.float32)
    options = QuantizeOptions("static", float_layers_max=0, batches=(1,), repeats=3, force=True)
    np.save(tmp_path / "rows.npy", rows)
    made = quantize(tmp_path / "floats.onnx", tmp_path / "models", tmp_path / "rows.npy", options)
    assert made.directory is not None
    assert compare(made.directory / "model.onnx", 40).startswith(NATIVE)


@pytest.mark.parametrize(("name", "value"), [("q1_zero", np.int8(0)), ("w0_zero", np.int8(3))])
def test_other_graphs_stay_where_they_were(name: str, value: np.int8, tmp_path: Path) -> None:
    """Activations with a sign, weights with a zero point."""
    graph = Graph(3, 24, 40, 8)
    for constant in graph.constants:
        if constant.name == name:
            array = np.full(tuple(constant.dims), value, np.int8)
            constant.CopyFrom(numpy_helper.from_array(array, name))
    assert not compare(graph.write(tmp_path), 24).startswith(NATIVE)


@needs_tiles
def test_who_asks_for_onnxruntime_gets_it(tmp_path: Path) -> None:
    path = Graph(1, 24, 40, 8).write(tmp_path)
    with me.Engine() as engine:
        engine.load("bytes", path, parameters={"execution": "onnxruntime"})
        assert not engine.model("bytes").execution.startswith(NATIVE)
