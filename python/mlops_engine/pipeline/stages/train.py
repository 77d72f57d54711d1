"""Fits the model, and scores every row with it."""

from __future__ import annotations

import numpy as np

from ..models import fit, loss
from ..stage import Context, Facts
from .features import matrix_of, read_rows
from .hpo import data_of

__all__ = ["run"]

SCORES = "scores.npy"


def run(context: Context) -> Facts:
    """Fit with the file's parameters, and those that the search found."""
    settings = context.section("train")
    data = data_of(context)
    found = context.facts.get("hpo", {}).get("parameters", {})

    def report(done: int, total: int, _: float) -> None:
        context.progress.bar("  fitting", done, total)

    fitted = fit(settings, data, context.seed, found, report)
    fitted.save(context.out)
    scores = fitted.score(matrix_of(context, read_rows(context)))
    np.save(context.out / SCORES, scores)
    validation = fitted.score(data.validation_x)
    return {
        "kind": fitted.kind,
        "rounds": fitted.rounds,
        "parameters": {**settings.parameters, **found},
        "refit": settings.refit,
        "validation_log_loss": loss("log_loss", data.validation_y, validation),
    }
