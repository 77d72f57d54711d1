"""Prints, as JSON, NannyML's expected quality of two of its own data sets, chunk by chunk.

Run by a Python that has nannyml. The calibrated chances that it used are written, with the raw
scores and predictions, to the .npz files that its arguments name, so that only the sums are
compared.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nannyml
import numpy as np
from nannyml.calibration import CalibratorFactory, needs_calibration
from nannyml.datasets import load_synthetic_car_loan_dataset, load_us_census_ma_employment_data

CHUNK = 5000


def expected(reference: Any, analysis: Any, columns: dict[str, str], out: str) -> dict[str, Any]:
    metrics = ["roc_auc", "f1", "accuracy", "precision", "recall"]
    cbpe = nannyml.CBPE(
        problem_type="classification_binary", metrics=metrics, chunk_size=CHUNK, **columns
    )
    cbpe.fit(reference)
    estimated = cbpe.estimate(analysis).filter(period="analysis").to_df()
    score, predicted = columns["y_pred_proba"], columns["y_pred"]
    chances = analysis[score].to_numpy()
    calibrator = CalibratorFactory.create("isotonic")
    if needs_calibration(reference[columns["y_true"]], reference[score], calibrator):
        calibrator.fit(reference[score], reference[columns["y_true"]])
        chances = calibrator.calibrate(analysis[score])
    np.savez(
        out,
        scores=analysis[score].to_numpy(),
        predicted=analysis[predicted].to_numpy(),
        chances=chances,
        reference_scores=reference[score].to_numpy(),
        reference_labels=reference[columns["y_true"]].to_numpy(),
    )
    return {metric: estimated[(metric, "value")].tolist() for metric in metrics}


def main() -> None:
    loans = load_synthetic_car_loan_dataset()
    census = load_us_census_ma_employment_data()
    found = {
        "car_loan": expected(
            loans[0],
            loans[1],
            {"y_pred_proba": "y_pred_proba", "y_pred": "y_pred", "y_true": "repaid"},
            sys.argv[1],
        ),
        "employment": expected(
            census[0],
            census[1],
            {
                "y_pred_proba": "predicted_probability",
                "y_pred": "prediction",
                "y_true": "employed",
            },
            sys.argv[2],
        ),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
