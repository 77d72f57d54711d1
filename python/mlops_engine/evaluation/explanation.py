"""Which features move a model, and which way: SHAP values of LightGBM, summed up.

LightGBM computes the values of its own trees exactly (TreeSHAP); no other library is needed, and
`tests/peers` compares them with shap's. They are in the raw score: log-odds for a classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument, Unimplemented

from .columns import Floats
from .measures import Measure, to_json
from .scorer import Rows

__all__ = ["Explanation", "FeatureEffect", "explain"]

TOLERANCE = 1e-6


class FeatureEffect(msgspec.Struct, frozen=True):
    """One feature.

    Attributes
    ----------
    mean_absolute
        Mean of the absolute contribution to the raw score, over rows.
    share
        That as a share of all features' together.
    direction
        Rank correlation of the feature's value with its contribution: 1 pushes up as it grows.
    """

    name: str
    mean_absolute: float
    share: float
    direction: float


class Explanation(msgspec.Struct, frozen=True):
    """Features by their effect, the largest first.

    Attributes
    ----------
    base
        Mean raw score, which contributions are added to.
    largest_residue
        Contributions and base add up to the raw score; by how much they miss it at most.
    """

    rows: int
    base: float
    largest_residue: float
    features: list[FeatureEffect]

    def measures(self) -> dict[str, Measure]:
        """Return `top_share`: how much of all effect the first feature has."""
        first = self.features[0]
        return {"top_share": Measure(first.share, detail=first.name)}

    def to_json(self) -> bytes:
        """Write it as a file of the run."""
        return to_json(self)


def explain(booster: Any, rows: Rows, names: Sequence[str]) -> Explanation:
    """Sum up the contributions of features over rows.

    Parameters
    ----------
    booster
        A `lightgbm.Booster` of one output.

    Raises
    ------
    Unimplemented
        It is another library's model, or has several outputs.
    InvalidArgument
        Rows and names do not belong together.
    """
    if not hasattr(booster, "num_model_per_iteration") or booster.num_model_per_iteration() != 1:
        raise Unimplemented("explanations are of LightGBM boosters with one output")
    if rows.ndim != 2 or rows.shape[1] != len(names) or not len(rows):
        raise InvalidArgument(f"rows of shape {list(rows.shape)} for {len(names)} features")
    found = np.asarray(booster.predict(rows, pred_contrib=True), np.float64)
    contributions, base = found[:, :-1], found[:, -1]
    raw = np.asarray(booster.predict(rows, raw_score=True), np.float64)
    residue = float(np.abs(found.sum(axis=1) - raw).max())
    if residue > TOLERANCE * max(1.0, float(np.abs(raw).max())):
        raise InvalidArgument(f"contributions miss the raw score by {residue:g}")
    absolute = np.abs(contributions).mean(axis=0)
    total = float(absolute.sum()) or 1.0
    features = [
        FeatureEffect(
            name,
            float(absolute[i]),
            float(absolute[i] / total),
            _direction(rows[:, i], contributions[:, i]),
        )
        for i, name in enumerate(names)
    ]
    features.sort(key=lambda each: (-each.mean_absolute, each.name))
    return Explanation(len(rows), float(base.mean()), residue, features)


def _direction(values: Rows, contributions: Floats) -> float:
    from scipy import stats

    known = np.isfinite(values)
    if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(contributions[known]) == 0:
        return 0.0
    return float(stats.spearmanr(values[known], contributions[known]).statistic)
