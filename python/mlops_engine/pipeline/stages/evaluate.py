"""What the model is worth on rows that it has not seen: metrics with intervals, and slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from mlops_engine.evaluation import Measure, evaluate, slices
from mlops_engine.evaluation.measures import to_json

from ..stage import Context, Facts
from .features import label_of, read_rows
from .split import parts_of
from .train import SCORES

__all__ = ["MEASURES", "Said", "run"]

# What gates are put on, by the name of the evidence.
MEASURES = "measures.json"


class Said(msgspec.Struct, frozen=True):
    """Measures that an earlier stage wrote down."""

    found: Mapping[str, Measure]

    def measures(self) -> Mapping[str, Measure]:
        """Return the measures by name."""
        return self.found


def run(context: Context) -> Facts:
    """Judge on the test part, which no other stage has looked at."""
    settings = context.section("evaluation")
    rows, score = read_rows(context), np.load(context.inputs["train"] / SCORES)
    y, test = label_of(context, rows), parts_of(context)["test"]
    frame = rows.filter(test)
    found = evaluate(y[test], score[test], frame, settings)
    (context.out / "evaluation.json").write_bytes(found.to_json())
    evidence: dict[str, Any] = {"evaluation": found.measures()}
    if settings.slices:
        parts = slices(y[test], score[test], frame, settings)
        (context.out / "slices.json").write_bytes(to_json(parts))
        evidence["slices"] = parts.measures()
    plain = msgspec.to_builtins(evidence)
    (context.out / MEASURES).write_bytes(msgspec.json.encode(plain))
    for name, measure in found.metrics.items():
        interval = "" if measure.low is None else f" ({measure.low:.4f} to {measure.high:.4f})"
        context.progress.step(f"  {name} {measure.value:.4f}{interval}")
    return {
        "rows": found.rows,
        "metrics": {name: [m.value, m.low, m.high] for name, m in found.metrics.items()},
    }
