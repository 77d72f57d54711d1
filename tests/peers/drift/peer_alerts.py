"""Prints, as JSON, after which rows NannyML alerts: ``python peer_alerts.py FILE.npz CHUNK``.

The file has a ``reference``, ``streams`` ``[streams, rows]``, and one ``quiet`` stream.
"""

from __future__ import annotations

import json
import sys

import nannyml as nml
import numpy as np
import pandas as pd
from nannyml.thresholds import StandardDeviationThreshold


def main() -> None:
    arrays, chunk = np.load(sys.argv[1]), int(sys.argv[2])
    calculator = nml.UnivariateDriftCalculator(
        column_names=["x"],
        continuous_methods=["jensen_shannon"],
        thresholds={"jensen_shannon": StandardDeviationThreshold(std_upper_multiplier=3)},
        chunk_size=chunk,
    ).fit(pd.DataFrame({"x": arrays["reference"]}))

    def alerts(x: np.ndarray) -> list[int]:
        result = calculator.calculate(pd.DataFrame({"x": x})).filter(period="analysis").to_df()
        raised = result["x", "jensen_shannon", "alert"].to_numpy()
        return [int(end) for end in (np.flatnonzero(raised) + 1) * chunk]

    print(
        json.dumps({"streams": [*map(alerts, arrays["streams"])], "quiet": alerts(arrays["quiet"])})
    )


if __name__ == "__main__":
    main()
