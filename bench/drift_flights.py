"""What of a year of flights has changed: January to June as the reference, then month by month.

    python bench/drift_flights.py

Prints a Markdown table: for each month the features that are alerted about, with the debiased PSI.
"""

from __future__ import annotations

import numpy as np

import mlops_engine as me
from mlops_engine.train import dataset, features, source


def main() -> None:
    tables = dataset.read_tables(source.locate())
    joined = features.join(tables)
    declared = features.declare(tables.carriers)
    x = features.matrix(joined, declared)
    month = joined["month"].to_numpy()
    names = [feature.name for feature in declared]
    reference = me.drift.Profile.from_array(
        x[month <= 6], names, categorical=["weekday", "carrier", "origin"]
    )
    print("| month | rows | critical | warning |\n|---|---|---|---|")
    for number in range(7, 13):
        window = me.drift.Profile.like(reference).update(x[month == number])
        report = me.drift.compare(reference, window)
        cells = {
            severity: ", ".join(
                f"{alert.stream} {alert.effect:.2f}"
                for alert in report.alerts
                if alert.severity == severity
            )
            for severity in ("critical", "warning")
        }
        print(f"| {number} | {window.rows:,} | {cells['critical']} | {cells['warning']} |")
    shuffled = np.random.default_rng(0).permutation(x[month <= 6])[:20_000]
    again = me.drift.compare(reference, me.drift.Profile.like(reference).update(shuffled))
    print(f"\n20,000 rows of the reference, drawn at random: {len(again.alerts)} alerts")


if __name__ == "__main__":
    main()
