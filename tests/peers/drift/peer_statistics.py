"""Prints, as JSON, what a library says of a window: ``python peer_statistics.py PEER FILE.npz``.

The file has two arrays for each column, ``NAME.reference`` and ``NAME.window``; columns whose name
begins with ``c_`` are categories. Run by a Python that has the library and nothing of ours.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

Columns = dict[str, tuple[Any, Any]]


def is_category(name: str) -> bool:
    return name.startswith("c_")


def nannyml(columns: Columns) -> dict[str, dict[str, float]]:
    import nannyml as nml
    import pandas as pd

    def frame(side: int) -> Any:
        made = pd.DataFrame({name: pair[side] for name, pair in columns.items()})
        return made.astype({name: str for name in columns if is_category(name)})

    numbers = ["kolmogorov_smirnov", "wasserstein", "jensen_shannon", "hellinger"]
    categories = ["jensen_shannon", "hellinger", "l_infinity", "chi2"]
    window = frame(1)
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(columns),
        continuous_methods=numbers,
        categorical_methods=categories,
        chunk_size=len(window),
    ).fit(frame(0))
    values = calculator.calculate(window).filter(period="analysis").to_df()
    return {
        name: {
            method: float(values[name, method, "value"].iloc[0])
            for method in (categories if is_category(name) else numbers)
        }
        for name in columns
    }


def evidently(columns: Columns) -> dict[str, dict[str, float]]:
    import pandas as pd
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType

    both = {
        "jensenshannon": stattests.jensenshannon_stat_test,
        "hellinger": stattests.hellinger_stat_test,
        "psi": stattests.psi_stat_test,
    }
    numbers = {
        "ks": stattests.ks_stat_test,
        "wasserstein": stattests.wasserstein_stat_test,
        "cramer_von_mises": stattests.cramer_von_mises,
        "energy": stattests.energy_dist_test,
    }
    categories = {"chisquare": stattests.chi_stat_test}

    def score(test: Any, name: str) -> float:
        kind = ColumnType.Categorical if is_category(name) else ColumnType.Numerical
        reference, window = (pd.Series(values) for values in columns[name])
        return float(test(reference, window, kind, 0.05).drift_score)

    return {
        name: {
            method: score(test, name)
            for method, test in {**both, **(categories if is_category(name) else numbers)}.items()
        }
        for name in columns
    }


def alibi(columns: Columns) -> dict[str, dict[str, float]]:
    from alibi_detect.cd import ChiSquareDrift, CVMDrift, KSDrift

    found = {}
    for name, (reference, window) in columns.items():
        kinds: dict[str, Any] = (
            {"chi2": ChiSquareDrift} if is_category(name) else {"ks": KSDrift, "cvm": CVMDrift}
        )
        found[name] = {}
        for method, kind in kinds.items():
            told = kind(reference[:, None]).predict(window[:, None], return_p_val=True)["data"]
            found[name][method] = float(told["distance"][0])
            found[name][f"{method}_p"] = float(told["p_val"][0])
    return found


def main() -> None:
    arrays = np.load(sys.argv[2])
    names = dict.fromkeys(key.rsplit(".", 1)[0] for key in arrays)
    columns = {name: (arrays[f"{name}.reference"], arrays[f"{name}.window"]) for name in names}
    print(json.dumps(globals()[sys.argv[1]](columns)))


if __name__ == "__main__":
    main()
