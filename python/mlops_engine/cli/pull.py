"""`mlops pull`: a version of a registry into a model repository, verified and whole."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import registry_options

EPILOG = f"""\
  mlops pull models:/flights@champion --model-repository models
  mlops pull models:/flights/^1.2 --source mlflow+https://registry --model-repository models
  mlops pull models:/flights/3 --source s3://bucket/models --dry-run

An address is models:/NAME@ALIAS, models:/NAME/3, models:/NAME/^1.2 (a range of semantic
versions), models:/NAME?TAG=VALUE, or models:/NAME (the newest).

{registry_options.ENVIRONMENT}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops pull`."""
    parser = commands.add_parser(
        "pull",
        help="bring a version from a registry into a model repository",
        description="Resolve an address, fetch and verify all files, and make them the version"
        " that the repository serves, by one rename.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("address", help="models:/NAME@ALIAS, models:/NAME/VERSION, …")
    parser.add_argument(
        "--model-repository", type=Path, default=Path("models"), metavar="DIR",
        help="where it is to be served from (%(default)s)",
    )  # fmt: skip
    registry_options.add_options(parser)
    registry_options.add_trust(parser)
    parser.add_argument("--name", help="what the model is called in the repository")
    parser.add_argument(
        "--bandwidth", type=_bandwidth, metavar="MB/S", help="download at most so fast"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be pulled, and change nothing"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Pull, and print what was done as one line of JSON; returns the exit status."""
    from mlops_engine.registry import Bandwidth, Transfer, pull, resolve

    reference = resolve(arguments.address, registry_options.source_of(arguments))
    facts = {
        "address": str(reference.address),
        "source": reference.source.name,
        "version": reference.version.id,
        "digest": reference.digest,
    }
    if arguments.dry_run:
        print(json.dumps({**facts, "files": [file.name for file in reference.files]}))
        return 0
    pulled = pull(
        reference,
        arguments.model_repository,
        store=registry_options.store_of(arguments),
        name=arguments.name,
        transfer=Transfer(bandwidth=Bandwidth(arguments.bandwidth)),
        verify=registry_options.trust_of(arguments),
    )
    facts["digest"] = pulled.digest
    facts["semantic_version"] = pulled.semantic_version
    done = {
        "directory": str(pulled.directory),
        "changed": pulled.changed,
        "fetched_bytes": pulled.fetched_bytes,
    }
    print(json.dumps({**facts, **done}))
    return 0


def _bandwidth(text: str) -> float:
    value = float(text) * 1e6
    if not 0 < value < 1e12:
        raise argparse.ArgumentTypeError(f"{text} MB/s is no bandwidth")
    return value
