"""Models of the kinds people serve: MLPs, convolution, attention, trees, external weights."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
from zoo_graph import FLOAT, INT64, Spec, model, node, normal, tensor, value


def mlp(name: str, sizes: tuple[int, ...]) -> onnx.ModelProto:
    """Relu network over float32 rows, He-initialised from a seed that is the sum of its sizes."""
    rng = np.random.default_rng(sum(sizes))
    nodes, weights, current = [], [], "x"
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        scale = np.sqrt(2 / fan_in)
        weights.append(
            tensor(f"w{layer}", (rng.standard_normal((fan_in, fan_out)) * scale).astype(np.float32))
        )
        weights.append(tensor(f"b{layer}", (rng.standard_normal(fan_out) * 0.1).astype(np.float32)))
        last = layer == len(sizes) - 2
        nodes.append(
            node("Gemm", [current, f"w{layer}", f"b{layer}"], ["y" if last else f"z{layer}"])
        )
        if not last:
            nodes.append(node("Relu", [f"z{layer}"], [f"h{layer}"]))
            current = f"h{layer}"
    inputs, outputs = (
        [value("x", FLOAT, ["batch", sizes[0]])],
        [value("y", FLOAT, ["batch", sizes[-1]])],
    )
    return model(name, nodes, inputs, outputs, weights)


def _mlp(name: str, sizes: tuple[int, ...], *, external_data: bool = False) -> Spec:
    # Blocked matrix products sum in another order for another number of rows.
    return Spec(
        name,
        mlp(name, sizes),
        normal(x=(None, sizes[0])),
        rows=(0, 1, 2, 5, 33),
        tolerance=1e-4,
        external_data=external_data,
    )


def _convolution() -> Spec:
    rng = np.random.default_rng(21)
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["map"]),
        node("GlobalAveragePool", ["map"], ["p"]),
        node("Flatten", ["p"], ["pooled"], axis=1),
    ]
    graph = model(
        "convolution",
        nodes,
        [value("x", FLOAT, ["batch", 3, 8, 8])],
        [value("map", FLOAT, ["batch", 4, 8, 8]), value("pooled", FLOAT, ["batch", 4])],
        [
            tensor("w", rng.standard_normal((4, 3, 3, 3)).astype(np.float32)),
            tensor("b", rng.standard_normal(4).astype(np.float32)),
        ],
    )
    return Spec("convolution", graph, normal(x=(None, 3, 8, 8)), tolerance=1e-5)


def _attention() -> Spec:
    """Softmax over the last axis of `[batch, sequence, sequence]`: rows stay independent."""
    nodes = [
        node("Transpose", ["x"], ["xt"], perm=[0, 2, 1]),
        node("MatMul", ["x", "xt"], ["scores"]),
        node("Softmax", ["scores"], ["weights"], axis=-1),
        node("MatMul", ["weights", "x"], ["y"]),
    ]
    graph = model(
        "attention",
        nodes,
        [value("x", FLOAT, ["batch", "sequence", 8])],
        [
            value("y", FLOAT, ["batch", "sequence", 8]),
            value("weights", FLOAT, ["batch", "sequence", "sequence"]),
        ],
    )
    return Spec("attention", graph, normal(x=(None, 6, 8)), tolerance=1e-5)


def _layer_norm() -> Spec:
    graph = model(
        "layer_norm",
        [node("LayerNormalization", ["x", "g"], ["y"], axis=-1)],
        [value("x", FLOAT, ["batch", 16])],
        [value("y", FLOAT, ["batch", 16])],
        [tensor("g", np.linspace(0.5, 1.5, 16), np.float32)],
    )
    return Spec("layer_norm", graph, normal(x=(None, 16)), tolerance=1e-5)


def _trees() -> Spec:
    """A classifier of four stumps in the flights form: label, probabilities [N, 2]."""
    stumps = range(4)
    attributes = {
        "nodes_treeids": [t for t in stumps for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * 4,
        "nodes_featureids": [f for t in stumps for f in (t, 0, 0)],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * 4,
        "nodes_values": [v for t in stumps for v in (t / 2 - 0.75, 0.0, 0.0)],
        "nodes_truenodeids": [1, 0, 0] * 4,
        "nodes_falsenodeids": [2, 0, 0] * 4,
        "nodes_missing_value_tracks_true": [m for t in stumps for m in (t % 2, 0, 0)],
        "nodes_hitrates": [1.0] * 12,
        "class_treeids": [t for t in stumps for _ in range(2)],
        "class_nodeids": [1, 2] * 4,
        "class_ids": [0] * 8,
        "class_weights": [w for t in stumps for w in (0.2 * (t + 1), -0.3 * (t + 1))],
        "classlabels_int64s": [0, 1],
        "base_values": [0.05],
        "post_transform": "LOGISTIC",
    }
    graph = model(
        "trees",
        [
            node(
                "TreeEnsembleClassifier",
                ["input"],
                ["label", "probabilities"],
                domain="ai.onnx.ml",
                **attributes,
            )
        ],
        [value("input", FLOAT, ["batch", 4])],
        [value("label", INT64, ["batch"]), value("probabilities", FLOAT, ["batch", 2])],
    )

    def inputs(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        x = rng.standard_normal((rows, 4)).astype(np.float32)
        x[rng.random((rows, 4)) < 0.1] = np.nan
        return {"input": x}

    return Spec("trees", graph, inputs, tolerance=1e-6)


def specs() -> list[Spec]:
    return [
        _mlp("mlp_small", (64, 256, 256, 16)),
        _mlp("mlp_large", (512, 1024, 1024, 64)),
        _mlp("mlp_external", (64, 128, 16), external_data=True),
        _convolution(),
        _attention(),
        _layer_norm(),
        _trees(),
    ]
