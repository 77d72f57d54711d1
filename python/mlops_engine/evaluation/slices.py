"""Where a model is worse than elsewhere: slices, with intervals that hold all at once.

With a champion, a slice's difference is what the challenger gains in it. Without one, it is how
much better the slice is than all rows. Twenty slices at 95 % each would accuse an innocent slice in
most reports; the bounds here are of the largest deviation over all slices (max-t), which keeps the
chance of any false accusation at alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from .columns import Floats, blocks_of, groups_of
from .measures import Measure
from .metrics import metric
from .resampling import Draws, max_t
from .settings import EvaluationSettings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Slice", "Slices", "slices"]


class Slice(msgspec.Struct, frozen=True):
    """One slice: its rows, the metric in it, and the difference with its simultaneous interval."""

    column: str
    value: str
    rows: int
    metric: float
    difference: Measure


class Slices(msgspec.Struct, frozen=True):
    """All slices that have rows enough, and the names of those that have not."""

    metric: str
    against: str
    judged: list[Slice]
    small: list[str] = []

    def measures(self) -> dict[str, Measure]:
        """Return `worst`: the least difference, and the least of the bounds."""
        known = [s for s in self.judged if np.isfinite(s.difference.value)]
        if not known:
            return {}
        # The gate that asks for evidence of harm must see the slice with most of it.
        worst = min(known, key=lambda s: (s.difference.high or 0.0, s.difference.value))
        least = min(known, key=lambda s: s.difference.value)
        low = min(s.difference.low if s.difference.low is not None else -np.inf for s in known)
        detail = f"{worst.column}={worst.value}, {worst.rows} rows"
        return {"worst": Measure(least.difference.value, low, worst.difference.high, detail)}


def slices(
    y: Floats,
    score: Floats,
    frame: pl.DataFrame,
    settings: EvaluationSettings,
    champion: Floats | None = None,
) -> Slices:
    """Judge every value of every column in `settings.slices`."""
    chosen = metric(settings.main_metric, settings.task)
    sign = 1 if chosen.higher_is_better else -1
    found: list[tuple[str, str, Any]] = []
    small = []
    for name in settings.slices:
        for value, rows in groups_of(frame, name, settings.slice_values_max):
            if rows.sum() < settings.slice_rows_min:
                small.append(f"{name}={value}")
            else:
                found.append((name, value, np.flatnonzero(rows)))
    against = "all rows" if champion is None else "champion"
    if not found:
        return Slices(chosen.name, against, [], small)
    draws = Draws(
        blocks_of(frame, settings.time, settings.block_s), settings.resamples, settings.seed
    )
    draws.check()
    inside = [chosen.prepare(y[rows], score[rows]) for _, _, rows in found]
    before = [] if champion is None else [chosen.prepare(y[r], champion[r]) for _, _, r in found]
    whole = chosen.prepare(y, score)

    def differences(weights: Floats) -> list[float]:
        drawn = [weights[rows] for _, _, rows in found]
        base = [f(w) for f, w in zip(before, drawn, strict=True)] if before else None
        if base is None:
            base = [whole(weights)] * len(found)
        return [sign * (f(w) - b) for f, w, b in zip(inside, drawn, base, strict=True)]

    values = np.array(differences(np.ones(len(y))))
    replicates = np.array([differences(w) for w in draws])
    intervals = max_t(values, replicates, settings.alpha, draws.count)
    judged = [
        Slice(name, value, len(rows), f(np.ones(len(rows))), Measure.of(interval))
        for (name, value, rows), f, interval in zip(found, inside, intervals, strict=True)
    ]
    return Slices(chosen.name, against, judged, small)
