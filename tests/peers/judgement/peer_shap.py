"""Prints shap's mean absolute values and base of a LightGBM model over the rows in a file."""

import json
import sys

import lightgbm
import numpy as np
import shap

booster, rows = lightgbm.Booster(model_file=sys.argv[1]), np.load(sys.argv[2])
explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
values = np.asarray(explainer.shap_values(rows))
values = values[-1] if values.ndim == 3 else values
base = float(np.ravel(explainer.expected_value)[-1])
print(json.dumps({"mean_absolute": np.abs(values).mean(axis=0).tolist(), "base": base}))
