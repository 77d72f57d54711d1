"""Online features in this process: what is known now, by key, ready to be looked up.

Rows are observed when they become known and looked up at decisions, both in time order. It shares
no code with the joins of training but the expressions; that the two agree is what parity checks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import polars as pl

from mlops_engine.errors import InvalidArgument, NotFound

from .document import Join, WindowOf
from .known_at import KnownAt
from .plan import FeaturePlan

__all__ = ["Rows", "Snapshot", "Table"]

Key = tuple[Any, ...]
Row = Mapping[str, Any]


class Rows(Protocol):
    """Where the last row of each key is kept: a table of this process, or a server (`redis`)."""

    def put(self, frame: str, key: Key, row: Row) -> None:
        """Replace the row of a key."""

    def get(self, frame: str, key: Key) -> Row | None:
        """Return the row of a key, or None."""


class Table:
    """Rows in this process."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Key], Row] = {}

    def put(self, frame: str, key: Key, row: Row) -> None:
        """Replace the row of a key."""
        self._rows[frame, key] = row

    def get(self, frame: str, key: Key) -> Row | None:
        """Return the row of a key, or None."""
        return self._rows.get((frame, key))


class _Running:
    """Values of one key's window with their instants, and their total."""

    __slots__ = ("total", "values")

    def __init__(self) -> None:
        self.values: deque[tuple[datetime, float | int]] = deque()
        self.total: float | int = 0

    def add(self, at: datetime, value: float | int) -> None:
        self.values.append((at, value))
        self.total += value

    def forget(self, until: datetime) -> None:
        while self.values and self.values[0][0] <= until:
            self.total -= self.values.popleft()[1]


class Snapshot:
    """What a plan's joins and windows would find now. One thread at a time.

    Parameters
    ----------
    plan
        One without leaks.
    rows
        Where the last rows of joined frames are; a `Table` by default.
    """

    def __init__(self, plan: FeaturePlan, rows: Rows | None = None) -> None:
        plan.refuse_leaks()
        self.plan = plan
        self._rows: Rows = Table() if rows is None else rows
        self._joins = [(f"{i}:{j.frame}", j, _at(j)) for i, j in enumerate(plan.document.joins)]
        self._windows: list[tuple[WindowOf, KnownAt, timedelta, dict[Key, _Running]]] = [
            (w, KnownAt.parse(w.at, "at"), plan.span(w), {}) for w in plan.document.windows
        ]
        self._frames = {j.frame for _, j, _ in self._joins} | {w.frame for w, *_ in self._windows}

    def observe(self, frame: str, row: Row) -> None:
        """Take in a row that is known now. Rows of a frame come in the order of their instants."""
        if frame not in self._frames:
            raise NotFound(f"the plan {self.plan.document.name!r} joins no frame {frame!r}")
        for name, join, at in self._joins:
            if join.frame == frame:
                self._observe_row(name, join, at, row)
        for window, at, _, running in self._windows:
            instant, value = _instant(row, at), row.get(window.of)
            if window.frame != frame or instant is None or value is None:
                continue
            if isinstance(value, float) and math.isnan(value):
                continue
            key = tuple(row[name] for name in window.by)
            running.setdefault(key, _Running()).add(instant, value)

    def _observe_row(self, name: str, join: Join, at: KnownAt, row: Row) -> None:
        key = tuple(row[column] for column in join.by)
        instant = _instant(row, at)
        if None in key or (at.column is not None and instant is None):
            return
        kept = {join.prefix + column: row[column] for column in join.columns}
        self._rows.put(name, key, {**kept, "__at": instant})

    def look_up(self, request: Row) -> dict[str, Any]:
        """Return a request's own columns with all that is joined, as of its decision.

        Requests come in the order of their decisions, after what was known by then.
        """
        decided = _instant(request, self.plan.decision)
        if decided is None:
            raise InvalidArgument(f"the request has no {self.plan.decision.column!r}")
        found = {**request, "__decided": decided}
        for name, join, at in self._joins:
            row = self._rows.get(name, tuple(request[column] for column in join.by))
            age = self.plan.max_age(join)
            if row is not None and at.column is not None:
                late = row["__at"] > decided or (age is not None and decided - row["__at"] > age)
                row = None if late else row
            for column in join.columns:
                found[join.prefix + column] = None if row is None else row[join.prefix + column]
        for window, _, span, running in self._windows:
            of_key = running.get(tuple(request[name] for name in window.by))
            found[window.name] = _statistic(window, of_key, decided - span)
        return found

    def features(self, requests: Iterable[Row], schema: Mapping[str, Any]) -> pl.DataFrame:
        """Look up and compute, by the plan's own expressions.

        Parameters
        ----------
        schema
            Types of the base frame's columns and of the joined ones, as in training.
        """
        return self.evaluate([self.look_up(request) for request in requests], schema)

    def evaluate(self, found: Sequence[Row], schema: Mapping[str, Any]) -> pl.DataFrame:
        """Compute the features of rows that were looked up."""
        wanted = {"__decided": pl.Datetime("us", "UTC"), **schema}
        for window in self.plan.document.windows:
            wanted.setdefault(window.name, pl.Int64 if window.statistic == "count" else pl.Float64)
        return self.plan.evaluate(pl.DataFrame(found, schema=wanted, orient="row"))


def _at(join: Join) -> KnownAt:
    return KnownAt(None) if join.at is None else KnownAt.parse(join.at, "at")


def _instant(row: Row, at: KnownAt) -> datetime | None:
    instant = None if at.column is None else row.get(at.column)
    return None if instant is None else instant + at.offset


def _statistic(window: WindowOf, running: _Running | None, until: datetime) -> float | int | None:
    if running is not None:
        running.forget(until)
    count = len(running.values) if running is not None else 0
    total = running.total if running is not None else 0
    if window.statistic == "count":
        return count
    if window.statistic == "sum":
        return total
    return total / count if count else None
