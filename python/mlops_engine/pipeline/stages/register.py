"""The version into the registry: if that was killed, it is found and not published twice."""

from __future__ import annotations

import contextlib

from mlops_engine.errors import NotFound, Unavailable
from mlops_engine.registry.push import DIGEST_TAG, VERSION_TAG

from ..registries import registry_of
from ..sections import Register
from ..stage import Context, Facts
from .sign import bundle_files

__all__ = ["run"]


def run(context: Context) -> Facts:
    """Publish, unless a version with this manifest is there."""
    settings: Register = context.section("register")
    registry, model = registry_of(context), context.plan.pipeline.model
    made = context.facts["sign"]
    with contextlib.suppress(NotFound):
        for version in registry.versions(model):
            if version.tags.get(DIGEST_TAG) == made["digest"]:
                context.progress.step(f"  version {version.id} is there already")
                return {"version": version.number, "registry": registry.name}
    tags = {
        **settings.tags,
        VERSION_TAG: made["semantic_version"],
        DIGEST_TAG: made["digest"],
        "dataset": context.facts["ingest"]["dataset"],
    }
    version = registry.publish(model, bundle_files(context), tags)
    if version.number is None:
        raise Unavailable(f"{registry.name} gave version {version.id}, which is no number")
    context.progress.step(f"  {model} {made['semantic_version']} is version {version.id}")
    return {"version": version.number, "registry": registry.name}
