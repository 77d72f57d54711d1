"""`mlops demo`: the golden path on real flights, and a page of what happened."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from .train import quiet_threads


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops demo`."""
    parser = commands.add_parser(
        "demo",
        help="train, register, serve, watch, retrain and roll out on real flights",
        description="Replays the flights of July to December 2013 against a server, with labels"
        " two hours late, and lets drift start retrainings. Leaves demo.html in DIR, which is"
        " emptied first.",
    )
    parser.add_argument("--work", type=Path, default=Path("build/demo/run"), metavar="DIR")
    parser.add_argument(
        "--mlflow", type=Path, metavar="FILE", help="MLflow's program (none: a folder)"
    )
    parser.add_argument("--server-binary", type=Path, metavar="FILE", help="mlops-server to run")
    parser.add_argument(
        "--until", default="2014-01-01", metavar="DAY", help="last day (%(default)s)"
    )
    parser.add_argument("--bad-on", default="2013-11-20", metavar="DAY", help="of the bad version")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="ask for one flight of N")
    parser.add_argument("--trees", type=int, default=100, help="of each model (%(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; the page is its result."""
    quiet_threads()
    from mlops_engine.demo.loop import Schedule
    from mlops_engine.demo.run import PAGE
    from mlops_engine.demo.run import run as demo
    from mlops_engine.demo.year import instant
    from mlops_engine.train.progress import Progress

    work: Path = arguments.work.absolute()
    known = (work / "runs").is_dir() or not work.exists() or not any(work.iterdir())
    if not known:
        print(f"mlops: error: {work} is no folder of a demo; name another", file=sys.stderr)
        return 1
    shutil.rmtree(work, ignore_errors=True)
    begin, end, bad = map(instant, ("2013-07-01", arguments.until, arguments.bad_on))
    schedule = Schedule(begin, end, bad, arguments.every, arguments.trees)
    demo(work, arguments.mlflow, arguments.server_binary, schedule, Progress())
    print(work / PAGE)
    return 0
