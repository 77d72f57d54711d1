"""A challenger against the champion, on the same rows under the same draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from .columns import blocks_of, labels_and_scores
from .delong import delong, mcnemar
from .evaluate import weighted_metrics
from .measures import Measure, to_json
from .metrics import METRICS
from .resampling import Draws
from .settings import EvaluationSettings
from .slices import Slices, slices

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Comparison", "compare"]


class DeLongFacts(msgspec.Struct, frozen=True):
    """The difference of two AUCs if all rows were independent."""

    error: float
    z: float
    p: float


class Comparison(msgspec.Struct, frozen=True):
    """What the challenger gains, positive where it is better, whatever the metric's direction.

    Attributes
    ----------
    verdict
        Of the main metric: `better`, `not_worse` (by more than the margin), `worse` (surely, by
        more than the margin) or `undecided`.
    """

    rows: int
    blocks: int
    confidence: float
    metric: str
    margin: float
    verdict: str
    gains: dict[str, Measure]
    slices: Slices
    delong: DeLongFacts | None = None
    mcnemar_p: float | None = None

    def measures(self) -> dict[str, Measure]:
        """Return `gain` (of the main metric), `gain.<metric>`, and `slices.worst`."""
        found = {f"gain.{name}": gain for name, gain in self.gains.items()}
        found["gain"] = self.gains[self.metric]
        found |= {f"slices.{name}": each for name, each in self.slices.measures().items()}
        return found

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def compare(
    y: Any, champion: Any, challenger: Any, frame: pl.DataFrame, settings: EvaluationSettings
) -> Comparison:
    """Compare two models on the same rows.

    Parameters
    ----------
    y, champion, challenger
        Labels, and what the two models say, one a row.
    frame
        The same rows, with the columns that `settings` names.

    Raises
    ------
    InvalidArgument
        Labels, scores and rows do not belong together, or a column is missing.
    """
    binary = settings.task == "binary"
    y, old, new = labels_and_scores(y, [champion, challenger], frame.height, binary=binary)
    draws = Draws(
        blocks_of(frame, settings.time, settings.block_s), settings.resamples, settings.seed
    )
    draws.check()
    of_old, of_new = (weighted_metrics(y, score, frame, settings) for score in (old, new))
    compared = {name: _sign(name) for name in of_new if name != "rate"}

    def gains_of(weights: Any) -> list[float]:
        return [
            sign * (of_new[name](weights) - of_old[name](weights))
            for name, sign in compared.items()
        ]

    values = gains_of(np.ones(len(y)))
    replicates = np.array([gains_of(w) for w in draws])
    gains = {
        name: Measure.of(draws.interval(values[i], replicates[:, i], settings.alpha))
        for i, name in enumerate(compared)
    }
    both = [len(set(y)) == 2 and min((y == 1).sum(), (y == 0).sum()) >= 2, binary]
    facts = delong(y, old, new) if all(both) else None
    decisions = [(score >= settings.threshold).astype(np.float64) for score in (old, new)]
    return Comparison(
        rows=len(y),
        blocks=draws.count,
        confidence=1 - settings.alpha,
        metric=settings.main_metric,
        margin=settings.margin,
        verdict=_verdict(gains[settings.main_metric], settings.margin),
        gains=gains,
        slices=slices(y, new, frame, settings, champion=old),
        delong=DeLongFacts(facts.error, facts.z, facts.p) if facts else None,
        mcnemar_p=mcnemar(y, *decisions) if binary else None,
    )


def _sign(name: str) -> int:
    if name in METRICS:
        return 1 if METRICS[name].higher_is_better else -1
    return -1 if name == "calibration_error" else 1


def _verdict(gain: Measure, margin: float) -> str:
    low = -np.inf if gain.low is None else gain.low
    high = np.inf if gain.high is None else gain.high
    if low > 0:
        return "better"
    if high < -margin:
        return "worse"
    return "not_worse" if low > -margin else "undecided"
