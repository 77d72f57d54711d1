"""All that the file asks to be found out about a model, beside its quality: one judge a section."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlops_engine import evaluation as ev
from mlops_engine.errors import InvalidArgument
from mlops_engine.registry.hashing import digest_file

from .champion import champion_digest, champion_scores
from .models import Data, Fitted
from .sections import Cases, Suspicion
from .stage import Context

__all__ = ["gather", "observed"]

EXPLAINED_ROWS = 5000


def observed(context: Context) -> dict[str, Any]:
    """Return what decides a judgement and is not in the file: cases, and who is champion."""
    found: dict[str, Any] = {}
    if "cases" in context.plan.sections:
        found["cases"] = digest_file(_cases_file(context)).sha256
    if "champion" in context.plan.sections:
        found["champion"] = champion_digest(context)
    return found


def gather(
    context: Context,
    fitted: Fitted,
    data: Data,
    x: npt.NDArray[np.float32],
    *,
    y: npt.NDArray[np.float64],
    frame: pl.DataFrame,
) -> dict[str, Any]:
    """Judge a model on test rows.

    The model itself is asked; that the graph says the same is the export's to prove.

    Parameters
    ----------
    data
        What it was fitted on, for leaks and poison.
    x, y, frame
        The test rows: features, answers and the columns that were kept.
    """
    settings, sections = context.section("evaluation"), context.plan.sections
    names = context.facts["features"]["features"]
    score = fitted.score(x)
    found: dict[str, Any] = {"evaluation": ev.evaluate(y, score, frame, settings)}
    if settings.slices:
        found["slices"] = ev.slices(y, score, frame, settings)
    if "champion" in sections:
        champion = champion_scores(context, x, context.read_json("features", "columns.json"))
        if champion is not None:
            found["comparison"] = ev.compare(y, champion, score, frame, settings)
    if "robustness" in sections:
        disturbed = context.section("robustness")
        found["robustness"] = ev.robustness(fitted.score, x, names, settings.threshold, disturbed)
    if "cases" in sections:
        cases = ev.read_cases(_cases_file(context))
        found["cases"] = ev.run_cases(cases, fitted.score, names, settings.threshold)
    if "suspicion" in sections:
        found |= _suspicion(context.section("suspicion"), context.seed, data, names)
    if fitted.kind == "lightgbm":
        some = np.linspace(0, len(x) - 1, min(len(x), EXPLAINED_ROWS), dtype=np.int64)
        found["explanation"] = ev.explain(fitted.model, x[some], names)
    return found


def _suspicion(settings: Suspicion, seed: int, data: Data, names: list[str]) -> dict[str, Any]:
    later = data.validation_x, data.validation_y
    poison = ev.find_poison(data.x, data.y, *later, rows_max=settings.poison_rows, seed=seed)
    return {"leaks": ev.find_leaks(data.x, data.y, *later, names), "poison": poison}


def _cases_file(context: Context) -> Any:
    settings: Cases = context.section("cases")
    file = context.path(settings.file)
    if not file.is_file():
        raise InvalidArgument(f"[cases] there is no file {file}")
    return file
