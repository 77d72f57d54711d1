"""What is too good, or wrong, in the rows that a model learned from.

*Leaks*: a feature that says nearly everything alone was probably written down after the fact. A
shallow tree over that feature only is trained on training rows and judged on validation rows, so
that any shape counts, not just a rising one.

*Poison*: labels that somebody flipped are contradicted by models that did not learn from them.
Predictions of training rows, out of fold, are compared with their labels, and those of trusted rows
with theirs: noise in the task itself is on both sides, flips only on one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats
from .measures import Measure, to_json
from .metrics import METRICS
from .scorer import Rows

__all__ = ["Leaks", "Poison", "find_leaks", "find_poison"]


class Leaks(msgspec.Struct, frozen=True):
    """AUC of each feature alone, and rows that training and test have in common."""

    alone: dict[str, float]
    shared_rows: float

    def measures(self) -> dict[str, Measure]:
        """Return `alone` (the best single feature) and `shared_rows`."""
        best = max(self.alone, key=lambda name: self.alone[name])
        return {
            "alone": Measure(self.alone[best], detail=best),
            "shared_rows": Measure(self.shared_rows),
        }

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


class Poison(msgspec.Struct, frozen=True):
    """Shares of rows whose label a model contradicts surely, in training and in trusted rows."""

    training: float
    trusted: float
    excess: Measure
    rows: int

    def measures(self) -> dict[str, Measure]:
        """Return `excess`: how much more is contradicted in training than in trusted rows."""
        return {"excess": self.excess}

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def find_leaks(
    x: Rows, y: Floats, validation_x: Rows, validation_y: Floats, names: Sequence[str]
) -> Leaks:
    """Judge each feature alone, and look for test rows that were trained on."""
    from sklearn.tree import DecisionTreeClassifier

    if x.shape[1] != len(names) or validation_x.shape[1] != len(names):
        raise InvalidArgument(f"rows have not the {len(names)} features that are named")
    leaf = max(20, len(x) // 1000)
    alone = {}
    for position, name in enumerate(names):
        tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=leaf, random_state=0)
        tree.fit(x[:, [position]], y)
        if len(tree.classes_) < 2:
            raise InvalidArgument("leaks are looked for among rows of both classes")
        score = tree.predict_proba(validation_x[:, [position]])[:, 1]
        alone[name] = METRICS["auc"](validation_y, score)
    return Leaks(alone, _shared(x, validation_x))


def _shared(x: Rows, other: Rows) -> float:
    """Return the share of other rows that are in `x`, bit for bit."""
    known = {row.tobytes() for row in np.ascontiguousarray(x)}
    return sum(row.tobytes() in known for row in np.ascontiguousarray(other)) / len(other)


def find_poison(
    x: Rows,
    y: Floats,
    trusted_x: Rows,
    trusted_y: Floats,
    *,
    rows_max: int = 20_000,
    alpha: float = 0.05,
    seed: int = 0,
) -> Poison:
    """Compare how often labels are surely contradicted in training and in trusted rows.

    "Surely" is as the confident learning of Northcutt and others (2021) has it: the probability of
    the other class is at least what rows of that class have on average.

    Parameters
    ----------
    trusted_x, trusted_y
        Rows whose labels come from where nobody could write, of the same time as far as possible:
        drift between the two is contradiction too.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(seed)
    some = np.sort(random.choice(len(x), min(len(x), rows_max), replace=False))
    x, y = x[some], y[some]
    inside, outside = np.zeros(len(x)), np.zeros(len(trusted_x))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    # Threads that spin for each other take many times as long where cores are shared.
    with threadpool_limits(1):
        for train, left_out in folds.split(x, y):
            model = HistGradientBoostingClassifier(max_iter=60, max_depth=4, random_state=seed)
            model.fit(x[train], y[train])
            inside[left_out] = model.predict_proba(x[left_out])[:, 1]
            outside += model.predict_proba(trusted_x)[:, 1] / folds.get_n_splits()
    # The bars are those of the trusted rows: flips would lower their own.
    high, low = outside[trusted_y == 1].mean(), outside[trusted_y == 0].mean()
    here, there = _contradicted(inside, y, low, high), _contradicted(outside, trusted_y, low, high)
    excess = float(here.mean() - there.mean())
    error = float(np.sqrt(here.var() / len(here) + there.var() / len(there)))
    from scipy import stats

    reach = float(stats.norm.isf(alpha / 2)) * error
    return Poison(
        float(here.mean()),
        float(there.mean()),
        Measure(excess, excess - reach, excess + reach, f"{len(x)} rows"),
        len(x),
    )


def _contradicted(score: Floats, y: Floats, low: float, high: float) -> Floats:
    says_other = np.where(y == 1, score <= low, score >= high)
    return np.asarray(says_other, np.float64)
