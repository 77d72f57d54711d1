"""Lets an alias mean the version; where approvers are named, only once one of them agreed."""

from __future__ import annotations

from mlops_engine.errors import InvalidArgument
from mlops_engine.registry.approval import promote
from mlops_engine.registry.signing import load_public_key

from ..failures import GateFailedError
from ..registries import registry_of
from ..sections import Promote
from ..stage import Context, Facts

__all__ = ["run"]


def run(context: Context) -> Facts:
    """Promote; a version that nobody approved waits, with status 10."""
    settings: Promote = context.section("promote")
    registry, model = registry_of(context), context.plan.pipeline.model
    number = context.facts["register"]["version"]
    keys = [(model, load_public_key(context.path(p).read_bytes())) for p in settings.approvers]
    try:
        reference = promote(registry, model, number, settings.alias, keys)
    except InvalidArgument as error:
        raise GateFailedError(str(error)) from error
    context.progress.step(f"  {settings.alias} is version {number}")
    return {"alias": settings.alias, "version": number, "digest": reference.digest}
