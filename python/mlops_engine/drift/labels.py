"""Labels that come late, joined to predictions by request id, and what they say of a model."""

from __future__ import annotations

import secrets
from typing import Literal

from mlops_engine._native import core

__all__ = ["LabelJoin"]


class LabelJoin(core.LabelJoin):
    """Joins late labels to predictions, in fixed memory (ADR 36).

    ``predicted(id, score, predicted, time=, version=)`` stores a prediction, ``label(id, label,
    time=)`` says what became of a label: joined, duplicated, late, unknown or inadmissible.
    ``realised(version, span=)`` is the quality of predictions made in the slots that began within
    the last `span` seconds, with label coverage and quantiles of the delay in seconds; ``counts()``
    counts each prediction and label once. ``calibration_wealth(version)`` is the most that a bet
    against "scores are chances" ever held: above 1/alpha, they are not, with a chance of error of
    at most alpha. Times are seconds and never run backwards.

    Parameters
    ----------
    task
        ``"binary"`` (the score is the chance of class 1), ``"classes"`` or ``"regression"`` (the
        score is the number).
    classes
        Of the task ``"classes"``, 2 to 64.
    bytes
        Memory of the predictions kept; the oldest make room.
    keep
        Seconds for which a label may come.
    slot, slots
        Seconds of a slot of time, and how many there are.
    versions
        Versions that are told apart; predictions of further ones are refused.

    Examples
    --------
    >>> join = LabelJoin(slot=60)
    >>> join.predicted("a", 0.9, 1, time=0)
    >>> join.predicted("b", 0.8, 1, time=30)
    >>> join.label("a", 1, time=3600), join.label("c", 1, time=3600)
    ('joined', 'unknown')
    >>> hour = join.realised(span=7200)
    >>> hour["accuracy"], hour["coverage"]
    (1.0, 0.5)
    """

    def __init__(
        self,
        *,
        task: Literal["binary", "classes", "regression"] = "binary",
        classes: int = 2,
        bytes: int = 64 << 20,
        keep: float = 86_400.0,
        slot: float = 600.0,
        slots: int = 144,
        versions: int = 4,
    ) -> None:
        # The seed keeps clients from choosing ids that collide.
        super().__init__(task, classes, bytes, keep, slot, slots, versions, secrets.randbits(64))
