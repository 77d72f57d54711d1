"""A feature plan: every feature declared once, with when it is known, and built as of decisions."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from mlops_engine.contract.expression import Expression, parse
from mlops_engine.contract.tables import duration, near, read_toml
from mlops_engine.errors import InvalidArgument

from .document import Document, Feature, Join, WindowOf, decode
from .known_at import KnownAt
from .leaks import Leak, LeakError, lint
from .point_in_time import as_of, window_before

__all__ = ["FeaturePlan"]

_DECIDED = "__decided"


class FeaturePlan:
    """Features of a model. Immutable.

    Attributes
    ----------
    document
        What the TOML said.
    digest
        Of what it said.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.digest = hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()
        self.decision = KnownAt.parse(document.decision, "decision")
        self.expressions: tuple[Expression, ...] = tuple(
            parse(feature.expression, f"feature {feature.name!r}") for feature in document.features
        )
        for join in document.joins:
            if join.max_age is not None and join.at is None:
                raise InvalidArgument(f"join of {join.frame}: max_age without at")
            self.max_age(join)
        for window in document.windows:
            self.span(window)
        instants = [(join.frame, join.at) for join in document.joins if join.at is not None]
        for frame, at in [*instants, *((w.frame, w.at) for w in document.windows)]:
            if KnownAt.parse(at, f"{frame}: at").column is None:
                raise InvalidArgument(f"{frame}: at is always; leave it out")
        self.lint()  # what is declared of instants is read here
        for feature, expression in zip(document.features, self.expressions, strict=True):
            words = _words(expression.text)
            if feature.vocabulary and words and feature.vocabulary != words:
                raise InvalidArgument(
                    f"feature {feature.name!r}: its vocabulary is not that of its code"
                )

    @classmethod
    def from_toml(cls, table: Mapping[str, Any] | str | Path) -> FeaturePlan:
        """Read a plan from a file, or from the table that a file has.

        Raises
        ------
        InvalidArgument
            Says what is wrong with it, and for an unknown key which one is near.
        """
        return cls(decode(read_toml(table)[0]))

    @property
    def names(self) -> list[str]:
        """Names of the features, in the order of the model's input."""
        return [feature.name for feature in self.document.features]

    @property
    def features(self) -> list[Feature]:
        """The features as they were declared; the words of a code are those of its expression."""
        pairs = zip(self.document.features, self.expressions, strict=True)
        return [
            msgspec.structs.replace(f, vocabulary=f.vocabulary or _words(e.text)) for f, e in pairs
        ]

    def unchanged(self) -> dict[str, str]:
        """By feature: the column that it is as it is, or an empty text: for `Contract.guards`."""
        pairs = zip(self.document.features, self.expressions, strict=True)
        return {f.name: (e.text.strip() if {e.text.strip()} == e.columns else "") for f, e in pairs}

    def max_age(self, join: Join) -> timedelta | None:
        """Return how old a joined row may be."""
        where = f"join of {join.frame}: max_age"
        return None if join.max_age is None else duration(join.max_age, where)

    def span(self, window: WindowOf) -> timedelta:
        """Return how far back a window goes."""
        return duration(window.span, f"window {window.name}: span")

    def lint(self) -> list[Leak]:
        """Return what is not shown to be known when the decision is made; empty is a proof."""
        return lint(self.document, self.expressions)

    def build(self, frames: Mapping[str, pl.DataFrame], keys: Sequence[str] = ()) -> pl.DataFrame:
        """Compute the features of every row of the base frame, in its order.

        Parameters
        ----------
        frames
            By the names that the plan has for them.
        keys
            Columns of the base frame to keep in front; labels may be among them.

        Raises
        ------
        LeakError
            If `lint` finds anything.
        InvalidArgument
            If a frame or a column is not there, or of another type than the plan needs.
        """
        self.refuse_leaks()
        return self.evaluate(self.join(frames), keys)

    def refuse_leaks(self) -> None:
        """Raise `LeakError` if `lint` finds anything."""
        leaks = self.lint()
        if leaks:
            raise LeakError("; ".join(str(leak) for leak in leaks))

    def join(self, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add to every row of the base frame what the features read, as of its decision."""
        base = self._frame(frames, self.document.base)
        try:
            base = base.with_columns(self.decision.expression().alias(_DECIDED))
            for join in self.document.joins:
                found = self._joined(base, self._frame(frames, join.frame), join)
                base = _beside(base, found)
            for window in self.document.windows:
                found = self._window(base, self._frame(frames, window.frame), window)
                base = _beside(base, found)
        except pl.exceptions.PolarsError as error:
            raise InvalidArgument(f"feature plan {self.document.name!r}: {error}") from None
        return base

    def evaluate(self, joined: pl.DataFrame, keys: Sequence[str] = ()) -> pl.DataFrame:
        """Compute the features of rows that have all that they read: the same for both paths."""
        if _DECIDED in joined.columns:
            joined = joined.with_columns(pl.col(_DECIDED).alias("decided_at"))
        columns = [
            expression.polars.alias(feature.name)
            for feature, expression in zip(self.document.features, self.expressions, strict=True)
        ]
        try:
            return joined.select(*keys, *columns)
        except pl.exceptions.PolarsError as error:
            raise InvalidArgument(f"feature plan {self.document.name!r}: {error}") from None

    def _frame(self, frames: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
        if name not in frames:
            raise InvalidArgument(f"there is no frame {name!r}{near(name, frames)}")
        return frames[name]

    def _joined(self, base: pl.DataFrame, other: pl.DataFrame, join: Join) -> pl.DataFrame:
        if join.at is None:
            repeated = other.select(pl.struct(join.by).is_duplicated().any()).item()
            if other.height and repeated:
                raise InvalidArgument(f"frame {join.frame!r} has a key twice, and no instants")
            right = other.select(*join.by, *join.columns)
            found = base.select(join.by).join(right, on=join.by, how="left", maintain_order="left")
            found = found.select(join.columns)
        else:
            found = as_of(
                base.select(*join.by, _DECIDED),
                other,
                by=join.by,
                at=KnownAt.parse(join.at, "at").expression(),
                columns=join.columns,
                max_age=self.max_age(join),
            )
        return found.rename({column: join.prefix + column for column in join.columns})

    def _window(self, base: pl.DataFrame, other: pl.DataFrame, window: WindowOf) -> pl.DataFrame:
        found = window_before(
            base.select(*window.by, _DECIDED),
            other,
            by=window.by,
            at=KnownAt.parse(window.at, "at").expression(),
            of=window.of,
            span=self.span(window),
        )
        some = pl.col("count") > 0
        statistic = {
            "count": pl.col("count"),
            "sum": pl.col("sum"),
            "mean": pl.when(some).then(pl.col("sum") / pl.col("count")),
        }[window.statistic]
        return found.select(statistic.alias(window.name))


def _words(expression: str) -> list[str]:
    """Return the words of `code(column, 'A', 'B')`; empty for any other expression."""
    call = ast.parse(expression.strip(), mode="eval").body
    if not (isinstance(call, ast.Call) and getattr(call.func, "id", None) == "code"):
        return []
    return [str(word.value) for word in call.args[1:] if isinstance(word, ast.Constant)]


def _beside(base: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    for column in found.columns:
        if column in base.columns:
            raise InvalidArgument(
                f"column {column!r} is joined to a frame that has one; see prefix"
            )
    return base.hstack(found)
