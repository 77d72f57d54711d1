"""References and windows: what normal is, and rows counted against it.

    reference = Profile.from_array(x, names=["distance", "carrier"], categorical=["carrier"])
    window = Profile.like(reference)
    window.update(x2)

Counts are exact. Windows of one reference merge and subtract without error, whoever counted them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_engine._native import core
from mlops_engine.errors import InvalidArgument

from .batches import columns_of_batches, joined
from .columns import Column, columns_of_array, columns_of_frame, columns_of_polars, polars
from .statistics import StatisticValue, values_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from .extract import Extract
    from .statistics import Statistic

    Rows = np.ndarray[Any, Any] | pl.DataFrame | Mapping[str, Any]
    Segments = Mapping[str, int | Sequence[float] | None]

__all__ = ["Profile", "Window"]

_PARQUET_ROWS = 1 << 18


class Profile:
    """The reference: for each stream its bins, what was counted on them, and 256 quantiles.

    Immutable. Numbers are counted on bins of equal frequency, values of categories by their name;
    missing values (NaN, null), infinities, values out of range and new categories are masses of
    their own. Two profiles are equal when their ``id`` is.
    """

    __slots__ = ("_core",)

    def __init__(self, profile: core.DriftProfile) -> None:
        self._core = profile

    @classmethod
    def from_array(
        cls,
        x: np.ndarray[Any, Any],
        names: Sequence[str] | None = None,
        *,
        categorical: Iterable[str] = (),
        outputs: Iterable[str] = (),
        tensors: Mapping[str, str] | None = None,
        bins: int = 32,
        categories: int = 256,
        segments: Segments | None = None,
    ) -> Profile:
        """Make a reference of an array of rows.

        Parameters
        ----------
        x
            Rows ``[rows, streams]``, or ``[rows]`` of one stream; numbers, or objects (strings and
            None) where all streams are categorical.
        names
            Of the streams; by default ``x0``, ``x1`` ..
        categorical
            Which of them are codes or names rather than quantities.
        outputs
            Which of them the model answers; the others it is given.
        tensors
            The tensor that a stream is a column of, the first one named of a tensor being its
            column 0; by default ``input`` or, of what the model answers, ``output``.
        bins
            Of a numeric stream, 2 to 256.
        categories
            Most categories of a stream that are counted by name, 1 to 256; the rest is one mass.
        segments
            Streams that tell rows apart: ``{"carrier": 8, "distance": [500, 1500]}``, the most
            frequent categories (None: 16 at most) or the edges of ranges. Alerts then say which
            segments a change is in. 64 segments at most, the rest and the missing ones with them.

        Raises
        ------
        InvalidArgument
            If names and columns do not match, or a column cannot be counted.
        """
        return cls._build(
            columns_of_array(x, names, categorical),
            outputs,
            tensors or {},
            bins,
            categories,
            segments=segments,
        )

    @classmethod
    def from_polars(
        cls,
        frame: pl.DataFrame,
        *,
        categorical: Iterable[str] = (),
        outputs: Iterable[str] = (),
        tensors: Mapping[str, str] | None = None,
        bins: int = 32,
        categories: int = 256,
        segments: Segments | None = None,
    ) -> Profile:
        """Make a reference of a polars frame; nulls are missing, columns of strings categorical.

        Parameters and errors are those of `from_array`.
        """
        return cls._build(
            columns_of_polars(frame, categorical),
            outputs,
            tensors or {},
            bins,
            categories,
            segments=segments,
        )

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any],
        *,
        categorical: Iterable[str] = (),
        outputs: Iterable[str] = (),
        tensors: Mapping[str, str] | None = None,
        bins: int = 32,
        categories: int = 256,
        segments: Segments | None = None,
    ) -> Profile:
        """Make a reference of arrays by name, as `Extract` gives them.

        Parameters and errors are those of `from_array`.
        """
        made = columns_of_frame(columns, categorical)
        return cls._build(made, outputs, tensors or {}, bins, categories, segments=segments)

    @classmethod
    def from_batches(
        cls,
        batches: Any,
        *,
        extract: Extract | None = None,
        categorical: Iterable[str] = (),
        outputs: Iterable[str] = (),
        tensors: Mapping[str, str] | None = None,
        bins: int = 32,
        categories: int = 256,
        segments: Segments | None = None,
    ) -> Profile:
        """Make a reference of an Arrow stream, or of frames one after the other. Needs polars.

        What is kept of a number is four bytes. ``extract`` says what is made of columns first.
        Other parameters and errors are those of `from_array`.
        """
        made = joined(columns_of_batches(batches, categorical, extract))
        return cls._build(made, outputs, tensors or {}, bins, categories, segments=segments)

    @classmethod
    def from_parquet(
        cls,
        path: str | Path,
        columns: Sequence[str] | None = None,
        *,
        categorical: Iterable[str] = (),
        outputs: Iterable[str] = (),
        tensors: Mapping[str, str] | None = None,
        bins: int = 32,
        categories: int = 256,
        segments: Segments | None = None,
    ) -> Profile:
        """Make a reference of a Parquet file, or of those columns of it.

        One column is read at a time and kept as four bytes a row. Needs polars. Parameters and
        errors are those of `from_array`.
        """
        pl = polars()
        scan = pl.scan_parquet(path)
        names = list(columns) if columns is not None else scan.collect_schema().names()
        made: list[Column] = []
        kinds = set(categorical)
        for name in names:
            frame = scan.select(name).collect()
            made += columns_of_polars(frame, kinds & {name})
        return cls._build(made, outputs, tensors or {}, bins, categories, segments=segments)

    @classmethod
    def from_bytes(cls, data: bytes) -> Profile:
        """Read a reference (`to_bytes`, the file ``reference.profile``); a window's has it too.

        Raises
        ------
        InvalidArgument
            If the bytes are no profile, or damaged.
        Unimplemented
            If a later version wrote them.
        """
        return cls(core.DriftProfile.from_bytes(data))

    @staticmethod
    def like(reference: Profile, statistics: Iterable[Statistic] = ()) -> Window:
        """Return a window with no rows yet, to be counted against ``reference``.

        ``statistics`` see the rows too; windows that merge have the same ones.
        """
        return Window(core.DriftWindow(reference._core), statistics)

    @classmethod
    def _build(
        cls,
        columns: Sequence[Column],
        outputs: Iterable[str],
        tensors: Mapping[str, str],
        bins: int,
        categories: int,
        *,
        segments: Segments | None,
    ) -> Profile:
        wanted = set(outputs)
        unknown = (wanted | tensors.keys() | (segments or {}).keys()) - {
            column.name for column in columns
        }
        if unknown:
            raise InvalidArgument(f"no stream is called {', '.join(sorted(unknown))}")
        specs = []
        seen: Counter[tuple[str, str]] = Counter()
        for column in columns:
            role = "output" if column.name in wanted else "input"
            tensor = tensors.get(column.name, role)
            spec = (role, tensor, seen[role, tensor], column.name, column.categorical)
            specs.append((*spec, column.values, column.missing))
            seen[role, tensor] += 1
        places = {column.name: place for place, column in enumerate(columns)}
        told_apart: list[tuple[int, Sequence[float], int]] = []
        for name, by in (segments or {}).items():
            if by is None or isinstance(by, int):
                told_apart.append((places[name], (), by or 0))
            else:
                told_apart.append((places[name], list(by), 0))
        profile = core.DriftProfile.build(
            specs, bins=bins, categories=categories, segments=told_apart
        )
        return cls(profile)

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` reads; later versions will read it too."""
        return self._core.to_bytes()

    @property
    def id(self) -> str:
        """A digest of all that the reference holds."""
        return self._core.id

    @property
    def segments(self) -> list[str]:
        """Names of the segments that rows are told apart by."""
        return self._core.segments()

    @property
    def names(self) -> list[str]:
        """Names of the streams, in order."""
        return [stream["label"] for stream in self._core.streams()]

    def streams(self) -> list[dict[str, Any]]:
        """Describe each stream: kind, role, bins' edges or categories, quantiles, counts."""
        return self._core.streams()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Profile({len(self.names)} streams, id {self.id[:8]})"


class Window:
    """Rows counted against a reference. Made by `Profile.like`. One writer at a time."""

    __slots__ = ("_core", "_kinds", "_statistics")

    def __init__(self, window: core.DriftWindow, statistics: Iterable[Statistic] = ()) -> None:
        self._core = window
        self._statistics = list(statistics)  # whose functions stay in memory as long as it does
        if self._statistics:
            window.use_statistics([each.spec() for each in self._statistics])
        self._kinds: dict[str, bool] | None = None  # whether a stream is categorical, when known

    @classmethod
    def from_bytes(cls, data: bytes) -> Window:
        """Read a window (`to_bytes`; what a server hands out), its reference with it.

        Raises
        ------
        InvalidArgument
            If the bytes are no profile, or damaged.
        Unimplemented
            If a later version wrote them.
        """
        return cls(core.DriftWindow.from_bytes(data))

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` reads: the reference and the counts."""
        return self._core.to_bytes()

    @property
    def reference(self) -> Profile:
        """What the rows are counted against."""
        return Profile(self._core.profile)

    def update(self, rows: Rows) -> Window:
        """Count rows: ``[rows, streams]`` in the reference's order, a frame, or arrays by name.

        Raises
        ------
        InvalidArgument
            If a stream of the reference is not among them, or is of another kind.
        """
        kinds = self._streams()
        dtype = getattr(rows, "dtype", None)
        flat = getattr(rows, "ndim", 0) == 2 and dtype is not None and dtype.kind in "fiub"
        if flat and not any(kinds.values()):
            self._core.update_rows(rows)  # type: ignore[arg-type]
            return self
        return self._count(_columns(rows, list(kinds), {name for name in kinds if kinds[name]}))

    def update_batches(self, batches: Any, *, extract: Extract | None = None) -> Window:
        """Count an Arrow stream of any size, or frames one after the other. Needs polars.

        Parameters
        ----------
        batches
            What exports an Arrow stream, or an iterable of frames or Arrow's batches.
        extract
            What is made of columns first; as for the reference.
        """
        kinds = self._streams()
        codes = [name for name in kinds if kinds[name]]
        for columns in columns_of_batches(batches, codes, extract):
            self._count(columns)
        return self

    def _streams(self) -> dict[str, bool]:
        if self._kinds is None:
            streams = self._core.profile.streams()
            self._kinds = {s["label"]: s["kind"] == "categorical" for s in streams}
        return self._kinds

    def _count(self, found: Sequence[Column]) -> Window:
        by_name = {column.name: column for column in found}
        absent = [name for name in self._streams() if name not in by_name]
        if absent:
            raise InvalidArgument(f"the rows lack {', '.join(absent)}")
        columns = [by_name[name] for name in self._streams()]
        self._core.update_columns([(column.values, column.missing) for column in columns])
        return self

    def update_parquet(self, path: str | Path) -> Window:
        """Count the rows of a Parquet file of any size, some at a time. Needs polars."""
        scan = polars().scan_parquet(path).select(self.reference.names)
        start = 0
        while (frame := scan.slice(start, _PARQUET_ROWS).collect()).height:
            self.update(frame)
            start += frame.height
        return self

    def merge(self, other: Window) -> Window:
        """Add what ``other`` has counted: exact, in any order.

        Raises
        ------
        InvalidArgument
            If the two were counted against different references.
        """
        self._core.merge(other._core)
        return self

    def subtract(self, other: Window) -> Window:
        """Take away what was added before, as a sliding window does with its oldest part.

        Raises
        ------
        InvalidArgument
            If ``other`` is of another reference, or holds more than this window.
        """
        self._core.subtract(other._core)
        return self

    def copy(self) -> Window:
        """Return a window with the same counts, and without statistics of your own."""
        return Window(self._core.copy())

    def statistics(self) -> dict[str, StatisticValue]:
        """Return what your own statistics made of the rows; they are not among `to_bytes`."""
        return values_of(self._core.statistics())

    def counts(self) -> list[dict[str, Any]]:
        """Return each stream's ``masses`` (bins, then seven masses of their own) and moments."""
        return self._core.counts()

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return max((int(stream["masses"].sum()) for stream in self.counts()), default=0)

    def __repr__(self) -> str:
        return f"Window({self.rows} rows against {self.reference!r})"


def _columns(rows: Rows, names: Sequence[str], categorical: set[str]) -> list[Column]:
    if hasattr(rows, "get_columns"):
        present = [name for name in names if name in rows.columns]  # type: ignore[union-attr]
        return columns_of_polars(rows.select(present), categorical & set(present))  # type: ignore[union-attr]
    if isinstance(rows, Mapping):
        return [Column.of(name, rows[name], name in categorical) for name in names if name in rows]
    return columns_of_array(rows, names, categorical)
