"""Whether features that were served are those of training, value by value."""

from __future__ import annotations

import msgspec
import polars as pl

from mlops_engine.errors import InvalidArgument

__all__ = ["Parity", "compare"]


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Agreement of two tables of features.

    Attributes
    ----------
    rows, differing
        How many rows there are, and how many have a value that differs by more than `tolerance`.
    largest
        By feature that differs: the largest difference; infinite where one side has no value.
    """

    rows: int
    differing: int
    tolerance: float
    largest: dict[str, float]

    @property
    def ok(self) -> bool:
        """Whether no value differs."""
        return self.differing == 0


def compare(training: pl.DataFrame, served: pl.DataFrame, tolerance: float = 1e-6) -> Parity:
    """Compare row by row. Null and NaN are missing, and equal to each other alone.

    Raises
    ------
    InvalidArgument
        If there are not as many rows, or not the same features in the same order.
    """
    if training.columns != served.columns or training.height != served.height:
        raise InvalidArgument(
            f"{training.height} rows of {training.width} features were trained on,"
            f" {served.height} of {served.width} are served, or in another order"
        )
    largest: dict[str, float] = {}
    wrong = pl.Series("wrong", [False]).new_from_index(0, training.height)
    for name in training.columns:
        left, right = (frame[name].cast(pl.Float64).fill_nan(None) for frame in (training, served))
        # Infinity less itself is NaN; what is equal is not apart.
        same = (left == right).fill_null(False)
        apart = (
            (left - right).abs().fill_null(0.0).zip_with(~same, pl.zeros(left.len(), eager=True))
        )
        one_sided = left.is_null() != right.is_null()
        worst = float("inf") if one_sided.any() else float(apart.max() or 0.0)  # type: ignore[arg-type]
        if worst > tolerance:
            largest[name] = worst
        wrong |= one_sided | (apart > tolerance)
    return Parity(
        rows=training.height, differing=int(wrong.sum()), tolerance=tolerance, largest=largest
    )
