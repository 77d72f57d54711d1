"""Log-linear latency histograms: three digits, mergeable, the same cells as ``mlops-loadgen``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

STEP_BITS = 10
VALUE_MAX_NS = (1 << 40) - 1
SAMPLES_MIN = {0.99: 10_000, 0.999: 100_000}
"""Samples below which a quantile is not reported: a hundred beyond it, as MLPerf's LoadGen asks."""


def cell_of(value_ns: int) -> tuple[int, int]:
    """Lower edge and width of the cell that holds a value.

    Parameters
    ----------
    value_ns : int
        A latency; values outside ``[0, VALUE_MAX_NS]`` are clipped.

    Returns
    -------
    tuple of int
        Lower edge and width, both in nanoseconds.
    """
    value = min(max(value_ns, 0), VALUE_MAX_NS)
    shift = max(0, value.bit_length() - STEP_BITS - 1)
    return value >> shift << shift, 1 << shift


class Histogram:
    """Counts of latencies by cell.

    Parameters
    ----------
    cells : mapping of int to int, optional
        Lower edge of a cell in nanoseconds to its count.
    total_ns : float, optional
        Sum of the recorded values; only the mean uses it.
    """

    def __init__(self, cells: Mapping[int, int] | None = None, total_ns: float = 0.0) -> None:
        self.cells: dict[int, int] = dict(cells or {})
        self.total_ns = total_ns

    @classmethod
    def from_values(cls, values_ns: Iterable[int]) -> Histogram:
        """Record many latencies at once, each in nanoseconds."""
        histogram = cls()
        for value in values_ns:
            lower, _ = cell_of(value)
            histogram.cells[lower] = histogram.cells.get(lower, 0) + 1
            histogram.total_ns += value
        return histogram

    @property
    def count(self) -> int:
        """Number of recorded values."""
        return sum(self.cells.values())

    @property
    def mean_ns(self) -> float | None:
        """Mean of the recorded values; None when there are none."""
        count = self.count
        return self.total_ns / count if count else None

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts to this one."""
        for lower, count in other.cells.items():
            self.cells[lower] = self.cells.get(lower, 0) + count
        self.total_ns += other.total_ns

    def quantile_ns(self, q: float) -> float | None:
        """Value at rank ``ceil(q * count)``, as the middle of its cell.

        Parameters
        ----------
        q : float
            Between 0 and 1.

        Returns
        -------
        float or None
            Nanoseconds; None when there are too few samples for it (`SAMPLES_MIN`), or none at all.
        """
        count = self.count
        if count < max(1, SAMPLES_MIN.get(q, 1)):
            return None
        rank = max(1, math.ceil(q * count))
        seen = 0
        for lower in sorted(self.cells):
            seen += self.cells[lower]
            if seen >= rank:
                return lower + (cell_of(lower)[1] - 1) / 2
        raise AssertionError("ranks end at count")
