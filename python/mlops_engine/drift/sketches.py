"""What bins cannot say of a stream: tails, how many different values, which new categories.

    sketches = me.drift.Sketches(reference).update(x)
    sketches.quantile("distance", 0.999), sketches.distinct("tail_number")
    sketches.new_categories("carrier")

Bins are exact within the reference's range; these are estimates of bounded size, with a bound each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from mlops_engine._native import core
from mlops_engine.errors import InvalidArgument

from .batches import columns_of_batches
from .profile import Profile, _columns

if TYPE_CHECKING:
    from .columns import Column
    from .extract import Extract
    from .profile import Rows

__all__ = ["NewCategory", "Sketches"]


@dataclass(frozen=True, slots=True)
class NewCategory:
    """A category that the reference does not have, and in how many rows it was.

    Attributes
    ----------
    name
        The category; codes as their decimal digits.
    rows_min, rows_max
        Equal while a stream had at most 64 new categories; at most a 65th of their rows apart.
    """

    name: str
    rows_min: int
    rows_max: int


class Sketches:
    """Rows summarised against a reference, one stream by one. One writer at a time.

    Of numbers quantiles (KLL: ranks are off by less than 1.4 % of the rows, in 99 of 100), of all
    streams the number of different values (HyperLogLog: 1.6 % standard error), of categories those
    that the reference does not have, by name (Misra-Gries). Several KiB a stream.
    Parts merge in any order and grouping within the same bounds.

    Parameters
    ----------
    reference
        Whose streams they are.
    """

    __slots__ = ("_core", "_reference")

    def __init__(self, reference: Profile) -> None:
        self._reference = reference
        self._core = core.DriftSketches(reference._core)

    @classmethod
    def from_bytes(cls, data: bytes, reference: Profile) -> Sketches:
        """Read what `to_bytes` returned, of the same reference.

        Raises
        ------
        InvalidArgument
            If the bytes are no sketches, damaged, or of another reference.
        Unimplemented
            If a later version wrote them.
        """
        made = cls(reference)
        made._core.merge(core.DriftSketches.from_bytes(data))
        return made

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` reads; later versions will read it too."""
        return self._core.to_bytes()

    @property
    def reference(self) -> Profile:
        """Whose streams they are."""
        return self._reference

    def update(self, rows: Rows) -> Sketches:
        """Add rows: ``[rows, streams]`` in the reference's order, a frame, or arrays by name.

        Raises
        ------
        InvalidArgument
            If a stream of the reference is not among them, or is of another kind.
        """
        streams = self._reference.streams()
        codes = {each["label"] for each in streams if each["kind"] == "categorical"}
        return self._add(_columns(rows, [each["label"] for each in streams], codes))

    def update_batches(self, batches: Any, *, extract: Extract | None = None) -> Sketches:
        """Add an Arrow stream of any size, or frames one after the other. Needs polars."""
        streams = self._reference.streams()
        codes = [each["label"] for each in streams if each["kind"] == "categorical"]
        for columns in columns_of_batches(batches, codes, extract):
            self._add(columns)
        return self

    def _add(self, found: Sequence[Column]) -> Sketches:
        names = self._reference.names
        by_name = {column.name: column for column in found}
        absent = [name for name in names if name not in by_name]
        if absent:
            raise InvalidArgument(f"the rows lack {', '.join(absent)}")
        for index, name in enumerate(names):
            column = by_name[name]
            self._core.update_column(index, column.values, column.missing)
        return self

    def merge(self, other: Sketches) -> Sketches:
        """Add what ``other`` has seen.

        Raises
        ------
        InvalidArgument
            If the two are of different references.
        """
        self._core.merge(other._core)
        return self

    def rows(self, stream: str) -> int:
        """Return how many values a stream had that were not missing."""
        return int(self._stream(stream)["rows"])

    @overload
    def quantile(self, stream: str, level: float) -> float: ...
    @overload
    def quantile(self, stream: str, level: Sequence[float]) -> list[float]: ...
    def quantile(self, stream: str, level: float | Sequence[float]) -> float | list[float]:
        """Return the value that a share ``level`` of the rows is not above; 0 and 1 are exact.

        NaN of no rows, and of categories.
        """
        if isinstance(level, Sequence):
            return self._core.quantiles(self._index(stream), level)
        return self._core.quantiles(self._index(stream), [level])[0]

    def rank(self, stream: str, value: float) -> float:
        """Return the share of rows at or below a value; NaN of no rows, and of categories."""
        return self._core.ranks(self._index(stream), [value])[0]

    def distinct(self, stream: str) -> float:
        """Return about how many different values a stream had; missing ones are none."""
        return float(self._stream(stream)["distinct"])

    def new_categories(self, stream: str) -> list[NewCategory]:
        """Return the categories that the reference does not have, the most frequent first.

        Each that made more than a 65th of their rows is among them. Where the reference has more
        rare categories than it can know by name, these are the ones without a bin.
        """
        seen = self._stream(stream)
        error = int(seen["new_error"])
        return [
            NewCategory(name.decode(errors="replace"), least, least + error)
            for name, least in seen["new_categories"]
        ]

    def _index(self, stream: str) -> int:
        names = self._reference.names
        if stream not in names:
            raise InvalidArgument(f"no stream is called {stream}")
        return names.index(stream)

    def _stream(self, stream: str) -> dict[str, Any]:
        return self._core.stream(self._index(stream))

    def __repr__(self) -> str:
        return f"Sketches({self._core.streams} streams against {self._reference!r})"
