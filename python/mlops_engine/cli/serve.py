"""`mlops serve`: start the bundled C++ server, on an example trained on the spot if asked."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from mlops_engine.process import Relay
from mlops_engine.server import (
    HOST,
    Server,
    ServerError,
    ServerOptions,
    find_binary,
    find_onnxruntime,
    free_port,
    refuse_busy_ports,
)
from mlops_engine.train import bundle
from mlops_engine.train.options import MODEL, TrainOptions

from .train import EXAMPLES, up_to_date

EPILOG = """\
On a fresh machine this is all it takes to have a model trained on real data answer requests:

  mlops serve --example flights

Arguments after -- are passed to mlops-server as they are. SIGINT and SIGTERM are passed on, and
the exit status is the server's.
"""


def port(text: str) -> int:
    """Parse a TCP port; 0 stands for one that is free."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return number or free_port()


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops serve`."""
    parser = commands.add_parser(
        "serve",
        help="start the server, on an example trained on the spot if asked",
        description="Start mlops-server on a model repository.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--example", choices=EXAMPLES, help="train this model first, unless it is up to date"
    )
    parser.add_argument(
        "--model-repository", type=Path, default=Path("models"), metavar="DIR",
        help="what to serve (%(default)s)",
    )  # fmt: skip
    for name, default in ServerOptions(Path()).ports().items():
        parser.add_argument(
            f"--{name}-port", type=port, default=default, metavar="PORT",
            help="0 takes a free one (%(default)s)",
        )  # fmt: skip
    parser.add_argument(
        "--ort-library", type=Path, metavar="FILE",
        help="libonnxruntime.so to load (default: from the installed wheel)",
    )  # fmt: skip
    parser.add_argument(
        "--server-binary", type=Path, metavar="FILE",
        help="mlops-server to run (default: the installed one)",
    )  # fmt: skip
    parser.add_argument(
        "server_arguments", nargs="*", metavar="-- ARGUMENT", help=argparse.SUPPRESS
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until the server ends; returns its exit status."""
    options = ServerOptions(
        arguments.model_repository,
        arguments.http_port,
        arguments.grpc_port,
        arguments.metrics_port,
        arguments.ort_library or find_onnxruntime(),
        arguments.server_arguments,
    )
    # What can be wrong is found before minutes are spent on training.
    binary = find_binary(arguments.server_binary)
    refuse_busy_ports(options)
    with Relay() as relay:
        example: bundle.Bundle | None = None
        if arguments.example is not None:
            trained = ensure_trained(relay, arguments.model_repository)
            if isinstance(trained, int):
                return trained
            example = trained
        elif not arguments.model_repository.is_dir():
            raise ServerError(f"{arguments.model_repository} is not a directory")
        with Server(options, binary) as server:
            relay.attach(server.process)
            if example is not None and server.wait_ready():
                show_prediction(server, example)
            return server.wait()


def ensure_trained(relay: Relay, repository: Path) -> bundle.Bundle | int:
    """Train unless the latest version is what training would give.

    Training is a process of its own: its threads and half a gigabyte go when it ends.

    Returns
    -------
    Bundle or int
        The version to serve, or the exit status of a training that failed.
    """
    try:
        found = up_to_date(repository, TrainOptions())
    except bundle.BundleError:
        found = None  # training says what is wrong with it, and publishes the next
    if found is not None:
        return found
    command = [sys.executable, "-m", "mlops_engine.cli.main", "train"]
    status = relay.run([*command, "--example", MODEL, "--model-repository", str(repository)])
    if status != 0:
        return status
    published = bundle.latest(repository, MODEL)
    if published is None:
        raise ServerError(f"training left no version in {repository}")
    return published


def show_prediction(server: Server, example: bundle.Bundle) -> None:
    """Send one real flight, print the request as a curl line, and what came back.

    Raises
    ------
    ServerError
        If the reply is not LightGBM's probability, or came from another version.
    """
    manifest = example.manifest
    flight = manifest["example"]
    values = flight["input"]
    tensor = {"name": "input", "shape": [1, len(values)], "datatype": "FP32", "data": values}
    body = json.dumps({"inputs": [tensor]}, separators=(",", ":"))
    url = f"http://{HOST}:{server.options.http_port}/v2/models/{MODEL}/infer"
    reply = server.infer(MODEL, body)
    answered = float(outputs_by_name(reply)["probabilities"][1])
    expected = float(flight["probability_late"])
    if str(reply.get("model_version")) != str(example.number):
        raise ServerError(f"version {reply.get('model_version')} replied, not {example.number}")
    if not abs(answered - expected) <= manifest["metrics"]["onnx_parity"]["tolerance"]:
        raise ServerError(f"the server says {answered!r}, LightGBM says {expected!r}")
    ports = server.options.ports()
    late = manifest["label"]["late_minutes"]
    print(
        f"\n{MODEL} {manifest['semantic_version']} is served: "
        + ", ".join(f"{name} {number}" for name, number in ports.items())
        + f"\n\nWill {flight['flight']} of {flight['scheduled_departure']} be more than {late}"
        " minutes late?\n\n"
        f"curl -s -H 'Content-Type: application/json' {url} -d {shlex.quote(body)}\n\n"
        f"{json.dumps(reply, separators=(',', ':'))}\n\n"
        f"{answered:.1%} likely, as LightGBM says. (It arrived {flight['arrival_delay_minutes']:+d}"
        f" minutes after its time.) Ctrl-C stops the server.",
        flush=True,
    )


def outputs_by_name(reply: dict[str, object]) -> dict[str, list[float]]:
    """Take the data of each output from a decoded JSON reply."""
    outputs = reply.get("outputs")
    if not isinstance(outputs, list):
        raise ServerError(f"the reply has no outputs: {reply}")
    return {output["name"]: output["data"] for output in outputs}
