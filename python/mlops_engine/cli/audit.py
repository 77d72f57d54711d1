"""`mlops audit`: check a log that only grows."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Declare the command line of `mlops audit`."""
    audit = commands.add_parser("audit", help="check the audit log of an agent")
    actions = audit.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verify = actions.add_parser(
        "verify",
        help="check that no line was changed or removed",
        description="Check every line against the one before it. Lines cut off at the end show"
        " only in the number and the digest that are printed: compare them with earlier ones.",
    )
    verify.add_argument("file", type=Path, help="what --audit-log of mlops agent wrote")
    verify.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; print the number of lines and the last digest."""
    from mlops_engine.registry.audit import verify

    lines, digest = verify(arguments.file)
    print(json.dumps({"lines": lines, "digest": digest}))
    return 0
