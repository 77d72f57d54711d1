"""Models whose rows are not what their signature promises: not to be batched, or constant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper
from zoo_graph import BOOL, FLOAT, INT64, Dims, Spec, model, node, normal, tensor, value

ROWS: Dims = ["batch", 4]


def _trap(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    out: tuple[int, Dims] = (FLOAT, ROWS),
    weights: Sequence[onnx.TensorProto] = (),
    *,
    tolerance: float = 1e-6,
) -> Spec:
    """One float input `x [batch, 4]`, one output `y`, and rows that depend on each other."""
    graph = model(name, nodes, [value("x", FLOAT, ROWS)], [value("y", *out)], weights)
    return Spec(
        name,
        graph,
        normal(x=(None, 4)),
        row_independent=False,
        batch_axis=None,
        tolerance=tolerance,
        facts={"looks_batchable": list(out[1] or [])[:1] == ["batch"]},
    )


def _if_any() -> Spec:
    """Control flow over the whole batch: one positive row changes what happens to all."""
    then = helper.make_graph([node("Neg", ["x"], ["t"])], "then", [], [value("t", FLOAT, ROWS)])
    other = helper.make_graph(
        [node("Identity", ["x"], ["e"])], "else", [], [value("e", FLOAT, ROWS)]
    )
    nodes = [
        node("ReduceSum", ["x"], ["total"], keepdims=0),
        node("Greater", ["total", "zero"], ["positive"]),
        node("If", ["positive"], ["y"], then_branch=then, else_branch=other),
    ]
    return _trap("if_any", nodes, weights=[tensor("zero", 0, np.float32)], tolerance=0)


def _row_count() -> list[onnx.NodeProto]:
    """Divide by the number of rows in the execution."""
    return [
        node("Shape", ["x"], ["n"], start=0, end=1),
        node("Cast", ["n"], ["nf"], to=FLOAT),
        node("Div", ["x", "nf"], ["y"]),
    ]


def _row_index() -> list[onnx.NodeProto]:
    """Add to each row its position in the execution."""
    return [
        node("Shape", ["x"], ["n"], start=0, end=1),
        node("Squeeze", ["n", "axis0"], ["count"]),
        node("Range", ["zero", "count", "one"], ["i"]),
        node("Unsqueeze", ["i", "axis1"], ["column"]),
        node("Cast", ["column"], ["offset"], to=FLOAT),
        node("Add", ["x", "offset"], ["y"]),
    ]


def _dependent_rows() -> list[Spec]:
    """Outputs keep the shape `[batch, …]`, which is why a signature alone cannot tell."""
    index = [tensor("axis0", [0]), tensor("axis1", [1]), tensor("zero", 0), tensor("one", 1)]
    largest = [
        node("TopK", ["x", "k"], ["top", "at"], axis=0),
        node("Sub", ["x", "top"], ["y"]),
    ]
    center = [
        node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
        node("Sub", ["x", "m"], ["y"]),
    ]
    quantise = [
        node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero_point"]),
        node("DequantizeLinear", ["q", "scale", "zero_point"], ["y"]),
    ]
    gram = [node("Transpose", ["x"], ["xt"], perm=[1, 0]), node("MatMul", ["x", "xt"], ["y"])]
    flip = [node("Slice", ["x", "start", "end", "axis", "step"], ["y"])]
    backwards = [
        tensor("start", [-1]),
        tensor("end", [-(2**31)]),
        tensor("axis", [0]),
        tensor("step", [-1]),
    ]
    return [
        _trap("softmax_rows", [node("Softmax", ["x"], ["y"], axis=0)]),
        _trap("mean_center", center),
        _trap("running_sum", [node("CumSum", ["x", "axis"], ["y"])], weights=[tensor("axis", 0)]),
        _trap("gap_to_best_row", largest, weights=[tensor("k", [1])]),
        _trap("reverse_rows", flip, weights=backwards, tolerance=0),
        _trap("row_count", _row_count()),
        _trap("row_index", _row_index(), weights=index),
        _trap("dynamic_quantised", quantise),
        _trap("gram_matrix", gram, (FLOAT, ["batch", "batch_2"])),
        _if_any(),
    ]


def _other_leading_dim() -> list[Spec]:
    """The output's first axis is not the rows of the input."""
    cast = node("Cast", ["x"], ["flag"], to=BOOL)
    nonzero = [node("Relu", ["x"], ["r"]), node("NonZero", ["r"], ["y"])]
    unique = [node("Round", ["x"], ["r"]), node("Unique", ["r"], ["y"])]
    compress = [
        node("ReduceSum", ["x", "axis1"], ["s"], keepdims=0),
        node("Greater", ["s", "zero"], ["keep"]),
        node("Compress", ["x", "keep"], ["y"], axis=0),
    ]
    kept = [tensor("axis1", [1]), tensor("zero", 0, np.float32)]
    return [
        _trap("non_zero", nonzero, (INT64, [2, "found"]), tolerance=0),
        _trap("unique", unique, (FLOAT, ["distinct"]), tolerance=0),
        _trap("compress", compress, (FLOAT, ["kept", 4]), kept, tolerance=0),
        _trap(
            "column_mean", [node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=0)], (FLOAT, [4])
        ),
        _trap(
            "column_mean_kept",
            [node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=1)],
            (FLOAT, [1, 4]),
        ),
        _trap(
            "any_true",
            [
                cast,
                node("Cast", ["flag"], ["f"], to=FLOAT),
                node("ReduceMax", ["f"], ["y"], keepdims=0),
            ],
            (FLOAT, []),
            tolerance=0,
        ),
        _trap(
            "split_rows",
            [node("Reshape", ["x", "pairs"], ["y"])],
            (FLOAT, ["pairs", 2]),
            [tensor("pairs", [-1, 2])],
            tolerance=0,
        ),
        _trap(
            "flatten_all",
            [node("Reshape", ["x", "flat"], ["y"])],
            (FLOAT, [1, "all"]),
            [tensor("flat", [1, -1])],
            tolerance=0,
        ),
    ]


def _constant() -> Spec:
    """One output never looks at the input: it has no rows to scatter."""
    graph = model(
        "constant_output",
        [node("Identity", ["c"], ["version"]), node("Neg", ["x"], ["y"])],
        [value("x", FLOAT, ROWS)],
        [value("version", FLOAT, [1, 3]), value("y", FLOAT, ROWS)],
        [tensor("c", [[1, 2, 3]], np.float32)],
    )
    return Spec(
        "constant_output", graph, normal(x=(None, 4)), row_independent=False, batch_axis=None
    )


def _constant_rows() -> Spec:
    """The value never looks at the input, the number of rows does: batchable."""
    nodes = [
        node("Shape", ["x"], ["n"], start=0, end=1),
        node("Concat", ["n", "three"], ["shape"], axis=0),
        node("Expand", ["c", "shape"], ["y"]),
    ]
    graph = model(
        "constant_rows",
        nodes,
        [value("x", FLOAT, ROWS)],
        [value("y", FLOAT, ["batch", 3])],
        [tensor("three", [3]), tensor("c", [1, 2, 3], np.float32)],
    )
    return Spec("constant_rows", graph, normal(x=(None, 4)), rows=(0, 1, 2, 5))


def specs() -> list[Spec]:
    return [*_dependent_rows(), *_other_leading_dim(), _constant(), _constant_rows()]
