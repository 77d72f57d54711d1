"""Which rows train, which validate, and which are the test."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.evaluation import split

from ..digests import digest_of
from ..stage import Context, Facts
from .features import read_rows

__all__ = ["PARTS", "parts_of", "run"]

PARTS = ("train", "validation", "test")
FILE = "parts.npy"


def run(context: Context) -> Facts:
    """Write the part of each row as a number; -1 is what a gap leaves out."""
    rows = read_rows(context)
    found = split(rows, context.section("split"))
    part = np.full(rows.height, -1, np.int8)
    counts: dict[str, Any] = {}
    for number, name in enumerate(PARTS):
        indices = getattr(found, name)
        part[indices] = number
        counts[name] = len(indices)
    np.save(context.out / FILE, part)
    counts["left_out"] = int((part < 0).sum())
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    context.progress.step(f"  {said}")
    # The test rows by what is in them: another test set is another question.
    test = digest_of([context.facts["features"]["digest"], np.flatnonzero(part == 2).tolist()])
    return {"rows": counts, "test": f"sha256:{test}"}


def parts_of(context: Context) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which rows are in each part."""
    part = np.load(context.inputs["split"] / FILE)
    return {name: part == number for number, name in enumerate(PARTS)}
