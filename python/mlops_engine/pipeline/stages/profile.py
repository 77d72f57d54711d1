"""What normal is: the reference that a server counts drift against."""

from __future__ import annotations

import numpy as np

from mlops_engine.drift import Profile

from ..stage import Context, Facts
from .features import COLUMNS, matrix_of, read_rows
from .split import parts_of
from .train import SCORES

__all__ = ["REFERENCE", "run"]

REFERENCE = "reference.profile"


def run(context: Context) -> Facts:
    """Count inputs and predictions of what the model was fitted on and chosen by."""
    from mlops_engine.train import export

    columns = context.read_json("features", COLUMNS)
    parts = parts_of(context)
    seen = parts["train"] | parts["validation"]
    score = np.load(context.inputs["train"] / SCORES)[seen].astype(np.float32)
    x = matrix_of(context, read_rows(context))[seen]
    names = [column["name"] for column in columns]
    outputs = ["probability_0", "probability_1"]
    profile = Profile.from_array(
        np.column_stack([x, 1 - score, score]),
        [*names, *outputs],
        categorical=[column["name"] for column in columns if column.get("vocabulary")],
        outputs=outputs,
        tensors={
            **dict.fromkeys(names, export.INPUT),
            **dict.fromkeys(outputs, export.PROBABILITIES),
        },
    )
    (context.out / REFERENCE).write_bytes(profile.to_bytes())
    context.progress.step(f"  {len(profile.names)} streams, {int(seen.sum()):,} rows")
    return {"id": profile.id, "rows": int(seen.sum())}
