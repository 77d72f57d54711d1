"""What the library writes into a model, against the formulas derived anew in numpy."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from quantize_models import CLASSES, FEATURES, mlp_model

from mlops_engine.quantize import QuantizeOptions, graph
from mlops_engine.quantize import calibration as module
from mlops_engine.quantize.isa import Isa
from mlops_engine.quantize.rows import Rows
from mlops_engine.quantize.variants import Recipe

VNNI, AVX2 = Isa("test", avx2=True, vnni=True), Isa("test", avx2=True)


@pytest.fixture
def heavy_tails() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    return {"x": rng.standard_t(3, size=(256, FEATURES)).astype(np.float32)}


def make(tmp_path, rows, options, isa=VNNI):
    prepared = graph.prepare(mlp_model((FEATURES, CLASSES)))
    layers = graph.layers(prepared, options.method)
    recipe = Recipe(prepared, layers, options, isa, Rows(rows), None, tmp_path / "ranges.json")
    return recipe.make([])


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def input_range(rows: dict[str, np.ndarray], options: QuantizeOptions) -> tuple[float, float]:
    """Min-max, percentile or entropy, written from their definitions."""
    x = rows["x"].ravel()
    reach = np.abs(x).max()
    if options.calibration == "minmax":
        return float(x.min()), float(x.max())
    bins = {"percentile": module.PERCENTILE_BINS, "entropy": module.ENTROPY_BINS}
    hist, edges = np.histogram(x, bins[options.calibration], range=(-reach, reach))
    if options.calibration == "percentile":
        cut = (100 - options.percentile) / 200
        share = np.cumsum(hist) / hist.sum()
        low, high = edges[np.argmax(share >= cut)], edges[np.argmax(share >= 1 - cut)]
    else:
        low, high = least_entropy(hist, edges, module.ENTROPY_LEVELS)
    return max(float(low), float(x.min())), min(float(high), float(x.max()))


def least_entropy(hist: np.ndarray, edges: np.ndarray, levels: int) -> tuple[float, float]:
    """The cut whose quantized histogram diverges least (Kullback-Leibler) from the clipped one."""
    middle, best = len(hist) // 2, (np.inf, 0, 0)
    for half in range(levels // 2, middle + 1):
        start, end = middle - half, min(middle + half + 1, len(hist))
        inside = hist[start:end]
        p = inside.astype(np.float64)
        p[0] += hist[:start].sum()
        p[-1] += hist[end:].sum()
        width = len(p) // levels
        group = np.minimum(np.arange(len(p)) // width, levels - 1)
        total = np.bincount(group, inside, levels)
        # The rest of the last level counts towards its sum, but is not spread over.
        spread = (p > 0) & (np.arange(len(p)) < width * levels)
        filled = np.bincount(group, spread, levels)
        # the library spreads level by level, over empty bins of the level as well
        q = np.zeros(len(p))
        for level in range(levels):
            if filled[level]:
                q[level * width : (level + 1) * width] = int(total[level] / filled[level])
        p, q = smooth(p), smooth(q)
        if p is None or q is None:
            continue
        p, q = p / p.sum(), q / q.sum()
        divergence = float(np.sum(p * np.log(p / q)))
        if divergence < best[0]:
            best = (divergence, start, end)
    return edges[best[1]], edges[best[2]]


def smooth(counts: np.ndarray, tiny: float = 1e-4) -> np.ndarray | None:
    empty = counts == 0
    if empty.all():
        return None
    share = tiny * empty.sum() / (~empty).sum()
    return None if share >= 1 else np.where(empty, tiny, counts - share)


@pytest.mark.parametrize(
    ("calibration", "activation"),
    [("minmax", "uint8"), ("minmax", "int8"), ("percentile", "int8"), ("entropy", "uint8")],
)
def test_scale_and_zero_point_follow_from_the_range(
    tmp_path, heavy_tails, calibration, activation
) -> None:
    options = QuantizeOptions(
        "static", calibration=calibration, activation=activation, percentile=99.0
    )
    found = constants(make(tmp_path, heavy_tails, options))
    low, high = input_range(heavy_tails, options)
    whole = np.ptp(heavy_tails["x"])
    assert calibration == "minmax" or high - low < 0.9 * whole  # there was something to cut
    low, high = min(low, 0.0), max(high, 0.0)
    least = 0 if activation == "uint8" else -128
    scale = (high - low) / 255
    assert found["x_scale"] == pytest.approx(scale, rel=1e-5)
    assert found["x_zero_point"] == pytest.approx(np.round(least - low / scale), abs=1)
    assert found["x_zero_point"].dtype == np.dtype(activation)


@pytest.mark.parametrize(("isa", "most"), [(VNNI, 127), (AVX2, 64)])
def test_weights_are_symmetric_per_channel_and_of_7_bits_without_vnni(
    tmp_path, rows, isa, most
) -> None:
    model = make(tmp_path, rows, QuantizeOptions("static"), isa)
    found, exact = constants(model), constants(mlp_model((FEATURES, CLASSES)))["w0"]
    scales, stored = found["w0_scale"], found["w0_quantized"]
    assert scales.shape == (exact.shape[1],)
    assert not found["w0_zero_point"].any()
    assert np.abs(stored.astype(int)).max() <= most
    assert np.abs(stored.astype(int)).max() >= most - 1
    np.testing.assert_allclose(stored * scales, exact, atol=float(scales.max()) * 0.51)
    np.testing.assert_allclose(scales, np.abs(exact).max(axis=0) * 2 / (2 * most), rtol=0.02)
