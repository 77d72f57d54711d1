"""What came of an attempt to make a variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    directory
        The published version folder; None where the variant was refused.
    refusals
        Why the variant is, or without `force` would have been, refused.
    report
        The document `quantization.json` (docs/quantize.md).
    """

    directory: Path | None
    refusals: tuple[str, ...]
    report: Mapping[str, Any]
