"""`mlops`: the operator's command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mlops_engine.errors import MlopsError
from mlops_engine.process import end_with_parent
from mlops_engine.server import ServerError
from mlops_engine.train.source import TrainError

from . import (
    agent,
    audit,
    demo,
    drift,
    pull,
    push,
    quantize,
    replay,
    reproduce,
    rollout,
    route,
    serve,
    token,
    train,
)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of `mlops` with all its commands."""
    parser = argparse.ArgumentParser(
        prog="mlops", description="Serve models, and know whether they are still right."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        agent,
        audit,
        demo,
        drift,
        pull,
        push,
        quantize,
        replay,
        reproduce,
        rollout,
        route,
        serve,
        token,
        train,
    ):
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. An expected failure is one line on stderr."""
    end_with_parent()
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except (MlopsError, ServerError, TrainError, OSError) as error:
        print(f"mlops: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
