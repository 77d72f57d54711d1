"""`mlops agent`: keeps a model repository at what a registry's addresses mean."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import registry_options

if TYPE_CHECKING:
    from mlops_engine.registry.target import Target

EPILOG = f"""\
  mlops agent models:/flights@champion --model-repository models --server http://127.0.0.1:8000
  mlops agent models:/flights@champion models:/delays/^2 --model-repository models --server-polls

Each event is one line of JSON on standard output: activated, rejected, rolled_back, unavailable,
recovered, refused, held, last_good, not_serving. With --audit-log it is also in a file that only
grows.

{registry_options.ENVIRONMENT}
  MLOPS_WEBHOOK_SECRET             what --webhook-port checks deliveries of MLflow with
  MLOPS_SERVER_TOKEN               sent to --server
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops agent`."""
    parser = commands.add_parser(
        "agent",
        help="keep a model repository at what a registry says",
        description="Pull what addresses mean whenever that changes, have it loaded, and go back to"
        " the version before if it cannot be. Serves the last good versions while the registry"
        " is away.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS", help="models:/NAME@ALIAS, …")
    parser.add_argument(
        "--model-repository", type=Path, default=Path("models"), metavar="DIR",
        help="where it is to be served from (%(default)s)",
    )  # fmt: skip
    registry_options.add_options(parser)
    registry_options.add_trust(parser)
    parser.add_argument("--server", metavar="URL", help="HTTP port of the server that serves it")
    parser.add_argument(
        "--server-polls", action="store_true",
        help="the server polls the repository; without it --server gets load requests",
    )  # fmt: skip
    parser.add_argument(
        "--poll-secs", type=_seconds, default=15.0, metavar="N",
        help="between two looks at the registry, give or take a fifth (%(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--major", choices=("hold", "take"), default="hold",
        help="another major version waits until it is pulled by hand, or is taken (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--webhook-port", type=int, metavar="N", help="listen for MLflow's webhooks"
    )
    parser.add_argument("--webhook-host", default="127.0.0.1", metavar="HOST", help="(%(default)s)")
    parser.add_argument("--audit-log", type=Path, metavar="FILE", help="append every event here")
    parser.add_argument(
        "--report", action="store_true",
        help="write engine.status=active@HOST into the version's tags in the registry",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="look once, and end")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look until SIGINT or SIGTERM; returns the exit status."""
    from mlops_engine.registry import parse
    from mlops_engine.registry.agent import Agent, AgentOptions, parse_models
    from mlops_engine.registry.audit import AuditLog

    source = registry_options.source_of(arguments)
    agent = Agent(
        source,
        parse_models([parse(address) for address in arguments.addresses], {}),
        arguments.model_repository,
        store=registry_options.store_of(arguments),
        target=_target(arguments),
        options=AgentOptions(
            poll_s=arguments.poll_secs,
            major=arguments.major,
            verify=registry_options.trust_of(arguments),
            audit=AuditLog(arguments.audit_log) if arguments.audit_log else None,
            on_event=_print,
            report=_reporter(source) if arguments.report else None,
        ),
    )
    if arguments.once:
        agent.start()
        agent.step()
        return 0
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        agent.wake()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    close = _listen(arguments, agent)
    try:
        agent.run(stop)
    finally:
        close()
    return 0


def _target(arguments: argparse.Namespace) -> Target:
    from mlops_engine.registry.target import ServerTarget, Unwatched

    if arguments.server is None:
        return Unwatched()
    token = os.environ.get("MLOPS_SERVER_TOKEN")
    return ServerTarget(arguments.server, token, explicit=not arguments.server_polls)


def _reporter(source: Any) -> Callable[[str, int, str], None]:
    """Return what tags versions in a registry that has tags."""
    if not hasattr(source, "set_tag"):
        raise SystemExit(f"mlops agent: {source.name} has no tags to report to")
    host = socket.gethostname()

    def report(model: str, number: int, state: str) -> None:
        source.set_tag(model, number, "engine.status", f"{state}@{host}")

    return report


def _listen(arguments: argparse.Namespace, agent: Any) -> Any:
    """Open the door for webhooks, if one is wanted; returns what closes it."""
    if arguments.webhook_port is None:
        return lambda: None
    from mlops_engine.registry.webhook import Checker, Webhook

    secret = os.environ.get("MLOPS_WEBHOOK_SECRET")
    if not secret:
        raise SystemExit("mlops agent: --webhook-port needs MLOPS_WEBHOOK_SECRET")
    host, port = arguments.webhook_host, arguments.webhook_port
    webhook = Webhook(host, port, Checker(secret), agent.wake)
    _print({"event": "listening", "webhook_port": webhook.port})
    return webhook.close


def _print(facts: Mapping[str, Any]) -> None:
    print(json.dumps(facts), flush=True)


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 86400")
    return value
