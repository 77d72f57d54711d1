"""What serves now, asked about the rows that its successor is judged on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import InvalidArgument, NotFound
from mlops_engine.registry import Reference, Store, resolve
from mlops_engine.registry.push import DIGEST_TAG

from .registries import registry_of
from .sections import Champion
from .stage import Context

__all__ = ["champion_digest", "champion_scores", "decided_by"]


def champion_digest(context: Context) -> str | None:
    """Return which version the alias means; None while it means none."""
    found = _champion(context)
    return None if found is None else found.digest


def champion_scores(
    context: Context, x: npt.NDArray[np.float32], columns: list[dict[str, Any]]
) -> npt.NDArray[np.float64] | None:
    """Return the champion's probabilities; None while there is no champion.

    Raises
    ------
    InvalidArgument
        It has other inputs: the rows mean nothing to it.
    """
    from mlops_engine.train import export

    found = _champion(context)
    if found is None:
        return None
    signature = {} if found.manifest is None else found.manifest.raw.get("signature", {})
    inputs = signature.get("inputs") or [{}]
    theirs = [_meaning(each) for each in inputs[0].get("features", [])]
    if theirs != [_meaning(each) for each in columns]:
        raise InvalidArgument(
            f"champion {found} has other features; promote a version with these by hand first, or"
            " leave out [champion]"
        )
    folder = context.scratch / "champion"
    pulled = found.pull(folder, store=Store(context.scratch / "store"))
    _, probabilities = export.run_onnx((pulled.directory / "model.onnx").read_bytes(), x)
    return np.asarray(probabilities[:, 1], np.float64)


def decided_by(context: Context) -> dict[str, Any]:
    """Return whatever else than the data decides the model."""
    document = context.plan.document
    return {
        "seed": context.seed,
        "parameters": context.facts["train"]["parameters"],
        **{name: document[name] for name in ("features", "split", "train")},
    }


def _champion(context: Context) -> Reference | None:
    """Return whom the model has to beat. A model that is champion itself beat who was before it."""
    settings: Champion = context.section("champion")
    registry, model = registry_of(context), context.plan.pipeline.model
    try:
        found = resolve(f"models:/{model}@{settings.alias}", registry)
    except NotFound:
        return None
    lineage = {} if found.manifest is None else found.manifest.lineage
    ours = {"test": context.facts["split"]["test"], "options": decided_by(context)}
    if "champion" not in lineage or any(lineage.get(k) != v for k, v in ours.items()):
        return found
    for version in registry.versions(model):
        if lineage["champion"] is not None and version.tags.get(DIGEST_TAG) == lineage["champion"]:
            return resolve(f"models:/{model}/{version.id}", registry)
    return None


def _meaning(column: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    return column["name"], tuple(column.get("vocabulary", ()))
