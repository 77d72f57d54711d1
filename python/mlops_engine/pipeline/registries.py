"""The registry that a file names, open for writing."""

from __future__ import annotations

from pathlib import Path

from mlops_engine.errors import InvalidArgument
from mlops_engine.registry import LocalRegistry, Registry, open_source
from mlops_engine.registry.sources.bucket import BucketRegistry
from mlops_engine.registry.sources.mlflow import MlflowSource
from mlops_engine.registry.web import Credentials, WebOptions

from .secrets import read_secret
from .sections import Register
from .stage import Context

__all__ = ["registry_of"]


def registry_of(context: Context) -> Registry:
    """Open the registry of `[register]`.

    Raises
    ------
    InvalidArgument
        It is none that can be written to.
    """
    settings: Register = context.section("register")
    if settings.registry is None:
        return LocalRegistry()
    if "://" not in settings.registry:
        return LocalRegistry(context.plan.folder / Path(settings.registry).expanduser())
    web = None
    if settings.secret is not None:
        secret = read_secret(settings.secret, context.environ, context.plan.folder)
        web = WebOptions(Credentials(settings.user, secret.decode().strip()))
    endpoint = context.environ.get("AWS_ENDPOINT_URL")
    found = open_source(settings.registry, web, {"endpoint": endpoint} if endpoint else {})
    if not isinstance(found, LocalRegistry | MlflowSource | BucketRegistry):
        raise InvalidArgument(f"{found.name} cannot be written: name a folder, MLflow or a bucket")
    return found
