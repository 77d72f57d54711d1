"""Golden rows: inputs with the scores that they must always get; and rows to try a server with.

They are picked over the whole range of scores, rows with missing values among them, and written as
JSON with the shortest decimals that read back as the same float32, so that a diff shows what moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np

from mlops_engine.errors import InvalidArgument

from .columns import Floats
from .scorer import Rows, Scorer
from .serving import Parity, parity

__all__ = ["GOLDEN_FILE", "SAMPLES_FILE", "GoldenRows", "golden_rows", "sample_inputs"]

GOLDEN_FILE, SAMPLES_FILE = "golden_rows.json", "sample_inputs.json"


class GoldenRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of features and their scores; a missing value is null."""

    features: list[str]
    rows: Annotated[list[list[float | None]], msgspec.Meta(min_length=1, max_length=10_000)]
    scores: list[float]

    def matrix(self) -> Rows:
        """Return the inputs, float32 `[rows, features]`."""
        return np.array(
            [[np.nan if v is None else v for v in row] for row in self.rows], np.float32
        )

    def check(self, scorer: Scorer) -> Parity:
        """Ask a model about the rows and compare."""
        return parity(np.array(self.scores), scorer(self.matrix()))

    def to_json(self) -> bytes:
        """Write `golden_rows.json`."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> GoldenRows:
        """Read `golden_rows.json`; `InvalidArgument` says what is wrong."""
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidArgument(f"{GOLDEN_FILE}: {error}") from None
        widths = {len(row) for row in found.rows}
        if widths != {len(found.features)} or len(found.scores) != len(found.rows):
            raise InvalidArgument(f"{GOLDEN_FILE}: rows, features and scores do not fit")
        return found


def golden_rows(x: Rows, scores: Floats, names: Sequence[str], count: int = 64) -> GoldenRows:
    """Pick rows evenly over the ranks of scores, a quarter with missing values if there are any."""
    if x.ndim != 2 or x.shape[1] != len(names) or len(x) != len(scores) or not len(x):
        raise InvalidArgument(f"rows of shape {list(x.shape)} for {len(names)} features")
    if np.isinf(x).any() or not np.isfinite(scores).all():
        raise InvalidArgument("golden rows and their scores are finite, or missing inputs")
    order = np.argsort(scores, kind="stable")
    missing = np.asarray(np.isnan(x).any(axis=1), np.bool_)[order]
    some = order[missing][_even(int(missing.sum()), count // 4)]
    rest = order[~missing][_even(int((~missing).sum()), count - len(some))]
    picked = np.sort(np.concatenate([some, rest]))
    return GoldenRows(
        list(names), [_decimals(row) for row in x[picked]], [float(s) for s in scores[picked]]
    )


def sample_inputs(golden: GoldenRows, input_name: str = "input", count: int = 3) -> bytes:
    """Return a request of KServe's protocol, for `curl -d @sample_inputs.json .../infer`.

    Only complete rows: JSON cannot say NaN.
    """
    rows = [row for row in golden.rows if None not in row][:count]
    if not rows:
        raise InvalidArgument("every golden row has missing values, which JSON cannot say")
    tensor = {
        "name": input_name,
        "datatype": "FP32",
        "shape": [len(rows), len(golden.features)],
        "data": [value for row in rows for value in row],
    }
    return msgspec.json.encode({"inputs": [tensor]}) + b"\n"


def _even(there: int, wanted: int) -> list[int]:
    return sorted({round(place) for place in np.linspace(0, there - 1, min(there, wanted))})


def _decimals(row: Rows) -> list[float | None]:
    return [None if np.isnan(value) else float(str(value)) for value in row]
