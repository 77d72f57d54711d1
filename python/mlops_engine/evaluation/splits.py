"""Which rows train, which validate, and which are looked at once.

Time splits are by instants, never by the order of rows: rows of one instant stay on one side. The
folds come from scikit-learn's splitters, over blocks of time instead of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import InvalidArgument

from .columns import column, instants
from .settings import SplitSettings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Split", "folds", "split"]

Indices = npt.NDArray[np.int64]
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Split:
    """Positions of rows, ascending. What is in no part was left out by a gap or a purge."""

    train: Indices
    validation: Indices
    test: Indices

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            if not len(getattr(self, name)):
                raise InvalidArgument(f"split: no rows are left for {name}")


def split(frame: pl.DataFrame, settings: SplitSettings) -> Split:
    """Divide rows into training, validation and test.

    Raises
    ------
    InvalidArgument
        A column is missing or of another type, or a part would be empty.
    """
    if settings.kind == "time":
        return _by_time(frame, settings)
    if settings.kind == "group":
        return _by_group(frame, settings)
    return _stratified(frame, settings)


def folds(
    frame: pl.DataFrame,
    settings: SplitSettings,
    count: int = 5,
    *,
    rolling: bool = False,
    block_s: float = 86_400.0,
) -> Iterator[tuple[Indices, Indices]]:
    """Yield (training, validation) of a cross-validation inside the rows given.

    Parameters
    ----------
    rolling
        For `time`: a window of constant length trains, instead of everything before.
    block_s
        For `time`: rows of one such block stay together; `gap_s` is rounded up to whole blocks.
    """
    from sklearn import model_selection as ms

    rows = np.arange(frame.height)
    if settings.kind == "time":
        yield from _time_folds(frame, settings, count, rolling, block_s)
    elif settings.kind == "group":
        groups = _codes(frame, settings.group, "group")
        if settings.label is None:
            yield from ms.GroupKFold(count).split(rows, groups=groups)
        else:
            labels = _codes(frame, settings.label, "label")
            both = ms.StratifiedGroupKFold(count, shuffle=True, random_state=settings.seed)
            yield from both.split(rows, labels, groups)
    else:
        labels = _codes(frame, settings.label, "label")
        yield from ms.StratifiedKFold(count, shuffle=True, random_state=settings.seed).split(
            rows, labels
        )


def _time_folds(
    frame: pl.DataFrame, settings: SplitSettings, count: int, rolling: bool, block_s: float
) -> Iterator[tuple[Indices, Indices]]:
    from sklearn.model_selection import TimeSeriesSplit

    at = _instants(frame, settings.time, "time")
    blocks, block = np.unique(at // int(block_s * MICROSECONDS), return_inverse=True)
    gap = int(np.ceil(settings.gap_s / block_s))
    test_size = len(blocks) // (count + 1)
    if test_size < 1:
        raise InvalidArgument(f"split: {len(blocks)} blocks of time are too few for {count} folds")
    longest = max(1, test_size - gap) if rolling else None
    # The newest blocks are the last fold; what does not divide goes to the first training part.
    splitter = TimeSeriesSplit(count, gap=gap, test_size=test_size, max_train_size=longest)
    try:
        for train, validation in splitter.split(blocks):
            inside = np.flatnonzero(np.isin(block, validation))
            before = np.flatnonzero(np.isin(block, train))
            yield _purged(frame, settings, before, at[inside].min()), inside
    except ValueError as error:
        raise InvalidArgument(f"split: {error}") from None


def _by_time(frame: pl.DataFrame, settings: SplitSettings) -> Split:
    at = _instants(frame, settings.time, "time")
    order = np.sort(at)
    test_from = _boundary(settings.test_from, order, 1 - settings.test)
    validation_from = _boundary(
        settings.validation_from, order, 1 - settings.test - settings.validation
    )
    if not validation_from < test_from:
        raise InvalidArgument("split: validation must begin before test does")
    gap = int(settings.gap_s * MICROSECONDS)
    train = np.flatnonzero(at < validation_from - gap)
    validation = np.flatnonzero((at >= validation_from) & (at < test_from - gap))
    return Split(
        _purged(frame, settings, train, validation_from),
        _purged(frame, settings, validation, test_from),
        np.flatnonzero(at >= test_from),
    )


def _boundary(written: str | None, order: Indices, share: float) -> int:
    """Return the first instant of a part, in microseconds."""
    if written is None:
        if share <= 0:
            raise InvalidArgument("split: the shares of validation and test leave nothing to train")
        return int(order[min(int(len(order) * share), len(order) - 1)])
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise InvalidArgument(f"split: {error}") from None
    # polars keeps an instant with a zone in UTC, and one without as it is written.
    return int(np.datetime64(moment.replace(tzinfo=None), "us").astype(np.int64)) - (
        int(offset.total_seconds() * MICROSECONDS) if (offset := moment.utcoffset()) else 0
    )


def _purged(frame: pl.DataFrame, settings: SplitSettings, rows: Indices, begin: int) -> Indices:
    if settings.label_at is None:
        return rows
    return rows[_instants(frame, settings.label_at, "label_at")[rows] < begin]


def _by_group(frame: pl.DataFrame, settings: SplitSettings) -> Split:
    from sklearn.model_selection import GroupShuffleSplit

    groups = _codes(frame, settings.group, "group")

    def part(rows: Indices, share: float, seed: int) -> tuple[Indices, Indices]:
        splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
        [(rest, taken)] = splitter.split(rows, groups=groups[rows])
        return rows[rest], rows[taken]

    return _in_three(frame.height, settings, part)


def _stratified(frame: pl.DataFrame, settings: SplitSettings) -> Split:
    from sklearn.model_selection import train_test_split

    labels = _codes(frame, settings.label, "label")

    def part(rows: Indices, share: float, seed: int) -> tuple[Indices, Indices]:
        rest, taken = train_test_split(
            rows, test_size=share, stratify=labels[rows], random_state=seed
        )
        return rest, taken

    return _in_three(frame.height, settings, part)


def _in_three(height: int, settings: SplitSettings, part: Any) -> Split:
    if settings.validation + settings.test >= 1:
        raise InvalidArgument("split: the shares of validation and test leave nothing to train")
    try:
        rest, test = part(np.arange(height), settings.test, settings.seed)
        share = settings.validation / (1 - settings.test)
        train, validation = part(rest, share, settings.seed + 1)
    except ValueError as error:
        raise InvalidArgument(f"split: {error}") from None
    return Split(np.sort(train), np.sort(validation), np.sort(test))


def _instants(frame: pl.DataFrame, name: str | None, setting: str) -> Indices:
    if name is None:
        raise InvalidArgument(f"split: `{setting}` must name a column of instants")
    return instants(frame, name)


def _codes(frame: pl.DataFrame, name: str | None, setting: str) -> Indices:
    if name is None:
        raise InvalidArgument(f"split: `{setting}` must name a column")
    return np.asarray(column(frame, name).rank("dense").fill_null(0).to_numpy(), np.int64)
