"""What is sent: named inputs with real or generated rows, and what a correct server must answer."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import numpy.typing as npt

DTYPES: dict[str, str] = {
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
}
ORT_TYPES = {f"tensor({np.dtype(name).name})": datatype for datatype, name in DTYPES.items()} | {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
}
ROWS = 1024
"""Rows generated for an input: enough that neither a branch predictor nor a cache learns them."""


@dataclass(frozen=True)
class Input:
    """One input of the model.

    Parameters
    ----------
    name : str
        Name in the model's signature.
    datatype : str
        KServe name of a fixed-size type.
    shape : tuple of int
        Of one request, batch axis included.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Payload:
    """Rows to rotate through.

    Parameters
    ----------
    inputs : sequence of Input
        In the order of the model's signature.
    arrays : sequence of ndarray
        One per input, shape ``(rows, *input.shape)``.
    expected : bytes or None
        Output bytes of every request, all outputs in order; None when replies are not checked.
    tolerance : float
        For FP32 outputs, relative; 0 compares bytes.
    layout : str
        Kind and bytes of each output of one request, as ``mlops-loadgen --expect-layout`` reads it.
    """

    inputs: Sequence[Input]
    arrays: Sequence[npt.NDArray[Any]]
    expected: bytes | None = None
    tolerance: float = 0.0
    layout: str = ""

    @property
    def rows(self) -> int:
        """Number of different requests."""
        return len(self.arrays[0])

    def request(self, row: int) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of one request by input name."""
        return {spec.name: array[row] for spec, array in zip(self.inputs, self.arrays, strict=True)}


def parse_input(text: str) -> Input:
    """Read ``NAME:DATATYPE:D,D,D``.

    Raises
    ------
    ValueError
        If the text is malformed or the datatype has no fixed size.
    """
    parts = text.rsplit(":", 2)
    if len(parts) != 3 or parts[1] not in DTYPES:
        raise ValueError(
            f"an input is NAME:DATATYPE:SHAPE with a fixed-size datatype, got {text!r}"
        )
    return Input(parts[0], parts[1], tuple(int(extent) for extent in parts[2].split(",")))


def inputs_from_server(address: str, model: str, batch: int) -> list[Input]:
    """Ask a KServe v2 server for the model's inputs over HTTP.

    Parameters
    ----------
    address : str
        ``host:port``.
    model : str
        Model name.
    batch : int
        Extent of the first axis where the model leaves it open.

    Returns
    -------
    list of Input

    Raises
    ------
    ValueError
        If the server does not answer, or an axis other than the first is open.
    """
    try:
        with urllib.request.urlopen(f"http://{address}/v2/models/{model}", timeout=10) as reply:
            described = json.load(reply)["inputs"]
    except (URLError, OSError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"no metadata for {model} from {address}: {error}; give --input"
        ) from error
    return [
        Input(item["name"], item["datatype"], _closed(item["name"], item["shape"], batch))
        for item in described
    ]


def inputs_from_model(path: Path, batch: int) -> list[Input]:
    """Read the inputs out of an ONNX file through onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [
        Input(item.name, ORT_TYPES[item.type], _closed(item.name, item.shape, batch))
        for item in session.get_inputs()
    ]


def _closed(name: str, shape: Sequence[object], batch: int) -> tuple[int, ...]:
    closed = [extent if isinstance(extent, int) and extent > 0 else -1 for extent in shape]
    if closed and closed[0] == -1:
        closed[0] = batch
    if -1 in closed:
        raise ValueError(
            f"input {name} has open axes {list(shape)}: give --input NAME:DATATYPE:SHAPE"
        )
    return tuple(closed)


def generate(inputs: Sequence[Input], seed: int = 1) -> list[npt.NDArray[Any]]:
    """Make rows: standard normal for floats, 0 to 99 for integers (0 or 1 for BOOL)."""
    random = np.random.default_rng(seed)
    arrays: list[npt.NDArray[Any]] = []
    for spec in inputs:
        dtype = np.dtype(DTYPES[spec.datatype])
        shape = (ROWS, *spec.shape)
        if dtype.kind == "f":
            arrays.append(random.standard_normal(shape).astype(dtype))
        else:
            arrays.append(random.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype))
    return arrays


def load_rows(path: Path, inputs: Sequence[Input]) -> list[npt.NDArray[Any]]:
    """Read rows of the one input from a ``.npy`` file.

    Parameters
    ----------
    path : Path
        Array of shape ``(n, ...)``; n examples are cut into requests of the input's shape.
    inputs : sequence of Input
        Exactly one.

    Raises
    ------
    ValueError
        If the model has several inputs, or the file's values do not fill whole requests.
    """
    if len(inputs) != 1:
        raise ValueError("--rows is for models with one input")
    spec = inputs[0]
    values = np.ascontiguousarray(np.load(path, allow_pickle=False), dtype=DTYPES[spec.datatype])
    per_request = int(np.prod(spec.shape))
    requests = values.size // per_request
    if requests == 0 or (len(spec.shape) > 1 and values.shape[1:] != spec.shape[1:]):
        raise ValueError(f"{path}: {values.shape} does not fill requests of shape {spec.shape}")
    return [values.reshape(-1)[: requests * per_request].reshape(requests, *spec.shape)]


def expect(payload: Payload, model: Path, tolerance: float) -> Payload:
    """Add what Python onnxruntime answers to each request alone.

    Raises
    ------
    ValueError
        If outputs have no fixed size: strings, or another number of rows for another request.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    expected, layouts = [], set()
    for row in range(payload.rows):
        outputs = [np.ascontiguousarray(y) for y in session.run(None, payload.request(row))]
        expected.append(b"".join(output.tobytes() for output in outputs))
        layouts.add(
            ",".join(
                f"{'fp32' if output.dtype == np.float32 else 'exact'}:{output.nbytes}"
                for output in outputs
            )
        )
        if len(layouts) > 1 or any(output.dtype == object for output in outputs):
            raise ValueError("--verify needs outputs of a fixed size")
    return replace(payload, expected=b"".join(expected), tolerance=tolerance, layout=layouts.pop())
