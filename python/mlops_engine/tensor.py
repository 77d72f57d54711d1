"""What the engine says about models and their tensors, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ModelInfo", "TensorSpec"]

_NUMPY_NAMES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output as the model declares it.

    Attributes
    ----------
    name
        As in the model file.
    datatype
        KServe's name of the element type, such as ``"FP32"``; ``"BYTES"`` is text.
    shape
        The size of each axis, -1 where the model leaves it open. None when the model says nothing
        about the shape at all.
    symbols
        The name of each open axis, such as ``"batch"``; ``""`` for those without one.

    Examples
    --------
    >>> TensorSpec("x", "FP32", (-1, 8), ("batch", "")).dtype
    dtype('float32')
    """

    name: str
    datatype: str
    shape: tuple[int, ...] | None
    symbols: tuple[str, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's element type; BF16 needs the package ``ml_dtypes``, else ImportError."""
        import numpy as np

        if self.datatype == "BF16":
            import ml_dtypes

            bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
            return bfloat16
        return np.dtype(_NUMPY_NAMES[self.datatype])


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A loaded version of a model.

    Attributes
    ----------
    name, version
        Which one this is.
    versions
        All versions of the model that are ready, ascending.
    platform
        KServe's name of what runs it, such as ``"onnxruntime_onnx"``.
    inputs, outputs
        Its signature, in the order of the model file.
    batchable
        Whether rows of several requests may share one execution.
    batch_rows_max
        Rows merged into one execution at most; 0 when not batchable.
    batching_reason
        Why it is or is not batched, for people.
    execution
        What executes it and why, for people; it changes when a trial ends. Empty where there was
        nothing to choose.
    """

    name: str
    version: int
    versions: tuple[int, ...]
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batchable: bool
    batch_rows_max: int
    batching_reason: str
    execution: str

    @classmethod
    def _from_core(cls, fields: Mapping[str, Any]) -> ModelInfo:
        return cls(
            **{**fields, "inputs": _specs(fields["inputs"]), "outputs": _specs(fields["outputs"])}
        )


def _specs(described: tuple[Any, ...]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, datatype, None if shape is None else tuple(shape), tuple(symbols))
        for name, datatype, shape, symbols in described
    )
