"""A variant of the graph in fewer bits: judged here, and served only if right and quicker."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mlops_engine import Engine, evaluation
from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation.measures import to_json
from mlops_engine.quantize import Gate, MissingExtraError, QuantizeError, QuantizeOptions, quantize
from mlops_engine.quantize.options import DEFAULT_GATES

from ..sections import Quantize
from ..stage import Context, Facts
from .export import MODEL, write_golden
from .features import label_of, matrix_of, read_rows
from .split import parts_of

__all__ = ["REPORT", "run", "served"]

REPORT = "quantization.json"


def served(context: Context) -> Path:
    """Return the folder of what is to be served: the variant if it was kept, else the export."""
    kept = context.facts.get("quantize", {}).get("kept", False)
    return context.inputs["quantize" if kept else "export"]


def run(context: Context) -> Facts:
    """Make the variant; one that is refused is no failure: the float graph is served then."""
    settings: Quantize = context.section("quantize")
    rows = read_rows(context)
    x, y, parts = matrix_of(context, rows), label_of(context, rows), parts_of(context)
    random = np.random.default_rng(context.seed)
    fitted, judged = (_some(random, parts[p], settings.rows) for p in ("train", "validation"))
    from mlops_engine.train import export

    with tempfile.TemporaryDirectory(prefix="mlops-quantize-") as scratch:
        try:
            outcome = quantize(
                context.inputs["export"] / MODEL,
                scratch,
                {export.INPUT: x[fitted]},
                _options(settings),
                held_out={export.INPUT: x[judged]},
                labels=y[judged].astype(np.int64),
                say=lambda line: context.progress.step(f"  {line}"),
            )
        except MissingExtraError:
            raise
        except QuantizeError as error:
            raise InvalidArgument(f"[quantize] {error}") from error
        (context.out / REPORT).write_bytes(to_json(dict(outcome.report)))
        refusals = list(outcome.refusals)
        if outcome.directory is not None:
            shutil.copyfile(outcome.directory / MODEL, context.out / MODEL)
    refusals += _mixes_rows(context) if not refusals else []
    if not refusals:
        validation = parts["validation"]
        refusals += _loses(context, x[validation], y[validation], rows.filter(validation))
    if refusals:
        (context.out / MODEL).unlink(missing_ok=True)
    else:
        graph = (context.out / MODEL).read_bytes()
        scores = export.run_onnx(graph, x[parts["test"]])[1][:, 1]
        write_golden(context, x[parts["test"]], scores)
    said = f"not kept: {'; '.join(refusals)}" if refusals else f"{settings.method} is kept"
    context.progress.step(f"  {said}")
    return {"kept": not refusals, "method": settings.method, "refusals": refusals}


def _options(settings: Quantize) -> QuantizeOptions:
    return QuantizeOptions(
        method=settings.method,
        calibration=settings.calibration,
        gates=tuple(Gate.parse(gate) for gate in settings.gates) or DEFAULT_GATES,
        float_layers_max=settings.float_layers_max,
        speedup_min=settings.speedup_min,
    )


def _mixes_rows(context: Context) -> list[str]:
    """Ask the engine whether rows stand alone: else it can neither batch nor count drift."""
    with Engine() as engine:
        for name, folder in (("full", context.inputs["export"]), ("fewer", context.out)):
            engine.load(name, folder / MODEL, execution="onnxruntime")
        full, fewer = engine.model("full"), engine.model("fewer")
    return [fewer.batching_reason] if full.batchable and not fewer.batchable else []


def _loses(context: Context, x: Any, y: Any, frame: Any) -> list[str]:
    """Compare with the float graph on the validation part, pair by pair."""
    from mlops_engine.train import export

    graphs = (context.inputs["export"] / MODEL, context.out / MODEL)
    full, fewer = (export.run_onnx(graph.read_bytes(), x)[1][:, 1] for graph in graphs)
    found = evaluation.compare(y, full, fewer, frame, context.section("evaluation"))
    gain, most = found.gains["auc"], context.section("quantize").auc_loss_max
    low = gain.low if gain.low is not None else -np.inf
    context.progress.step(f"  AUC changes by {gain.value:+.5f}, at worst {low:+.5f}")
    return [] if low >= -most else [f"AUC may fall by {-low:.5f}, more than {most:g}"]


def _some(random: np.random.Generator, part: Any, most: int) -> Any:
    there = np.flatnonzero(part)
    return np.sort(random.choice(there, min(most, len(there)), replace=False))
