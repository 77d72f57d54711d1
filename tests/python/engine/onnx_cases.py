"""Run as a program: the models of ONNX's own operator tests, each against Python onnxruntime.

``python onnx_cases.py STEP FIRST`` takes every STEP-th case, from the FIRST on, has the engine
execute it in whatever back end it is told to (``MLOPS_CASES_EXECUTION``) and prints what differs,
then how many were compared. A program of its own because what it looks for ends processes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx.backend.test.case.node import collect_testcases

import mlops_engine as me

# Random numbers of a seed, which every back end draws for itself; shifts by more than the width,
# which the standard leaves open.
OPEN = ("dropout", "bernoulli", "random", "shift_ge_width")


def _tensors(values: list[Any]) -> bool:
    return not any(value is None or isinstance(value, list | dict) for value in values)


def _feed(array: Any) -> Any:
    array = np.asarray(array)
    return array.astype(object) if array.dtype.kind in "US" else array


def _same(actual: Any, expected: Any) -> bool:
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return False
    if expected.dtype.kind not in "fV":
        decoded = [v.decode() if isinstance(v, bytes) else v for v in actual.ravel().tolist()]
        return decoded == expected.ravel().tolist()
    return bool(
        np.allclose(
            actual.astype(np.float64),
            expected.astype(np.float64),
            rtol=1e-3,
            atol=1e-3,
            equal_nan=True,
        )
    )


def reference(case: Any) -> tuple[dict[str, Any], list[Any]] | None:
    """Inputs by name and what onnxruntime answers; None for what is no business of a server."""
    inputs, outputs = case.data_sets[0]
    if not _tensors([*inputs, *outputs]) or any(word in case.name for word in OPEN):
        return None
    try:
        session = onnxruntime.InferenceSession(case.model.SerializeToString())
        if len(session.get_inputs()) != len(inputs):
            return None
        names = [each.name for each in session.get_inputs()]
        feed = dict(zip(names, inputs, strict=True))
        answered = session.run(None, feed)
    except Exception:  # what onnxruntime cannot load or run here
        return None
    if not _tensors(answered):
        return None
    return feed, list(zip([each.name for each in session.get_outputs()], answered, strict=True))


def run(case: Any, folder: Path, execution: str) -> list[str] | None:
    """What differs; None when onnxruntime or the engine does not take the model."""
    expected = reference(case)
    if expected is None:
        return None
    path = folder / "model.onnx"
    path.write_bytes(case.model.SerializeToString())
    feed, answers = expected
    inputs = {name: _feed(value) for name, value in feed.items()}
    with me.Engine() as engine:
        try:
            engine.load("m", path, execution=execution, execution_trial="loading")
        except me.MlopsError:
            return None
        given = engine.infer("m", inputs)
        return [
            f"{case.name}: {name} is {np.asarray(given[name]).ravel()[:4]}, not {value}"
            for name, value in answers
            if not _same(given[name], value)
        ]


def main() -> None:
    warnings.filterwarnings("ignore")
    onnxruntime.set_default_logger_severity(4)
    step, first = int(sys.argv[1]), int(sys.argv[2])
    execution = os.environ.get("MLOPS_CASES_EXECUTION", "auto")
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in collect_testcases(None)[first::step]:
            if case.model is None or not case.data_sets:
                continue
            print(f"at {case.name}", file=sys.stderr, flush=True)
            differences = run(case, Path(folder), execution)
            compared += differences is not None
            for line in differences or []:
                print(line)
    print(f"compared {compared}")


if __name__ == "__main__":
    main()
