"""A black-box attack on a small budget: what somebody could do who can only ask.

Each row keeps the best point found, and tries another within reach of the original; a try that
brings the score nearer to the other side of the threshold is kept (a random search over few
features at a time, as in SimBA and Square Attack). All rows move together, so that the model is
asked in batches.
"""

from __future__ import annotations

import numpy as np

from .columns import Floats
from .scorer import Rows, Scorer
from .settings import AttackSettings

__all__ = ["attack"]


def attack(
    scorer: Scorer,
    rows: Rows,
    spread: Floats,
    threshold: float,
    *,
    settings: AttackSettings,
    random: np.random.Generator,
) -> Floats:
    """Return the worst score found of each row.

    Parameters
    ----------
    spread
        Standard deviation of each feature; those with 0 are not touched.
    """
    reach = (spread * settings.reach).astype(rows.dtype)
    best = rows.copy()
    score = scorer(rows)
    # Rows that say yes are pushed down, the others up.
    direction = np.where(score >= threshold, -1.0, 1.0)
    movable = np.flatnonzero(reach > 0)
    if not len(movable):
        return score
    for step in range(settings.queries):
        open_ = np.flatnonzero(np.isfinite(score) & (direction * (score - threshold) < 0))
        if not len(open_):
            break
        # Many features at first, to go far; few later, to keep what works.
        share = max(1, round(len(movable) * 0.5 ** (4 * step / settings.queries)))
        tried = best[open_]
        for place in range(len(open_)):
            some = random.choice(movable, share, replace=False)
            signs = random.choice(np.array([-1, 1], rows.dtype), share)
            tried[place, some] = rows[open_[place], some] + signs * reach[some]
        found = scorer(tried)
        # Not finite is as bad as a flip, and ends the search for that row.
        better = ~np.isfinite(found) | (direction[open_] * (found - score[open_]) > 0)
        best[open_[better]] = tried[better]
        score[open_[better]] = found[better]
    return score
