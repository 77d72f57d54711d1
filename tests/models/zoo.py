"""The model zoo: small ONNX graphs that together show a serving engine everything it must handle.

    models = build_zoo(directory)          # <directory>/<name>/1/model.onnx: a model repository
    python tests/models/zoo.py DIRECTORY   # the same, with DIRECTORY/zoo.json listing the facts

Deterministic: the same versions of `onnx` and NumPy write the same bytes. `run_reference` is the
independent judge (Python onnxruntime).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zoo_networks
import zoo_shapes
import zoo_traps
import zoo_types
from zoo_graph import Arrays, Spec, save


@dataclass(frozen=True)
class ZooModel:
    """One saved model and what is true of it.

    Attributes
    ----------
    inputs
        `inputs(rng, rows)` makes valid inputs; BF16 arrays use `ml_dtypes.bfloat16`, BYTES arrays
        hold `str` objects. Models with a fixed batch ignore `rows`.
    row_independent
        Whether rows of several requests may share one execution along `batch_axis`. This is the
        truth about the graph; a signature that says otherwise is a trap. `facts["fixed_rows"]`
        is the size of a batch axis that cannot grow; `facts["output_axis"]` says where rows come
        out when that is not `batch_axis`.
    rows
        Numbers of rows worth trying (0 where zero rows are legal and exact).
    tolerance
        Largest absolute difference between a row alone and the row in a larger execution.
    """

    name: str
    path: Path
    inputs: Callable[[np.random.Generator, int], Arrays]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    optional_inputs: tuple[str, ...]
    row_independent: bool
    batch_axis: int | None
    rows: tuple[int, ...]
    tolerance: float
    facts: Mapping[str, Any]


def all_specs() -> list[Spec]:
    chapters = (zoo_types, zoo_shapes, zoo_traps, zoo_networks)
    return [spec for chapter in chapters for spec in chapter.specs()]


def build_zoo(directory: Path | str, names: Sequence[str] | None = None) -> list[ZooModel]:
    """Write the zoo (or the named models) as a model repository under `directory`."""
    root = Path(directory)
    specs = [spec for spec in all_specs() if names is None or spec.name in names]
    if names is not None and len(specs) != len(set(names)):
        raise KeyError(f"not in the zoo: {sorted(set(names) - {s.name for s in specs})}")
    models = []
    for spec in specs:
        path = root / spec.name / "1" / "model.onnx"
        graph = spec.model.graph  # before saving: weights may move to a second file
        names_in = tuple(i.name for i in graph.input)
        names_out = tuple(o.name for o in graph.output)
        save(spec, path)
        models.append(
            ZooModel(
                spec.name,
                path,
                spec.inputs,
                names_in,
                names_out,
                spec.optional_inputs,
                spec.row_independent,
                spec.batch_axis,
                spec.rows,
                spec.tolerance,
                spec.facts,
            )
        )
    return models


def run_reference(
    model: ZooModel, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None
) -> Arrays:
    """Run Python onnxruntime on one thread; BF16 goes in and out as `ml_dtypes.bfloat16`."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(model.path), options, providers=["CPUExecutionProvider"])
    wanted = list(outputs) if outputs is not None else list(model.output_names)
    if model.facts.get("kserve_type") == "BF16":
        return _run_bf16(session, inputs, wanted)
    return dict(zip(wanted, session.run(wanted, dict(inputs)), strict=True))


def _run_bf16(session: Any, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]) -> Arrays:
    """NumPy has no bfloat16 of its own: its bits travel as uint16, in and out of bound buffers."""
    import ml_dtypes
    import onnxruntime as ort
    from onnx import TensorProto

    def bound(bits: np.ndarray) -> Any:
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, TensorProto.BFLOAT16)

    rows = next(iter(inputs.values())).shape[0]
    shapes = {o.name: [rows if d == "batch" else d for d in o.shape] for o in session.get_outputs()}
    results = {name: np.empty(shapes[name], np.uint16) for name in outputs}
    bits_in = {name: np.ascontiguousarray(array).view(np.uint16) for name, array in inputs.items()}
    binding = session.io_binding()
    for name, bits in bits_in.items():
        binding.bind_ortvalue_input(name, bound(bits))
    for name, bits in results.items():
        binding.bind_ortvalue_output(name, bound(bits))
    session.run_with_iobinding(binding)
    return {name: bits.view(ml_dtypes.bfloat16) for name, bits in results.items()}


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print(f"usage: {sys.argv[0]} DIRECTORY", file=sys.stderr)
        return 2
    root = Path(arguments[0])
    index = [
        {
            "name": m.name,
            "path": str(m.path.relative_to(root)),
            "inputs": m.input_names,
            "outputs": m.output_names,
            "optional_inputs": m.optional_inputs,
            "row_independent": m.row_independent,
            "batch_axis": m.batch_axis,
            "rows": m.rows,
            "tolerance": m.tolerance,
            "facts": dict(m.facts),
        }
        for m in build_zoo(root)
    ]
    (root / "zoo.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(index)} models in {root}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
