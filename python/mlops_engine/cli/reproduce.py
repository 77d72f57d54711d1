"""`mlops reproduce`: a recorded run again, and whether it gives the same model."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from mlops_engine.train.progress import Progress

from .train import quiet_threads

EPILOG = """\
Reads the data again, trains again, and compares the digests of the data set and of the ONNX graph.
The exit status is 0 if both are the same; 1 if not, and what differs is said.

  mlops reproduce latest --runs runs
  mlops reproduce 20261201T051744Z-4c1f02 --runs runs --folder elsewhere
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops reproduce`."""
    parser = commands.add_parser(
        "reproduce",
        help="do a recorded run again, and compare",
        description="Do a run of a pipeline again from its record, and compare what it gives.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_name", metavar="RUN", help="name of a run, its folder, or latest")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR",
        help="where the records are (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, metavar="DIR",
        help="where the data and the hooks are, if not where they were",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Reproduce; print what was found as JSON."""
    quiet_threads()
    from mlops_engine import pipeline

    record = pipeline.read_record(arguments.runs, arguments.run_name)
    with tempfile.TemporaryDirectory(prefix="mlops-reproduce-") as scratch:
        found = pipeline.reproduce(
            record, Path(scratch), folder=arguments.folder, progress=Progress(), environ=os.environ
        )
    facts = {"run": record["run"], "same": found.same, "dataset": found.dataset[1]}
    facts |= {"model": f"sha256:{found.model[1]}", "differences": list(found.differences)}
    print(json.dumps(facts, indent=2))
    return 0 if found.same else 1
