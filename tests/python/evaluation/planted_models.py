"""Rows with a known truth, and linear models over them with a fault each, as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import polars as pl
from judged_rows import days
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

from mlops_engine.evaluation import calibrator
from mlops_engine.evaluation.columns import Floats
from mlops_engine.evaluation.scorer import Rows

GRID = 64
NAMES = ("x0", "x1", "noise", "group")


@dataclass(frozen=True)
class Data:
    """One part of the rows."""

    x: Rows
    y: Floats
    frame: pl.DataFrame


def part(seed: int, rows_a_day: int, leak: bool = False) -> Data:
    """Forty days of rows on a grid; x0 and x1 say something, the group nothing."""
    random = np.random.default_rng(seed)
    frame = days(40, rows_a_day)
    x = np.round(random.normal(size=(frame.height, 3)) * GRID) / GRID
    group = (random.random(frame.height) < 0.3).astype(float)
    chance = 1 / (1 + np.exp(-(1.6 * x[:, 0] + 1.2 * x[:, 1])))
    y = (random.random(frame.height) < chance).astype(float)
    columns = [x, group[:, None]]
    if leak:
        columns.append((y - 0.5 + 0.3 * random.normal(size=len(y)))[:, None])
    who = np.where(group == 1, "b", "a")
    carrier = random.integers(0, 4, frame.height).astype(str)
    frame = frame.with_columns(who=pl.Series(who), carrier=pl.Series(carrier))
    return Data(np.concatenate(columns, axis=1).astype(np.float32), y, frame)


@dataclass(frozen=True)
class Linear:
    """A logistic model; `ripple` is a term that is 0 on the grid and wild beside it."""

    weights: Floats
    intercept: float
    ripple: float = 0.0

    def __call__(self, x: Rows) -> Floats:
        known = np.where(np.isnan(x), 0, x).astype(np.float64)
        wave = np.sin(2 * np.pi * GRID * known[:, 0])
        return 1 / (1 + np.exp(-(known @ self.weights + self.intercept + self.ripple * wave)))

    def save(self, path: Path) -> Path:
        """Write it as ONNX: missing values are 0."""
        features = len(self.weights)
        pick = np.zeros((features, 1), np.float32)
        pick[0] = 2 * np.pi * GRID
        constants = {
            "zero": np.float32(0),
            "weights": self.weights.astype(np.float32)[:, None],
            "intercept": np.float32(self.intercept),
            "pick": pick,
            "ripple": np.float32(self.ripple),
        }
        node = helper.make_node
        graph = helper.make_graph(
            [
                node("IsNaN", ["input"], ["missing"]),
                node("Where", ["missing", "zero", "input"], ["known"]),
                node("MatMul", ["known", "weights"], ["sum"]),
                node("MatMul", ["known", "pick"], ["phase"]),
                node("Sin", ["phase"], ["wave"]),
                node("Mul", ["wave", "ripple"], ["rippled"]),
                node("Add", ["sum", "intercept"], ["level"]),
                node("Add", ["level", "rippled"], ["logit"]),
                node("Sigmoid", ["logit"], ["score"]),
            ],
            "planted",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", features])],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1])],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
        )
        opset = [helper.make_opsetid("", 15)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
        return path


def fitted(train: Data, y: Floats, validation: Data) -> Linear:
    """Fit, then calibrate on validation rows; the curve is folded into the weights."""
    model = LogisticRegression().fit(train.x, y)
    raw = Linear(model.coef_[0], float(model.intercept_[0]))
    curve: Callable[[Floats], Floats] = calibrator(validation.y, raw(validation.x))
    ends = curve(np.array([0.5, 1 / (1 + np.exp(-1))]))
    offset, level = np.log(ends / (1 - ends))
    return Linear(raw.weights * (level - offset), raw.intercept * (level - offset) + offset)
