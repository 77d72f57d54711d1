"""`mlops token new`: a random token, shown once, and the line that lets it in."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROLES = ("predict", "observe", "admin")
PREFIX = "mlops_"  # by which scanners for leaked secrets know it


def add_parser(commands: Any) -> None:
    """Add `token` and its commands."""
    token = commands.add_parser("token", help="make tokens for --auth-tokens")
    actions = token.add_subparsers(title="commands", metavar="COMMAND", required=True)
    new = actions.add_parser(
        "new",
        help="make a token",
        description="Print a new token, which is kept nowhere, and the line for the tokens file.",
    )
    new.add_argument("--name", required=True, type=_name, help="who it is for; in the audit log")
    new.add_argument("--role", required=True, action="append", choices=ROLES, dest="roles")
    rate, burst = _number_between(1e-3, 1e6), _number_between(1, 1e6)
    new.add_argument("--rate", type=rate, metavar="N", help="requests a second, 0.001 to 1000000")
    new.add_argument("--burst", type=burst, metavar="N", help="requests at once (default: --rate)")
    new.add_argument("--days", type=float, metavar="N", help="how long it is good for")
    new.add_argument("--append", type=Path, metavar="FILE", help="add the line to this file too")
    new.set_defaults(run=run)


def _name(text: str) -> str:
    if not re.fullmatch(r"[!#-~]{1,128}", text):
        raise argparse.ArgumentTypeError("a name is printable, without spaces, at most 128 long")
    return text


def _number_between(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number that the server, too, will take."""

    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {most:.0f}")
        return value

    return number


def token_line(token: str, arguments: argparse.Namespace) -> str:
    """Return the line of the tokens file that admits `token`."""
    roles = ",".join(role for role in ROLES if role in arguments.roles)
    digest = hashlib.sha256(token.encode()).hexdigest()
    words = [f"token name={arguments.name} sha256={digest} roles={roles}"]
    for key in ("rate", "burst"):
        value = getattr(arguments, key)
        words += [f"{key}={value!r}"] if value is not None else []
    if arguments.days is not None:
        words.append(f"expires={int(time.time() + arguments.days * 86400)}")
    return " ".join(words)


def run(arguments: argparse.Namespace) -> int:
    """Make a token; print it and its line."""
    if arguments.burst is not None and arguments.rate is None:
        print("mlops token new: --burst needs --rate", file=sys.stderr)
        return 2
    token = PREFIX + secrets.token_urlsafe(32)
    line = token_line(token, arguments)
    if arguments.append:
        descriptor = os.open(arguments.append, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(line + "\n")
    print(f"token: {token}\nline:  {line}")
    return 0
