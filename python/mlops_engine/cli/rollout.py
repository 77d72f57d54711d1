"""`mlops rollout`: take a version from shadow to stable, or back, by what it is seen to do."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from mlops_engine.errors import MlopsError
from mlops_engine.rollout import Controller, Rollout, State, Store
from mlops_engine.rollout.rollout import quality_of, routes_of, run
from mlops_engine.server import ServerError

_URL = "http://127.0.0.1:8000"
EXIT_BACK = 3
EXIT_UNDECIDED = 4
EPILOG = f"""\
  mlops rollout start plan.toml --url http://127.0.0.1:8000
  mlops rollout status
  mlops rollout approve flights-2
  mlops rollout abort flights-2

start runs until the rollout is over; killed and started again it goes on where it was. The exit
status is 0 when the version was promoted, {EXIT_BACK} when it was rolled back or aborted, and
{EXIT_UNDECIDED} when somebody has to approve or abort; then start goes on afterwards.
"""


def add_parser(commands: Any) -> None:
    """Declare the command line of `mlops rollout`."""
    parser = commands.add_parser(
        "rollout",
        help="take a version from shadow to stable, or back",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    start = _verb(verbs, "start", "begin a plan, or go on with it", _start)
    start.add_argument("plan", type=Path, metavar="PLAN.toml")
    start.add_argument("--name", help="by default MODEL-CANDIDATE; salts the units")
    start.add_argument("--every", type=float, default=1.0, metavar="S", help="between looks")
    _verb(verbs, "status", "all rollouts, or one with its audit log", _status).add_argument(
        "name", nargs="?"
    )
    _verb(verbs, "approve", "let one that waits or is held go on", _approve).add_argument("name")
    _verb(verbs, "abort", "give all traffic back to stable", _abort).add_argument("name")


def _verb(verbs: Any, name: str, text: str, verb: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text)
    parser.add_argument("--url", default=_URL, help="of the server (%(default)s)")
    parser.add_argument("--store", type=Path, default=Path("rollouts.db"), help="(%(default)s)")
    parser.set_defaults(run=lambda arguments: _run(verb, arguments))
    return parser


def _run(verb: Any, arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    try:
        token = os.environ.get("MLOPS_TOKEN")
        quality = quality_of(arguments.url, token)
        controller = Controller(store, routes_of(arguments.url, token), quality_of=quality)
        status: int = verb(controller, arguments)
    except MlopsError as error:
        raise ServerError(str(error)) from None
    finally:
        store.close()
    return status


def _start(controller: Controller, arguments: argparse.Namespace) -> int:
    rollout = Rollout.from_toml(arguments.plan, arguments.name)
    known = [record.id for record in controller.store.all()]
    if rollout.name not in known:
        needed = rollout.plan.requests_needed()
        print(f"mlops: requests each step will probably take: {needed}", file=sys.stderr)
        controller.start(rollout.name, rollout.document)
    state = run(controller, rollout.name, every_s=arguments.every)
    return _report(controller, rollout.name, state)


def _status(controller: Controller, arguments: argparse.Namespace) -> int:
    store = controller.store
    records = [store.get(arguments.name)] if arguments.name else store.all()
    for record in records:
        line = {"name": record.id, "state": record.state, "step": record.step}
        print(json.dumps({**line, "model": record.model, "reason": record.reason}))
    if arguments.name:
        for entry in store.audit(arguments.name):
            print(json.dumps(entry))
    return 0


def _approve(controller: Controller, arguments: argparse.Namespace) -> int:
    print(controller.approve(arguments.name))
    return 0


def _abort(controller: Controller, arguments: argparse.Namespace) -> int:
    print(controller.abort(arguments.name))
    return 0


def _report(controller: Controller, name: str, state: State) -> int:
    record = controller.store.get(name)
    print(json.dumps({"name": name, "state": str(state), "reason": record.reason}))
    if state is State.PROMOTED:
        return 0
    return EXIT_BACK if state.over else EXIT_UNDECIDED
