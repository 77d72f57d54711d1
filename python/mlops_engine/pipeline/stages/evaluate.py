"""What the model is worth on rows that it has not seen, in every way that the file asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from mlops_engine import evaluation
from mlops_engine.evaluation import Evidence, Measure
from mlops_engine.evaluation.measures import to_json
from mlops_engine.registry.hashing import digest_file

from ..champion import champion_of, score_with
from ..models import load
from ..sections import Cases, Suspicion
from ..stage import Context, Facts
from .features import COLUMNS, codes_of, label_of, matrix_of, read_rows
from .split import parts_of
from .train import SCORES

__all__ = ["MEASURES", "SECTIONS", "Said", "observe", "run"]

# What gates are put on, by the name of the evidence; and what the model card says of it.
MEASURES, SECTIONS = "measures.json", "sections.json"


class Said(msgspec.Struct, frozen=True):
    """Measures that an earlier stage wrote down."""

    found: Mapping[str, Measure]

    def measures(self) -> Mapping[str, Measure]:
        """Return the measures by name."""
        return self.found


def observe(context: Context) -> Any:
    """Say which version is the champion, and digest the cases."""
    champion, cases = champion_of(context), context.plan.sections.get("cases")
    return {
        "champion": champion.digest if champion is not None else None,
        "cases": digest_file(context.path(cases.path)).sha256 if cases else None,
    }


def run(context: Context) -> Facts:
    """Judge on the test part, which no other stage has looked at."""
    settings = context.section("evaluation")
    rows, score = read_rows(context), np.load(context.inputs["train"] / SCORES)
    x, y, test = matrix_of(context, rows), label_of(context, rows), parts_of(context)["test"]
    frame = rows.filter(test)
    found = evaluation.evaluate(y[test], score[test], frame, settings)
    evidence: dict[str, Evidence] = {"evaluation": found}
    if settings.slices:
        evidence["slices"] = evaluation.slices(y[test], score[test], frame, settings)
    champion, unasked = champion_of(context), None
    if champion is not None:
        theirs = score_with(champion, x[test], context.read_json("features", COLUMNS))
        if isinstance(theirs, str):
            unasked = theirs
            context.progress.step(f"  {theirs}")
        else:
            evidence["comparison"] = evaluation.compare(
                y[test], theirs, score[test], frame, settings
            )
    evidence |= _asked_again(context, x[test])
    evidence |= _suspicion(context)
    _write(context, evidence)
    for name, measure in found.metrics.items():
        interval = "" if measure.low is None else f" ({measure.low:.4f} to {measure.high:.4f})"
        context.progress.step(f"  {name} {measure.value:.4f}{interval}")
    return {
        "rows": found.rows,
        "metrics": {name: [m.value, m.low, m.high] for name, m in found.metrics.items()},
        "champion": champion.digest if champion is not None else None,
        "champion_unasked": unasked,
    }


def _asked_again(context: Context, x: Any) -> dict[str, Evidence]:
    """Disturb the test rows, and ask about the cases.

    The fitted model is asked: what is exported says the same, or the stage `export` ends the run.
    """
    found: dict[str, Evidence] = {}
    scorer, names = load(context.inputs["train"]), context.facts["features"]["features"]
    threshold = context.section("evaluation").threshold
    disturbed = context.plan.sections.get("robustness")
    if disturbed is not None:
        if not disturbed.categories:
            disturbed = msgspec.structs.replace(disturbed, categories=codes_of(context))
        found["robustness"] = evaluation.robustness(scorer, x, names, threshold, disturbed)
    cases: Cases | None = context.plan.sections.get("cases")
    if cases is not None:
        asked = evaluation.read_cases(context.path(cases.path))
        found["cases"] = evaluation.run_cases(asked, scorer, names, threshold)
    return found


def _suspicion(context: Context) -> dict[str, Evidence]:
    """Look for leaks and flipped labels in what the model learned from."""
    settings: Suspicion | None = context.plan.sections.get("suspicion")
    if settings is None:
        return {}
    rows = read_rows(context)
    x, y, parts = matrix_of(context, rows), label_of(context, rows), parts_of(context)
    names = context.facts["features"]["features"]
    train, validation = parts["train"], parts["validation"]
    judged, trusted = train, validation
    if settings.trusted is not None:
        from mlops_engine.evaluation.columns import column

        sure = column(rows, settings.trusted).fill_null(False).to_numpy()
        judged, trusted = train & ~sure, (train | validation) & sure
    return {
        "leaks": evaluation.find_leaks(x[train], y[train], x[validation], y[validation], names),
        "poison": evaluation.find_poison(
            x[judged],
            y[judged],
            x[trusted],
            y[trusted],
            rows_max=settings.rows,
            seed=context.seed,
        ),
    }


def _write(context: Context, evidence: Mapping[str, Any]) -> None:
    for name, each in evidence.items():
        (context.out / f"{name}.json").write_bytes(to_json(each))
    plain = msgspec.to_builtins({name: each.measures() for name, each in evidence.items()})
    (context.out / MEASURES).write_bytes(msgspec.json.encode(plain))
    named = ("evaluation", "comparison", "robustness")
    shown = {name: evidence[name] for name in named if name in evidence}
    context.write_json(SECTIONS, evaluation.card_sections(**shown))
