"""Signatures: several inputs, dynamic axes, fixed batches, batch on axis 1, defaults, odd names."""

from __future__ import annotations

import numpy as np
from zoo_graph import FLOAT, INT64, Arrays, Dims, Spec, model, node, normal, tensor, value
from zoo_types import words


def _double(name: str, dims: Dims, spec_dims: tuple[int | None, ...], **facts: object) -> Spec:
    """`y = x + x` over a signature of any form."""
    graph = model(
        name, [node("Add", ["x", "x"], ["y"])], [value("x", FLOAT, dims)], [value("y", FLOAT, dims)]
    )
    return Spec(name, graph, normal(x=spec_dims), **facts)  # type: ignore[arg-type]


def _mixed_inputs() -> Spec:
    nodes = [
        node("Cast", ["count"], ["count_f"], to=FLOAT),
        node("Add", ["x", "count_f"], ["sum"]),
        node("Greater", ["x", "count_f"], ["above"]),
        node("Identity", ["tag"], ["tag_out"]),
        node("ReduceMax", ["x"], ["top"], axes=[1], keepdims=0),
        node("ArgMax", ["x"], ["where"], axis=1, keepdims=0),
    ]
    graph = model(
        "mixed_inputs",
        nodes,
        [
            value("x", FLOAT, ["batch", 4]),
            value("count", INT64, ["batch", 4]),
            value("tag", 8, ["batch"]),
        ],
        [
            value("sum", FLOAT, ["batch", 4]),
            value("above", 9, ["batch", 4]),
            value("tag_out", 8, ["batch"]),
            value("top", FLOAT, ["batch"]),
            value("where", INT64, ["batch"]),
        ],
    )

    def inputs(rng: np.random.Generator, rows: int) -> Arrays:
        return {
            "x": rng.standard_normal((rows, 4)).astype(np.float32),
            "count": rng.integers(-2, 3, (rows, 4)),
            "tag": words(rng, rows),
        }

    return Spec("mixed_inputs", graph, inputs, rows=(0, 1, 2, 5))


def _shared_operand() -> Spec:
    """One input has rows, the other belongs to the request: requests cannot share an execution."""
    graph = model(
        "shared_operand",
        [node("Mul", ["x", "scale"], ["y"])],
        [value("x", FLOAT, ["batch", 4]), value("scale", FLOAT, [4])],
        [value("y", FLOAT, ["batch", 4])],
    )
    return Spec(
        "shared_operand",
        graph,
        normal(x=(None, 4), scale=(4,)),
        row_independent=False,
        batch_axis=None,
    )


def _two_row_counts() -> Spec:
    """Two inputs with rows of their own: a cross product, not a batch."""
    nodes = [node("Transpose", ["b"], ["bt"], perm=[1, 0]), node("MatMul", ["a", "bt"], ["y"])]
    graph = model(
        "two_row_counts",
        nodes,
        [value("a", FLOAT, ["n", 4]), value("b", FLOAT, ["m", 4])],
        [value("y", FLOAT, ["n", "m"])],
    )
    make = normal(a=(None, 4), b=(3, 4))
    return Spec(
        "two_row_counts", graph, make, row_independent=False, batch_axis=None, tolerance=1e-6
    )


def _dynamic_sequence() -> Spec:
    """Token ids with a mask, embedded and mean-pooled: batch and length are both free."""
    table = np.random.default_rng(11).standard_normal((50, 8)).astype(np.float32)
    nodes = [
        node("Gather", ["table", "ids"], ["e"]),
        node("Cast", ["mask"], ["mask_f"], to=FLOAT),
        node("Unsqueeze", ["mask_f", "last"], ["mask3"]),
        node("Mul", ["e", "mask3"], ["tokens"]),
        node("ReduceSum", ["tokens", "one"], ["total"], keepdims=0),
        node("ReduceSum", ["mask_f", "one"], ["length"], keepdims=1),
        node("Max", ["length", "floor"], ["divisor"]),
        node("Div", ["total", "divisor"], ["pooled"]),
    ]
    graph = model(
        "dynamic_sequence",
        nodes,
        [value("ids", INT64, ["batch", "sequence"]), value("mask", INT64, ["batch", "sequence"])],
        [value("tokens", FLOAT, ["batch", "sequence", 8]), value("pooled", FLOAT, ["batch", 8])],
        [
            tensor("table", table),
            tensor("last", [2]),
            tensor("one", [1]),
            tensor("floor", 1, np.float32),
        ],
    )

    def inputs(rng: np.random.Generator, rows: int) -> Arrays:
        length = int(rng.integers(1, 9))
        return {
            "ids": rng.integers(0, 50, (rows, length)),
            "mask": rng.integers(0, 2, (rows, length)),
        }

    # The length differs between two calls of `inputs`, so they may not be concatenated blindly.
    return Spec(
        "dynamic_sequence", graph, inputs, rows=(0, 1, 2, 5), tolerance=1e-6, facts={"ragged": True}
    )


def _batch_axis_1() -> Spec:
    """Features first: axis 0 is fixed, the rows are on axis 1 and come out on axis 0."""
    nodes = [node("Transpose", ["x"], ["xt"], perm=[1, 0]), node("MatMul", ["xt", "w"], ["y"])]
    weights = np.random.default_rng(12).standard_normal((4, 2)).astype(np.float32)
    graph = model(
        "batch_axis_1",
        nodes,
        [value("x", FLOAT, [4, "batch"])],
        [value("y", FLOAT, ["batch", 2])],
        [tensor("w", weights)],
    )
    return Spec(
        "batch_axis_1",
        graph,
        normal(x=(4, None)),
        batch_axis=1,
        tolerance=1e-6,
        facts={"output_axis": {"y": 0}},
    )


def _time_major() -> Spec:
    """An RNN in its ONNX layout: `[time, batch, features]`, state carried along axis 0."""
    rng = np.random.default_rng(13)
    weights = [
        tensor("W", rng.standard_normal((1, 5, 3)).astype(np.float32)),
        tensor("R", rng.standard_normal((1, 5, 5)).astype(np.float32)),
    ]
    graph = model(
        "time_major",
        [node("RNN", ["x", "W", "R"], ["y", "last"], hidden_size=5)],
        [value("x", FLOAT, ["time", "batch", 3])],
        [value("y", FLOAT, ["time", 1, "batch", 5]), value("last", FLOAT, [1, "batch", 5])],
        weights,
    )
    return Spec(
        "time_major",
        graph,
        normal(x=(4, None, 3)),
        batch_axis=1,
        tolerance=1e-6,
        facts={"output_axis": {"y": 2, "last": 1}},
    )


def _default_input() -> Spec:
    """`scale` is an input with an initializer: it may be left out, or overridden."""
    graph = model(
        "default_input",
        [node("Mul", ["x", "scale"], ["y"])],
        [value("x", FLOAT, ["batch", 3]), value("scale", FLOAT, [3])],
        [value("y", FLOAT, ["batch", 3])],
        [tensor("scale", [2, 3, 4], np.float32)],
    )
    return Spec(
        "default_input", graph, normal(x=(None, 3)), rows=(0, 1, 2, 5), optional_inputs=("scale",)
    )


def _passthrough() -> Spec:
    """An input is an output under the same name, and once more under another."""
    graph = model(
        "passthrough",
        [node("Identity", ["x"], ["copy"]), node("Neg", ["x"], ["negative"])],
        [value("x", FLOAT, ["batch", 3])],
        [
            value("x", FLOAT, ["batch", 3]),
            value("copy", FLOAT, ["batch", 3]),
            value("negative", FLOAT, ["batch", 3]),
        ],
    )
    return Spec("passthrough", graph, normal(x=(None, 3)), rows=(0, 1, 2, 5))


def _odd_names() -> Spec:
    names = ["in/put:0", "with space", "ünïcödé-入力", 'quo"te\\']
    nodes = [node("Neg", [name], [f"out {name}"]) for name in names]
    graph = model(
        "odd_names",
        nodes,
        [value(name, FLOAT, ["batch", 2]) for name in names],
        [value(f"out {name}", FLOAT, ["batch", 2]) for name in names],
    )
    return Spec("odd_names", graph, normal(**dict.fromkeys(names, (None, 2))))


def _unused_input() -> Spec:
    graph = model(
        "unused_input",
        [node("Neg", ["x"], ["y"])],
        [value("x", FLOAT, ["batch", 2]), value("ignored", FLOAT, ["batch", 3])],
        [value("y", FLOAT, ["batch", 2])],
    )
    return Spec("unused_input", graph, normal(x=(None, 2), ignored=(None, 3)))


def _no_inputs() -> Spec:
    graph = model(
        "no_inputs",
        [node("Identity", ["c"], ["y"])],
        [],
        [value("y", FLOAT, [2, 2])],
        [tensor("c", [[1, 2], [3, 4]], np.float32)],
    )
    return Spec(
        "no_inputs", graph, lambda rng, rows: {}, row_independent=False, batch_axis=None, rows=(1,)
    )


def _wide_output() -> Spec:
    """Four floats in, 64 KiB out per row: replies larger than requests."""
    graph = model(
        "wide_output",
        [node("Tile", ["x", "times"], ["y"])],
        [value("x", FLOAT, ["batch", 4])],
        [value("y", FLOAT, ["batch", 16384])],
        [tensor("times", [1, 4096])],
    )
    return Spec("wide_output", graph, normal(x=(None, 4)))


def specs() -> list[Spec]:
    fixed: dict[str, object] = {"row_independent": False, "batch_axis": None}
    return [
        _mixed_inputs(),
        _shared_operand(),
        _two_row_counts(),
        _dynamic_sequence(),
        _double("dynamic_everywhere", ["a", "b", "c"], (None, 2, 3), rows=(0, 1, 2, 5)),
        _double("anonymous_dims", [None, None], (None, 3), rows=(0, 1, 2, 5)),
        _double("unknown_rank", None, (None, 3)),
        _double("fixed_batch_1", [1, 4], (1, 4), rows=(1,), facts={"fixed_rows": 1}),
        _double("fixed_batch_8", [8, 4], (8, 4), rows=(8,), facts={"fixed_rows": 8}),
        _double("fixed_cube", [2, 3, 4], (2, 3, 4), rows=(2,), **fixed),
        _double("no_features", ["batch", 0], (None, 0)),
        _batch_axis_1(),
        _time_major(),
        _default_input(),
        _passthrough(),
        _odd_names(),
        _unused_input(),
        _no_inputs(),
        _wide_output(),
    ]
