"""Comparison of two documents of one machine: ratios, and which of them are regressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlops_engine.bench.result import Cell, Document, Spread

Figure = Callable[[Cell], Spread | None]

FIGURES: dict[str, tuple[Figure, bool]] = {
    "req/s": (lambda cell: cell.spread(lambda repeat: repeat.throughput_per_s), True),
    "p50": (lambda cell: cell.quantile_ns(0.5), False),
    "p99": (lambda cell: cell.quantile_ns(0.99), False),
    "CPU/request": (
        lambda cell: cell.spread(lambda repeat: repeat.server_cpu_us_per_request),
        False,
    ),
}
"""Name to the figure and whether more of it is better."""


@dataclass(frozen=True)
class Comparison:
    """One figure of one cell, before and after.

    Parameters
    ----------
    key : tuple of str
        `Cell.key`.
    figure : str
        A key of `FIGURES`.
    ratio : float
        Median after over median before.
    low, high : float
        Range of the ratio that the repeats of both sides allow.
    regression : bool
        Worse than the threshold, and the repeats of the two sides do not overlap.
    """

    key: tuple[str, str, str, str]
    figure: str
    ratio: float
    low: float
    high: float
    regression: bool


def _compare(
    key: tuple[str, str, str, str], figure: str, before: Spread, after: Spread, threshold: float
) -> Comparison:
    more_is_better = FIGURES[figure][1]
    ratio = after.median / before.median
    if more_is_better:
        worse = ratio < 1 / (1 + threshold) and after.high < before.low
    else:
        worse = ratio > 1 + threshold and after.low > before.high
    return Comparison(key, figure, ratio, after.low / before.high, after.high / before.low, worse)


def compare(before: Document, after: Document, threshold: float) -> list[Comparison]:
    """Compare all cells that both documents have.

    Parameters
    ----------
    before, after : Document
        Of the same machine; the caller checks.
    threshold : float
        Relative worsening that is tolerated, 0.05 for five per cent.

    Returns
    -------
    list of Comparison
        Figures that one side lacks (too few samples, no server CPU) are left out. New errors in
        `after` are a regression under the figure name ``errors``.
    """
    earlier = {cell.key: cell for cell in before.cells}
    found = []
    for cell in after.cells:
        base = earlier.get(cell.key)
        if base is None:
            continue
        if cell.errors > base.errors:
            found.append(
                Comparison(cell.key, "errors", float("inf"), float("inf"), float("inf"), True)
            )
        for name, (figure, _) in FIGURES.items():
            a, b = figure(base), figure(cell)
            if a is not None and b is not None and min(a.low, b.low) > 0:
                found.append(_compare(cell.key, name, a, b, threshold))
    return found
