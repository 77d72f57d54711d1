"""What the model is worth on rows that it has not seen, and all else that gates may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mlops_engine.evaluation import Measure, card_sections

from .. import evidence
from ..models import load
from ..stage import Context, Facts
from .features import label_of, matrix_of, read_rows
from .hpo import data_of
from .split import parts_of

__all__ = ["MEASURES", "SECTIONS", "Said", "observe", "run"]

# What gates are put on, by the name of the evidence; and what the card says of it.
MEASURES, SECTIONS = "measures.json", "card_sections.json"
_ON_CARD = ("evaluation", "comparison", "robustness", "explanation")


class Said(msgspec.Struct, frozen=True):
    """Measures that an earlier stage wrote down."""

    found: Mapping[str, Measure]

    def measures(self) -> Mapping[str, Measure]:
        """Return the measures by name."""
        return self.found


def observe(context: Context) -> Any:
    """Return the cases and the champion that it is judged by."""
    return evidence.observed(context)


def run(context: Context) -> Facts:
    """Judge on the test part, which no other stage has looked at."""
    rows = read_rows(context)
    x, y, test = matrix_of(context, rows), label_of(context, rows), parts_of(context)["test"]
    fitted = load(context.inputs["train"])
    found = evidence.gather(
        context, fitted, data_of(context), x[test], y=y[test], frame=rows.filter(test)
    )
    measures = {name: each.measures() for name, each in found.items()}
    for name, each in found.items():
        if hasattr(each, "to_json"):
            (context.out / f"{name}.json").write_bytes(each.to_json())
    (context.out / MEASURES).write_bytes(msgspec.json.encode(msgspec.to_builtins(measures)))
    context.write_json(SECTIONS, card_sections(**{n: found.get(n) for n in _ON_CARD}))
    for name, measure in found["evaluation"].metrics.items():
        interval = "" if measure.low is None else f" ({measure.low:.4f} to {measure.high:.4f})"
        context.progress.step(f"  {name} {measure.value:.4f}{interval}")
    metrics = found["evaluation"].metrics.items()
    return {
        "rows": found["evaluation"].rows,
        "metrics": {name: [m.value, m.low, m.high] for name, m in metrics},
        "evidence": sorted(found),
        # Part of the lineage: whom it had to beat.
        "champion": observe(context).get("champion"),
    }
