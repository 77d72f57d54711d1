"""A small data set, a file that describes a pipeline over it, and stages that cost nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 1200
PLAN = """
[pipeline]
model = "late"
seed = 7
retry = { attempts = 3, first_s = 1.0, most_s = 8.0 }

[ingest.tables.trips]
path = "trips.csv"
nulls = ["NA"]
instants = { at = "%Y-%m-%d %H:%M" }

[features]
label = "late"
time = "at"
columns = ["distance", "wind", "carrier"]
keep = ["carrier_name"]
vocabularies = { carrier = ["AA", "BB", "CC"] }

[split]
kind = "time"
time = "at"
validation = 0.2
test = 0.3

[train]
trees = 30
early_stopping = 5
parameters = { num_leaves = 7, min_data_in_leaf = 20 }

[evaluation]
time = "at"
resamples = 100
slices = ["carrier_name"]
slice_rows_min = 50

[gates]
ranks = { of = "evaluation.auc", min = 0.6 }

[export]
golden_rows = 8
classes = ["on time", "late"]
"""


def trips(seed: int = 0) -> pl.DataFrame:
    """Rows of one hour's distance; the label hangs on wind and carrier."""
    draw = np.random.default_rng(seed)
    wind = draw.gamma(2.0, 8.0, ROWS).round(1)
    carrier = draw.choice(["AA", "BB", "CC"], ROWS)
    odds = 0.12 * (wind - 16) + np.where(carrier == "CC", 1.5, -0.5)
    late = (draw.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    start = np.datetime64("2026-01-01T00:00")
    at = [str(start + np.timedelta64(i, "h")).replace("T", " ") for i in range(ROWS)]
    frame = pl.DataFrame(
        {
            "at": at,
            "distance": draw.integers(100, 3000, ROWS),
            "wind": wind,
            "carrier": carrier,
            "carrier_name": carrier,
            "late": late,
        }
    )
    gone = pl.int_range(ROWS) % 50 == 7
    return frame.with_columns(pl.when(~gone).then("late"), pl.when(~gone).then("wind"))


def write_plan(folder: Path, *more: str, seed: int = 0, without: Iterable[str] = ()) -> Path:
    """Write the data and the file into a folder; `without` names sections to leave out."""
    folder.mkdir(parents=True, exist_ok=True)
    trips(seed).write_csv(folder / "trips.csv", null_value="NA")
    parts = [
        part
        for part in PLAN.split("\n\n")
        if not any(part.strip().startswith(f"[{name}]") for name in without)
    ]
    path = folder / "late.toml"
    path.write_text("\n\n".join([*parts, *more]) + "\n")
    return path
