"""The graph in the real engine on this machine: does it load, answer, and fit its budgets."""

from __future__ import annotations

import numpy as np

from mlops_engine.evaluation import GateRule, convert, run_gates
from mlops_engine.evaluation.serving import trial

from ..sections import Bench
from ..stage import Context, Facts
from .export import MODEL
from .features import matrix_of, read_rows
from .quantize import served
from .split import parts_of

__all__ = ["run"]

# Whatever else the file asks for: a version that the engine cannot load is none.
LOADS = {"loads": GateRule(of="trial.loaded", min=1.0)}


def run(context: Context) -> Facts:
    """Try, and judge; times are kept in `trial.json`."""
    from mlops_engine.train import export

    settings: Bench = context.section("bench")
    test = np.flatnonzero(parts_of(context)["test"])[: settings.rows]
    rows = matrix_of(context, read_rows(context))[test]
    found = trial(served(context) / MODEL, rows, output=export.PROBABILITIES)
    (context.out / "trial.json").write_bytes(found.to_json())
    rules = LOADS | convert(settings.gates, dict[str, GateRule])
    gates = run_gates(rules, {"trial": found})
    (context.out / "gates.json").write_bytes(gates.to_json())
    for result in gates.results:
        context.progress.step(f"  {result.verdict:<7} {result.gate}: {result.reason}")
    failed = [f"{r.gate}: {r.reason}" for r in gates.results if r.gate in gates.failed]
    return {"passed": gates.passed, "failed": failed}
