"""What `mlops pull`, `push` and `agent` have in common: which registry, and who asks.

Passwords come from the environment alone: a command line is readable by every process.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_engine.registry import Source, Store
    from mlops_engine.registry.web import WebOptions

ENVIRONMENT = """\
environment:
  MLOPS_REGISTRY                   where versions come from, if --source does not say
  MLOPS_REGISTRY_USERNAME, _PASSWORD, _TOKEN, _CA, _CLIENT_CERT, _INSECURE_TLS
                                   who asks, and how servers are known
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL
                                   for s3:// sources
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare --source and --store."""
    parser.add_argument(
        "--source", metavar="URL",
        help="a folder, http(s)://, s3:// (the local registry)",
    )  # fmt: skip
    parser.add_argument(
        "--store", type=Path, metavar="DIR",
        help="where files are kept, for all engines of the machine (~/.local/share/mlops-engine)",
    )  # fmt: skip


def source_of(arguments: argparse.Namespace) -> Source:
    """Open the source that the command line or the environment names."""
    from mlops_engine.registry import LocalRegistry
    from mlops_engine.registry.sources.opening import open_source

    url = arguments.source or os.environ.get("MLOPS_REGISTRY")
    if not url:
        return LocalRegistry()
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    objects = {"endpoint": endpoint} if endpoint else {}
    return open_source(url, _web_options(), objects)


def store_of(arguments: argparse.Namespace) -> Store:
    """Open the store of files."""
    from mlops_engine.registry import Store, default_store

    return Store(arguments.store or default_store())


def _web_options() -> WebOptions:
    from mlops_engine.registry.web import Credentials, WebOptions, tls_context

    user, password = _variable("USERNAME"), _variable("PASSWORD")
    token = _variable("TOKEN")
    credentials = None
    if user is not None:
        credentials = Credentials(user, password or "")
    elif token is not None:
        credentials = Credentials(None, token)
    insecure = (_variable("INSECURE_TLS") or "").lower() in {"1", "true", "yes"}
    authority = _variable("CA")
    certificate = _variable("CLIENT_CERT")
    tls = None
    if insecure or authority or certificate:
        tls = tls_context(authority, certificate, insecure=insecure)
    return WebOptions(credentials, tls=tls)


def _variable(name: str) -> str | None:
    return os.environ.get(f"MLOPS_REGISTRY_{name}") or None
