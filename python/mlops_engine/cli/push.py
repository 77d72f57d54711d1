"""`mlops push` and `mlops promote`: a version into a registry, and what an alias means."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_engine.errors import InvalidArgument

from . import registry_options

if TYPE_CHECKING:
    from mlops_engine.registry import Registry

PUSH_EPILOG = f"""\
  mlops push models/flights/3 --model flights --sign release.key
  mlops push model.onnx --model flights --tag stage=test --source mlflow+https://registry

The semantic version is computed from what changed since the highest one: another signature is
major, the same data and options in the lineage a patch, all else minor.

{registry_options.ENVIRONMENT}
  MLOPS_KEY_PASSWORD               of the private key, if it has one
"""
PROMOTE_EPILOG = """\
  mlops promote models:/flights/3 champion --approve bob.key
  mlops promote models:/flights/3 champion --approver 'flights=bob.pub'

The first, by a second person, agrees; the second moves the alias if somebody agreed whose key
is named, and did not sign the bundle.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command lines of `mlops push` and `mlops promote`."""
    parser = commands.add_parser(
        "push",
        help="register a version",
        description="Register a folder or an ONNX file as the next version of a model, with a"
        " manifest, a semantic version, and a signature if a key is given.",
        epilog=PUSH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", type=Path, help="a folder with model.onnx, or an ONNX file")
    parser.add_argument("--model", required=True, metavar="NAME", help="what it is a version of")
    registry_options.add_source(parser)
    parser.add_argument("--semantic-version", metavar="V", help="at least what is computed")
    parser.add_argument(
        "--tag", action="append", default=[], type=_tag, metavar="KEY=VALUE", help="several may be"
    )
    parser.add_argument("--sign", type=Path, metavar="KEY.pem", help="a private key to sign with")
    parser.set_defaults(run=run_push)
    _add_promote(commands)


def _add_promote(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "promote",
        help="let an alias mean a version",
        description="Approve that an alias may mean a version, or let it mean that version.",
        epilog=PROMOTE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("address", help="models:/NAME/3, or any other address")
    parser.add_argument("alias", help="such as champion")
    registry_options.add_source(parser)
    parser.add_argument(
        "--approve", type=Path, metavar="KEY.pem", help="agree with this private key; moves nothing"
    )
    parser.add_argument(
        "--approver", action="append", default=[], type=registry_options.trusted,
        metavar="PATTERN=KEY.pem", help="a public key that may approve; needed if there is one",
    )  # fmt: skip
    parser.set_defaults(run=run_promote)


def run_push(arguments: argparse.Namespace) -> int:
    """Register; print what was made as one line of JSON."""
    from mlops_engine.registry import push

    pushed = push(
        _registry(arguments),
        arguments.model,
        arguments.path,
        semantic_version=arguments.semantic_version,
        tags=dict(arguments.tag),
        private_key=arguments.sign.read_bytes() if arguments.sign else None,
        password=os.environ.get("MLOPS_KEY_PASSWORD"),
    )
    facts = {"version": pushed.version.id, "semantic_version": pushed.semantic_version}
    print(json.dumps({"model": arguments.model, **facts, "digest": pushed.digest}))
    return 0


def run_promote(arguments: argparse.Namespace) -> int:
    """Approve or promote; print what was done as one line of JSON."""
    from mlops_engine.registry import parse
    from mlops_engine.registry.approval import approve, promote
    from mlops_engine.registry.signing import load_public_key

    registry, address = _registry(arguments), parse(arguments.address)
    number = registry.find(address.model, address.selector).number
    if number is None:
        raise InvalidArgument(f"{address} is no version with a number")
    facts = {"model": address.model, "version": number, "alias": arguments.alias}
    if arguments.approve is not None:
        key, password = arguments.approve.read_bytes(), os.environ.get("MLOPS_KEY_PASSWORD")
        approve(registry, address.model, number, arguments.alias, key, password=password)
        print(json.dumps({"event": "approved", **facts}))
        return 0
    keys = [(pattern, load_public_key(path.read_bytes())) for pattern, path in arguments.approver]
    reference = promote(registry, address.model, number, arguments.alias, keys)
    print(json.dumps({"event": "promoted", **facts, "digest": reference.digest}))
    return 0


def _registry(arguments: argparse.Namespace) -> Registry:
    from mlops_engine.registry import LocalRegistry
    from mlops_engine.registry.sources.bucket import BucketRegistry
    from mlops_engine.registry.sources.mlflow import MlflowSource

    source = registry_options.source_of(arguments)
    if not isinstance(source, LocalRegistry | MlflowSource | BucketRegistry):
        raise InvalidArgument(
            f"{source.name} is only read: push to a local registry, MLflow or a bucket"
        )
    return source


def _tag(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not (key and found):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
