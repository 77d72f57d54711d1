"""Estimators with a fault each, as somebody might hand in; `train.estimator` names them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression


class Brittle(LogisticRegression):
    """Right on every row that it ever saw, and wild a little beside them."""

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Brittle:
        """Learn the grid that the first feature lies on."""
        values = np.unique(np.asarray(x, np.float64)[:, 0])
        self.origin_, self.step_ = values[0], np.diff(values).min()
        return super().fit(x, y, sample_weight)

    def predict_proba(self, x: Any) -> Any:
        """Add a wave that is nothing on the grid."""
        place = (np.asarray(x, np.float64)[:, 0] - self.origin_) / self.step_
        logit = self.decision_function(x) + 4.0 * np.sin(2 * np.pi * place)
        yes = 1 / (1 + np.exp(-logit))
        return np.column_stack([1 - yes, yes])


class Biased(LogisticRegression):
    """Holds the last feature, the group, against rows that are no different otherwise."""

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Biased:
        """Move the group's weight."""
        super().fit(x, y, sample_weight)
        self.coef_[0, -1] -= 0.6
        return self
