"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

__all__ = ["QUARANTINED_BY", "CheckReport", "Finding"]

QUARANTINED_BY = "quarantined_by"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that does not hold.

    Attributes
    ----------
    rule
        `carrier.enum`, `relation.arrives_after_departure`, `freshness.lag` ..
    severity
        fail, warn or quarantine.
    message
        For the operator.
    rows
        How many rows break it; 0 of a rule about the whole.
    examples
        A few values that do; never those of a personal column.
    """

    rule: str
    severity: str
    message: str
    rows: int = 0
    examples: list[str] = []

    def __str__(self) -> str:
        rows = f" ({self.rows} rows)" if self.rows else ""
        shown = f", such as {', '.join(self.examples)}" if self.examples else ""
        return f"{self.severity}: {self.rule}: {self.message}{rows}{shown}"


@dataclass(frozen=True)
class CheckReport:
    """The verdict on one frame.

    Attributes
    ----------
    errors
        For which the data must not be used.
    warnings
        What was quarantined, and what is only told.
    good
        Rows that may be used; personal columns are hashed or gone.
    quarantined
        The others, with the rules they break in `quarantined_by`.
    score
        Share of rows that break no rule, times share of rules about the whole that hold; 0 if a
        column is missing or of another type.
    """

    contract: str
    digest: str
    at: datetime
    rows: int
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    good: pl.DataFrame = field(repr=False)
    quarantined: pl.DataFrame = field(repr=False)
    score: float

    @property
    def ok(self) -> bool:
        """Whether `good` may be used."""
        return not self.errors

    @property
    def rules(self) -> set[str]:
        """Names of the rules that do not hold."""
        return {finding.rule for finding in (*self.errors, *self.warnings)}

    def to_dict(self) -> dict[str, Any]:
        """Return all but the rows, as JSON has it."""
        return {
            "contract": self.contract,
            "digest": self.digest,
            "at": self.at.isoformat(),
            "rows": self.rows,
            "good": self.good.height,
            "quarantined": self.quarantined.height,
            "score": self.score,
            "errors": [msgspec.to_builtins(finding) for finding in self.errors],
            "warnings": [msgspec.to_builtins(finding) for finding in self.warnings],
        }
