"""The model as an ONNX graph that says the same, with golden rows to prove it again elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.evaluation import golden_rows, sample_inputs
from mlops_engine.evaluation.golden import GOLDEN_FILE, SAMPLES_FILE

from ..failures import GateFailedError
from ..models import Fitted, load
from ..sections import Export
from ..stage import Context, Facts
from .features import COLUMNS, matrix_of, read_rows
from .split import parts_of

__all__ = ["MODEL", "run", "signature", "write_golden"]

MODEL = "model.onnx"


def run(context: Context) -> Facts:
    """Convert, and compare with the model on every row and with each feature missing in turn."""
    from mlops_engine.train import export

    settings: Export = context.section("export")
    fitted = load(context.inputs["train"])
    x = matrix_of(context, read_rows(context))
    graph = _graph(fitted, x.shape[1])
    (context.out / MODEL).write_bytes(graph)
    compared = np.concatenate([x, export.with_each_missing(x)])
    label, probabilities = export.run_onnx(graph, compared)
    expected = fitted.score(compared)
    difference = _parity(probabilities, label, expected, settings.tolerance)
    context.progress.step(f"  {len(compared):,} rows: largest difference {difference:.1e}")
    test = parts_of(context)["test"]
    write_golden(context, x[test], probabilities[: len(x), 1][test])
    return {
        "bytes": len(graph),
        "parity": {
            "rows": len(compared),
            "largest_difference": difference,
            "tolerance": settings.tolerance,
        },
        "signature": signature(context, settings),
    }


def write_golden(
    context: Context, x: npt.NDArray[np.float32], scores: npt.NDArray[np.float64]
) -> None:
    """Write rows of the test part with what a graph says of them, and a request of some."""
    from mlops_engine.train import export

    settings: Export = context.section("export")
    names = context.facts["features"]["features"]
    golden = golden_rows(x, scores, names, settings.golden_rows)
    (context.out / GOLDEN_FILE).write_bytes(golden.to_json())
    if any(None not in row for row in golden.rows):
        (context.out / SAMPLES_FILE).write_bytes(sample_inputs(golden, export.INPUT))


def _parity(
    probabilities: npt.NDArray[Any], label: npt.NDArray[Any], expected: npt.NDArray[Any],
    tolerance: float,
) -> float:  # fmt: skip
    difference = np.abs(probabilities[:, 1] - expected)
    worst = int(difference.argmax())
    if not difference[worst] <= tolerance:
        raise GateFailedError(
            f"row {worst}: the model says {expected[worst]:.9f}, ONNX"
            f" {probabilities[worst, 1]:.9f}; {int((difference > tolerance).sum())} of"
            f" {len(expected)} rows differ by more than {tolerance}"
        )
    decided = np.abs(expected - 0.5) > tolerance
    if not np.array_equal(label[decided], (expected > 0.5)[decided].astype(np.int64)):
        raise GateFailedError("a label is not the more probable class")
    return float(difference[worst])


def _graph(fitted: Fitted, features: int) -> bytes:
    from mlops_engine.train import export

    convert = export.to_onnx if fitted.kind == "lightgbm" else export.sklearn_to_onnx
    data: bytes = convert(fitted.model, features).SerializeToString(deterministic=True)
    return data


def signature(context: Context, settings: Export) -> dict[str, Any]:
    """Describe inputs and outputs in KServe's names, with the meaning of each input column."""
    from mlops_engine.train import export

    columns = context.read_json("features", COLUMNS)
    probabilities = {"name": export.PROBABILITIES, "datatype": "FP32", "shape": [-1, 2]}
    if settings.classes:
        probabilities["classes"] = settings.classes
    shape = [-1, len(columns)]
    return {
        "inputs": [{"name": export.INPUT, "datatype": "FP32", "shape": shape, "features": columns}],
        "outputs": [{"name": export.LABEL, "datatype": "INT64", "shape": [-1]}, probabilities],
    }
