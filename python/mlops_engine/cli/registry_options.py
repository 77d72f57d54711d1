"""What `mlops pull`, `push` and `agent` have in common: which registry, and who asks.

Passwords come from the environment alone: a command line is readable by every process.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_engine.registry import Source, Store, Trust
    from mlops_engine.registry.web import WebOptions

ENVIRONMENT = """\
environment:
  MLOPS_REGISTRY                   where versions come from, if --source does not say
  MLFLOW_TRACKING_URI              an MLflow server, if neither does
  MLOPS_REGISTRY_USERNAME, _PASSWORD, _TOKEN, _CA, _CLIENT_CERT, _INSECURE_TLS
                                   likewise, MLFLOW_TRACKING_USERNAME, _PASSWORD, _TOKEN,
                                   _SERVER_CERT_PATH, _CLIENT_CERT_PATH, _INSECURE_TLS
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL
                                   for s3:// sources
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare --source and --store."""
    add_source(parser)
    parser.add_argument(
        "--store", type=Path, metavar="DIR",
        help="where files are kept, for all engines of the machine (~/.local/share/mlops-engine)",
    )  # fmt: skip


def add_source(parser: argparse.ArgumentParser) -> None:
    """Declare --source."""
    parser.add_argument(
        "--source", metavar="URL",
        help="a folder, mlflow+http(s)://, http(s)://, s3://, oci://, hf:// (the local registry)",
    )  # fmt: skip


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Declare --signatures and --trust."""
    parser.add_argument(
        "--signatures", choices=("off", "warn", "enforce"), default="off",
        help="of bundles, as model-signing makes them (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--trust", action="append", default=[], type=trusted, metavar="PATTERN=KEY.pem",
        help="a public key that may sign the models whose names fit; several may",
    )  # fmt: skip


def trust_of(arguments: argparse.Namespace) -> Trust:
    """Read the keys that are trusted."""
    from mlops_engine.registry import Trust

    def warn(message: str) -> None:
        print(f"mlops: warning: {message}", file=sys.stderr)

    return Trust.from_files(arguments.signatures, arguments.trust, warn)


def trusted(text: str) -> tuple[str, Path]:
    """Read one `PATTERN=KEY.pem`."""
    pattern, found, path = text.partition("=")
    if not (pattern and found and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not PATTERN=KEY.pem")
    return pattern, Path(path)


def source_of(arguments: argparse.Namespace) -> Source:
    """Open the source that the command line or the environment names."""
    from mlops_engine.registry import LocalRegistry
    from mlops_engine.registry.sources.opening import open_source

    url = arguments.source or os.environ.get("MLOPS_REGISTRY")
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url and tracking.startswith(("http://", "https://")):
        url = f"mlflow+{tracking}"
    if not url:
        return LocalRegistry()
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    objects = {"endpoint": endpoint} if endpoint else {}
    workspace = os.environ.get("MLFLOW_WORKSPACE")
    return open_source(url, _web_options(), objects, workspace)


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
    authority = _variable("CA", "SERVER_CERT_PATH")
    certificate = _variable("CLIENT_CERT", "CLIENT_CERT_PATH")
    tls = None
    if insecure or authority or certificate:
        tls = tls_context(authority, certificate, insecure=insecure)
    return WebOptions(credentials, tls=tls)


def _variable(name: str, mlflow_name: str | None = None) -> str | None:
    ours = os.environ.get(f"MLOPS_REGISTRY_{name}")
    return ours or os.environ.get(f"MLFLOW_TRACKING_{mlflow_name or name}") or None
