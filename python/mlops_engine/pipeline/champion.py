"""The version that a new one has to be compared with, and what it says about the same rows."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_engine.errors import NotFound
from mlops_engine.registry import Address, Reference, Selector, Store, resolve
from mlops_engine.registry.push import DIGEST_TAG

from .registries import registry_of
from .sections import Champion
from .stage import Context

__all__ = ["champion_of", "options_of", "score_with"]


def options_of(context: Context) -> dict[str, Any]:
    """Return whatever else than the data decides the model; the manifest says it too."""
    document = context.plan.document
    chosen = {
        "seed": context.seed,
        "parameters": context.facts["train"]["parameters"],
        **{name: document[name] for name in ("features", "split", "train")},
    }
    plain: dict[str, Any] = json.loads(json.dumps(chosen, default=str))
    return plain


def champion_of(context: Context) -> Reference | None:
    """Find the champion; None while there is none.

    If it is the version that this very run made, before it was promoted, its own champion counts: a
    run that is repeated judges as it did, and does not make another version.
    """
    settings: Champion | None = context.plan.sections.get("champion")
    if settings is None:
        return None
    registry, model = registry_of(context), context.plan.pipeline.model
    try:
        found = resolve(Address(model, Selector("alias", settings.alias)), registry)
    except NotFound:
        return None
    lineage = found.manifest.lineage if found.manifest is not None else {}
    ours = {"data": context.facts["ingest"]["dataset"], "options": options_of(context)}
    if "champion" not in lineage or any(lineage.get(k) != v for k, v in ours.items()):
        return found
    with contextlib.suppress(NotFound):
        for version in registry.versions(model):
            if version.tags.get(DIGEST_TAG) == lineage["champion"]:
                return resolve(Address(model, Selector("version", version.id)), registry)
    return None


def score_with(
    reference: Reference, rows: npt.NDArray[np.float32], columns: list[dict[str, Any]]
) -> npt.NDArray[np.float64] | str:
    """Ask the champion, in the real engine, about rows with our columns.

    Returns the reason in words if it cannot be asked: it has features that the rows have not.
    """
    from mlops_engine import Engine
    from mlops_engine.evaluation import EngineScorer
    from mlops_engine.train import export

    if reference.manifest is None:
        return "the champion has no manifest, which says what its features are"
    try:
        [theirs] = [each["features"] for each in reference.manifest.raw["signature"]["inputs"]]
    except (KeyError, ValueError, TypeError):
        return "the champion's manifest does not say what its features are"
    ours = {column["name"]: place for place, column in enumerate(columns)}
    words = {column["name"]: column.get("vocabulary") for column in columns}
    for each in theirs:
        if each["name"] not in ours:
            return f"the champion has the feature {each['name']!r}, which these rows have not"
        if each.get("vocabulary") != words[each["name"]]:
            return f"the codes of {each['name']!r} are other ones than the champion's"
    matrix = np.ascontiguousarray(rows[:, [ours[each["name"]] for each in theirs]])
    with tempfile.TemporaryDirectory(prefix="mlops-champion-") as scratch, Engine() as engine:
        store = Store(Path(scratch) / "store")
        pulled = reference.pull(Path(scratch) / "models", store=store)
        engine.load("champion", pulled.directory / "model.onnx")
        return EngineScorer(engine, "champion", output=export.PROBABILITIES)(matrix)
