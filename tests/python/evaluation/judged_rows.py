"""Rows with a known truth: days, groups, and scores of a quality that is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def days(count: int, rows_a_day: int) -> pl.DataFrame:
    """Rows spread over days, in time order."""
    step = timedelta(days=1) / rows_a_day
    return pl.DataFrame({"at": [BEGIN + i * step for i in range(count * rows_a_day)]})


def scored(
    random: np.random.Generator, rows: int, skills: tuple[float, ...], day: np.ndarray | None = None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Labels, and one score for each skill; with `day`, the errors of a day are alike."""
    y = (random.random(rows) < 0.3).astype(np.float64)
    scores = []
    for skill in skills:
        noise = random.normal(size=rows)
        if day is not None:
            noise = 0.7 * noise + 0.7 * random.normal(size=int(day.max()) + 1)[day]
        scores.append(1 / (1 + np.exp(-(skill * (y - 0.5) + noise))))
    return y, scores
