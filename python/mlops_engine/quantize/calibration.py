"""Ranges of activations from real rows: once for a model, whatever is quantized in the end."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    create_calibrator,
    save_tensors_data,
)

from .options import QuantizeOptions
from .rows import Rows

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
ROWS_AT_ONCE = 64
# With the library's own 128 bins for 128 levels the search for the least entropy has one candidate,
# the whole range. Four bins to a level leave it every cut down to a quarter of the range.
ENTROPY_BINS, ENTROPY_LEVELS = 512, 128
PERCENTILE_BINS = 2048


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds of equally many rows: the histograms of the library need that."""

    def __init__(self, rows: Rows, fixed_rows: int | None) -> None:
        count = len(rows)
        divisors = (n for n in range(min(ROWS_AT_ONCE, count), 0, -1) if count % n == 0)
        self._feeds = rows.batches(fixed_rows or next(divisors))

    def get_next(self) -> dict[str, Any] | None:
        """Return the next feed, None at the end."""
        return next(self._feeds, None)


def find_ranges(
    model: onnx.ModelProto,
    operators: list[str],
    options: QuantizeOptions,
    rows: Rows,
    fixed_rows: int | None,
) -> Any:
    """Execute the float model over the rows; return the library's ranges by tensor."""
    extra: dict[str, Any] = {"symmetric": False}
    if options.calibration == "entropy":
        extra |= {"num_bins": ENTROPY_BINS, "num_quantized_bins": ENTROPY_LEVELS}
    elif options.calibration == "percentile":
        extra |= {"num_bins": PERCENTILE_BINS, "percentile": options.percentile}
    with tempfile.TemporaryDirectory(prefix="mlops-quantize-") as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(copy.deepcopy(model), path)
        calibrator = create_calibrator(
            path,
            operators,
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=METHODS[options.calibration],
            extra_options=extra,
        )
        calibrator.collect_data(_Reader(rows, fixed_rows))
        return calibrator.compute_data()


def save_ranges(ranges: Any, path: Path) -> None:
    """Write ranges in the form that `quantize_static` reads."""
    save_tensors_data(ranges, path)
