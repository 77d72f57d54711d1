"""`mlops replay`: recorded requests, answered by a candidate and compared."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

EPILOG = """\
Prints, as JSON, what a route says of a shadow: docs/routing.md. The exit status is 0 however far
the answers are apart.

  mlops replay --log decisions/ --model candidate.onnx --version 4
"""


def add_parser(commands: Any) -> None:
    """Declare the command line of `mlops replay`."""
    parser = commands.add_parser(
        "replay",
        help="compare a candidate with what was answered",
        description="Have a candidate answer recorded requests, and compare with the answers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--log", type=Path, required=True, metavar="PATH", help="a Parquet file or a folder of them"
    )
    parser.add_argument(
        "--model", type=Path, required=True, metavar="FILE", help="the candidate's ONNX file"
    )
    parser.add_argument(
        "--version", type=int, default=1, help="of the candidate, for the report (%(default)s)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="the first N records only")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Replay; print the comparison."""
    from mlops_engine.replay import read_records, replay

    records = read_records(arguments.log)
    seen = replay(records, arguments.model, version=arguments.version, limit=arguments.limit)
    print(json.dumps(seen, indent=2))
    return 0
