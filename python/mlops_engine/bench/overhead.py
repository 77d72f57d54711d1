"""What the engine adds to a bare run of a model: the C++ micro-benchmark ``mlops-overhead``."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

from mlops_engine.bench.loadgen import find_program
from mlops_engine.bench.table import markdown, number

LIMIT_S = 120


def ort_library() -> Path | None:
    """Find the shared library inside the installed onnxruntime wheel, without importing it."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "capi").glob("libonnxruntime.so*"))
    return found[-1] if found else None


def measure(model: Path, batch: int) -> dict[str, Any] | str:
    """Run the micro-benchmark.

    Parameters
    ----------
    model : Path
        ONNX file with one FP32 input.
    batch : int
        Rows in one request.

    Returns
    -------
    dict or str
        Its JSON object (``mlops-overhead/1``), or why there is none.
    """
    program, library = find_program("mlops-overhead"), ort_library()
    if program is None or library is None:
        return "mlops-overhead or the onnxruntime wheel was not found"
    command = [str(program), "--ort-library", str(library)]
    command += ["--model", str(model), "--batch", str(batch)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode != 0:
        return done.stderr.strip()
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def render(result: dict[str, Any]) -> str:
    """Lay out a result as a Markdown table, in nanoseconds."""
    figures = dict(result["p50_ns"])
    figures["engine over bare"] = result["engine_over_bare_ns"]
    figures["engine over bare, arena"] = result["engine_over_bare_arena_ns"]
    rows = [
        (
            name,
            *(
                f"{'-' if f[key] < 0 else ''}{number(abs(f[key]))}"
                for key in ("median", "p5", "p95")
            ),
        )
        for name, f in figures.items()
    ]
    return markdown(("C++, ns per call", "median", "p5", "p95"), rows)
