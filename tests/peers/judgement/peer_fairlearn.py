"""Prints fairlearn's rates by group, and its gaps, of the rows in a file."""

import json
import sys

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score

rows = np.load(sys.argv[1])
y, decided, group = rows["y"], rows["decided"], rows["group"]
frame = MetricFrame(
    metrics={
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
        "accuracy": accuracy_score,
    },
    y_true=y,
    y_pred=decided,
    sensitive_features=group,
)
gap = {"sensitive_features": group}
print(
    json.dumps(
        {
            "groups": {str(k): dict(v) for k, v in frame.by_group.to_dict("index").items()},
            "selection_rate": demographic_parity_difference(y, decided, **gap),
            "equalized_odds": equalized_odds_difference(y, decided, **gap),
            "accuracy": frame.difference()["accuracy"],
        }
    )
)
