"""`mlops route`: which version of a model answers, on a running server."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from mlops_engine.errors import MlopsError
from mlops_engine.routing import Route, of_server
from mlops_engine.server import ServerError

EPILOG = """\
  mlops route set flights --stable 1 --arm canary=2:0.05 --shadow 3
  mlops route get flights
  mlops route explain flights --key user-17
  mlops route clear flights

The server's URL is --url; a token, where it wants one, is read from MLOPS_TOKEN.
"""


def add_parser(commands: Any) -> None:
    """Declare the command line of `mlops route`."""
    parser = commands.add_parser(
        "route",
        help="who gets which version: read, changed, explained",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _verb(verbs, "get", "the route in force and what came of it", run_get)
    change = _verb(verbs, "set", "put a route in force for the next request", run_set)
    change.add_argument("--file", metavar="FILE", help="a whole document, as get prints it")
    change.add_argument("--stable", type=int, metavar="VERSION")
    change.add_argument(
        "--arm", action="append", default=[], metavar="NAME=VERSION:SHARE", help="may be repeated"
    )
    change.add_argument(
        "--shadow", action="append", default=[], metavar="VERSION[:SAMPLE]", help="may be repeated"
    )
    change.add_argument("--salt", help="another one shuffles all units anew")
    change.add_argument("--unit-header", metavar="NAME", help="who is who, by a request header")
    change.add_argument("--unit-parameter", metavar="NAME", help="likewise, by a parameter")
    change.add_argument("--override-header", metavar="NAME", help="names the arm, for testers")
    change.add_argument("--guard", metavar="ARM", help="loses its traffic when it is worse")
    explain = _verb(verbs, "explain", "which arm a unit gets", run_explain)
    explain.add_argument("--key", required=True, metavar="UNIT")
    _verb(verbs, "rollback", "take all arms' traffic away, at once", run_roll_back)
    _verb(verbs, "clear", "forget the route", run_clear)


def _verb(verbs: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text)
    parser.add_argument("model")
    parser.add_argument(
        "--url", default="http://127.0.0.1:8000", help="of the server (%(default)s)"
    )
    parser.set_defaults(run=lambda arguments: _run(run, arguments))
    return parser


def _run(verb: Any, arguments: argparse.Namespace) -> int:
    try:
        route = of_server(arguments.url, arguments.model, token=os.environ.get("MLOPS_TOKEN"))
        answer = verb(route, arguments)
    except MlopsError as error:
        raise ServerError(str(error)) from None
    if answer:
        print(json.dumps(answer))
    return 0


def run_get(route: Route, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the route."""
    return route.get()


def run_explain(route: Route, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what a unit gets."""
    return route.explain(arguments.key)


def run_clear(route: Route, arguments: argparse.Namespace) -> None:
    """Forget the route."""
    route.clear()


def run_roll_back(route: Route, arguments: argparse.Namespace) -> dict[str, Any]:
    """Let stable answer everybody."""
    return route.roll_back()


def run_set(route: Route, arguments: argparse.Namespace) -> dict[str, Any]:
    """Put what the command line says in force."""
    if arguments.file:
        with open(arguments.file) as file:
            return route.put(json.load(file))
    if arguments.stable is None:
        raise ServerError("mlops route set needs --stable or --file")
    arms: dict[str, Any] = dict(_arm(text) for text in arguments.arm)
    return route.set(
        stable=arguments.stable,
        shadow=[_shadow(text) for text in arguments.shadow],
        salt=arguments.salt,
        unit=_field(header=arguments.unit_header, parameter=arguments.unit_parameter),
        override=_field(header=arguments.override_header),
        guard=arguments.guard,
        **arms,
    )


def _field(**named: str | None) -> dict[str, str] | None:
    return {kind: name for kind, name in named.items() if name is not None} or None


def _arm(text: str) -> tuple[str, tuple[int, float]]:
    try:
        name, rest = text.split("=", 1)
        version, share = rest.split(":", 1)
        return name, (int(version), float(share))
    except ValueError:
        raise ServerError(f"'{text}' is not NAME=VERSION:SHARE") from None


def _shadow(text: str) -> tuple[int, float]:
    version, _, sample = text.partition(":")
    try:
        return int(version), float(sample or 1)
    except ValueError:
        raise ServerError(f"'{text}' is not VERSION or VERSION:SAMPLE") from None
