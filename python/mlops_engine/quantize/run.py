"""Execute a model over rows with ONNX Runtime, one thread, inner tensors on request."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from .errors import QuantizeError
from .rows import Array, Rows

ROWS_AT_ONCE = 64


def session(model: onnx.ModelProto, what: str, *, optimised: bool = True) -> Any:
    """Load a model; a missing kernel is said in words."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise QuantizeError(
            f"ONNX Runtime {ort.__version__} cannot load {what} on this processor: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error


def outputs(loaded: Any, rows: Rows, fixed_rows: int | None) -> dict[str, Array]:
    """Return all outputs over all rows."""
    names = [value.name for value in loaded.get_outputs()]
    parts = [loaded.run(None, feed) for feed in rows.batches(fixed_rows or ROWS_AT_ONCE)]
    found = {}
    for index, name in enumerate(names):
        arrays = [part[index] for part in parts]
        if any(not isinstance(array, np.ndarray) for array in arrays):
            continue  # sequences and maps of ai.onnx.ml
        # Outputs without a row dimension are compared batch by batch.
        joined = np.concatenate if arrays[0].ndim else np.stack
        found[name] = joined(arrays)
    return found


def with_outputs(model: onnx.ModelProto, tensors: Sequence[str]) -> onnx.ModelProto:
    """Return the model with inner tensors as further outputs."""
    result = copy.deepcopy(model)
    have = {value.name for value in result.graph.output}
    for name in tensors:
        if name not in have:
            result.graph.output.append(onnx.ValueInfoProto(name=name))
            have.add(name)
    return result


def tensor_batches(
    model: onnx.ModelProto, tensors: Sequence[str], rows: Rows, fixed_rows: int | None, what: str
) -> Iterator[list[Array]]:
    """Yield the named tensors batch by batch; the graph is executed as it is written."""
    loaded = session(with_outputs(model, tensors), what, optimised=False)
    for feed in rows.batches(fixed_rows or ROWS_AT_ONCE):
        yield loaded.run(list(tensors), feed)
