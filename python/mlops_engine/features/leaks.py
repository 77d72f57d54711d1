"""Leaks: what is not known when the decision is made, by declaration, or by what the data says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from mlops_engine.contract.expression import Expression
from mlops_engine.errors import InvalidArgument

from .document import Document, Feature, Join, WindowOf
from .known_at import ALWAYS, KnownAt

__all__ = ["Leak", "LeakError", "Suspect", "lint", "suspects"]


class LeakError(InvalidArgument):
    """A feature is not known when the decision is made."""


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """A column that a feature reads, and why it must not.

    Attributes
    ----------
    feature
        Or the join or window that reads it.
    column
        `frame.column`.
    available_at, decision
        When it is known, and when it would have to be.
    """

    feature: str
    column: str
    available_at: str
    decision: str

    def __str__(self) -> str:
        return (
            f"{self.feature} reads {self.column}, known at: {self.available_at};"
            f" needed at: {self.decision}"
        )


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that alone says too much of the label."""

    feature: str
    auc: float


def lint(document: Document, expressions: Sequence[Expression]) -> list[Leak]:
    """Return what is not shown to be known by the decision; empty is a proof.

    A column of which nobody says when it is known is a leak too.
    """
    decision = KnownAt.parse(document.decision, "decision")
    found: list[Leak] = []
    joined = {"decided_at": decision}
    for join in document.joins:
        found += _of_join(document, join, decision)
        joined |= {join.prefix + column: decision for column in join.columns}
    for window in document.windows:
        found += _of_window(document, window)
        found += _keys(document, window.name, window.by, decision)
        joined[window.name] = decision
    base = document.available.get(document.base, {})
    known = {c: KnownAt.parse(at, f"available.{document.base}.{c}") for c, at in base.items()}
    for feature, expression in zip(document.features, expressions, strict=True):
        found += _of_feature(document, feature, expression, {**known, **joined})
    return found


def _of_feature(
    document: Document, feature: Feature, expression: Expression, known: dict[str, KnownAt]
) -> Iterable[Leak]:
    decision = needed = known["decided_at"]
    if feature.available_at is not None:
        needed = KnownAt.parse(feature.available_at, f"{feature.name}.available_at")
        if not needed.never_after(decision):
            yield _leak(feature.name, feature.name, str(needed), decision)
            needed = decision
    for column in sorted(expression.columns):
        name = f"{document.base}.{column}"
        if column not in known:
            yield _leak(feature.name, name, "nobody says when", needed)
        elif not known[column].never_after(needed):
            yield _leak(feature.name, name, str(known[column]), needed)


def _of_join(document: Document, join: Join, decision: KnownAt) -> Iterable[Leak]:
    """Ask that what is joined is known when its row is said to be."""
    name = f"join of {join.frame}"
    yield from _keys(document, name, join.by, decision)
    row = ALWAYS if join.at is None else KnownAt.parse(join.at, f"{name}: at")
    yield from _columns(document, name, join.frame, join.columns, row)


def _of_window(document: Document, window: WindowOf) -> Iterable[Leak]:
    row = KnownAt.parse(window.at, f"window {window.name}: at")
    yield from _columns(document, f"window {window.name}", window.frame, [window.of], row)


def _keys(document: Document, name: str, by: Sequence[str], decision: KnownAt) -> Iterable[Leak]:
    yield from _columns(document, name, document.base, by, decision)


def _columns(
    document: Document, reader: str, frame: str, columns: Iterable[str], needed: KnownAt
) -> Iterable[Leak]:
    known = document.available.get(frame, {})
    for column in columns:
        name = f"{frame}.{column}"
        if column not in known:
            yield _leak(reader, name, "nobody says when", needed)
            continue
        at = KnownAt.parse(known[column], f"available.{name}")
        if not at.never_after(needed):
            yield _leak(reader, name, str(at), needed)


def _leak(feature: str, column: str, at: str, needed: KnownAt) -> Leak:
    return Leak(feature=feature, column=column, available_at=at, decision=str(needed))


def suspects(features: pl.DataFrame, label: pl.Series, auc_max: float = 0.8) -> list[Suspect]:
    """Name the features that alone separate the label better than any honest one would.

    A canary for declarations that are wrong: it proves nothing, and asks for an explanation. AUC is
    that of the feature's rank, whichever way round; rows without a value or label are left out.
    """
    found = []
    for name in features.columns:
        rows = pl.DataFrame({"x": features[name].cast(pl.Float64, strict=False), "y": label})
        rows = rows.with_columns(pl.col("x").fill_nan(None)).drop_nulls()
        positive = int(rows["y"].cast(pl.Int64).sum())
        negative = rows.height - positive
        if not positive or not negative:
            continue
        ranks = rows.select(pl.col("x").rank("average").filter(pl.col("y").cast(pl.Boolean)).sum())
        auc = (ranks.item() - positive * (positive + 1) / 2) / (positive * negative)
        auc = max(auc, 1 - auc)
        if auc > auc_max:
            found.append(Suspect(feature=name, auc=auc))
    return sorted(found, key=lambda each: -each.auc)
