"""Quantized variants of ONNX models, judged on the machine they will run on.

    from mlops_engine.quantize import QuantizeOptions, quantize

    outcome = quantize("model.onnx", "models", "rows.npz", QuantizeOptions(method="static"))

Importing this needs none of the libraries that quantizing needs (`mlops-engine[quantize]`).
"""

from .api import quantize
from .errors import MissingExtraError, QuantizeError
from .options import ACTIVATIONS, CALIBRATIONS, METHODS, METRICS, Gate, QuantizeOptions
from .outcome import Outcome

__all__ = [
    "ACTIVATIONS",
    "CALIBRATIONS",
    "METHODS",
    "METRICS",
    "Gate",
    "MissingExtraError",
    "Outcome",
    "QuantizeError",
    "QuantizeOptions",
    "quantize",
]
