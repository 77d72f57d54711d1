"""One model on held-out rows: metrics with intervals, calibration, value, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from .calibration import Bin, calibration_error, reliability
from .columns import blocks_of, labels_and_scores
from .fairness import Fairness, fairness
from .measures import Measure, to_json
from .metrics import Weighted, mean_of, metric, names
from .resampling import Draws
from .settings import EvaluationSettings
from .value import row_values

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Evaluation", "evaluate"]


class Evaluation(msgspec.Struct, frozen=True):
    """What one model is worth.

    Attributes
    ----------
    blocks
        Independent blocks behind every interval.
    metrics
        By name; `value` is the mean value of a decision, `rate` that of the labels.
    """

    task: str
    rows: int
    blocks: int
    confidence: float
    metrics: dict[str, Measure]
    reliability: list[Bin] = []
    fairness: dict[str, Fairness] = {}

    def measures(self) -> dict[str, Measure]:
        """Return all figures: `auc`, ..., and `fairness.<gap>` over all protected columns."""
        found = dict(self.metrics)
        for name, report in self.fairness.items():
            for gap, measure in report.gaps.items():
                worst = found.get(f"fairness.{gap}")
                if worst is None or measure.value > worst.value:
                    detail = f"{name}: {measure.detail}"
                    found[f"fairness.{gap}"] = msgspec.structs.replace(measure, detail=detail)
        return found

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def evaluate(y: Any, score: Any, frame: pl.DataFrame, settings: EvaluationSettings) -> Evaluation:
    """Judge one model.

    Parameters
    ----------
    y, score
        Labels and what the model says, one a row; probabilities for a binary task.
    frame
        The same rows, with the columns that `settings` names.

    Raises
    ------
    InvalidArgument
        Labels, scores and rows do not belong together, or a column is missing.
    """
    binary = settings.task == "binary"
    y, score = labels_and_scores(y, [score], frame.height, binary=binary)
    draws = Draws(
        blocks_of(frame, settings.time, settings.block_s), settings.resamples, settings.seed
    )
    draws.check()
    prepared = weighted_metrics(y, score, frame, settings)
    replicates = np.array([[f(w) for f in prepared.values()] for w in draws])
    ones = np.ones(len(y))
    measures = {
        name: Measure.of(draws.interval(f(ones), replicates[:, i], settings.alpha))
        for i, (name, f) in enumerate(prepared.items())
    }
    groups = {}
    if binary:
        groups = {
            c: fairness(y, score, frame, c, draws=draws, settings=settings)
            for c in settings.protected
        }
    return Evaluation(
        task=settings.task,
        rows=len(y),
        blocks=draws.count,
        confidence=1 - settings.alpha,
        metrics=measures,
        reliability=reliability(y, score, settings.calibration_bins) if binary else [],
        fairness=groups,
    )


def weighted_metrics(
    y: Any, score: Any, frame: pl.DataFrame, settings: EvaluationSettings
) -> dict[str, Weighted]:
    """Return all metrics of a task as functions of row weights."""
    found = {name: metric(name, settings.task).prepare(y, score) for name in names(settings.task)}
    if settings.task == "binary":
        found["calibration_error"] = calibration_error(y, score, settings.calibration_bins)
        found["accuracy"] = mean_of(((score >= settings.threshold) == (y == 1)).astype(np.float64))
        found["rate"] = mean_of(y)
    if settings.value is not None:
        rows = row_values(y, score, settings.threshold, frame, settings.value)
        found["value"] = mean_of(rows)
    return found
