"""Other servers beside this one: ``python bench/compare/run.py BUILD MODELS OUT --peer mlserver``.

Same model, same load generator, same processors, taking turns. BUILD is a release build tree,
MODELS a repository (bench/make_models.py), OUT a folder that gets a JSON document for each peer and
model. ``--peer all`` goes through all of them, ``--report`` prints OUT's documents as one table.
Placements: ``split`` has servers on core 0 and the client on core 1, ``shared`` has all on both. A
peer's environment is made under build/compare from its pins in ``peers/``.
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import peer as peers
from report import report

from mlops_engine.bench import fingerprint, in_process, interleave, payload
from mlops_engine.bench.interleave import Variant
from mlops_engine.bench.load import Load, parse_loads
from mlops_engine.bench.loadgen import Endpoint, Loadgen, Timing, find_program
from mlops_engine.bench.payload import Payload
from mlops_engine.bench.result import Document, Repeat

sys.path.insert(0, str(Path(__file__).parents[1]))
from measure import running as running_ours
from measure import server_command

BARE = "onnxruntime"
OURS = "mlops"
PLACEMENTS: dict[str, tuple[set[int], int | None]] = {"split": ({0}, 1), "shared": ({0, 1}, None)}
ENVIRONMENTS = Path(__file__).resolve().parents[2] / "build/compare"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    choices = [*peers.PEERS, BARE, "all"]
    parser.add_argument("--peer", action="append", default=[], choices=choices)
    parser.add_argument("--model", default="mlp")
    parser.add_argument("--placement", choices=PLACEMENTS, default="split")
    parser.add_argument("--concurrency", default="1,8,64")
    parser.add_argument("--input", action="append", default=[], help="NAME:DATATYPE:SHAPE")
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--warmup", type=float, default=0.3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--triton-backend", type=Path)
    parser.add_argument("--server", default="", help="options of this server: '--precision auto'")
    parser.add_argument("--install", action="store_true", help="only make the environments")
    parser.add_argument("--report", action="store_true", help="only print the table of OUT")
    return parser.parse_args()


@contextmanager
def ours(asked: argparse.Namespace, cpus: set[int]) -> Iterator[peers.Running]:
    command = server_command(asked.build, asked.models.resolve(), threads=len(cpus))
    command += ["--model-control-mode", "explicit", "--load-model", asked.model]
    command += shlex.split(asked.server)
    with ExitStack() as stack:
        with peers.confined(cpus):  # the server counts the processors that it may use
            process, said = stack.enter_context(running_ours(command))
        yield peers.Running(said["http_port"], said["grpc_port"], process.pid)


def variant(
    name: str, protocol: str, at: peers.Running, asked: argparse.Namespace, generator: Loadgen
) -> Variant:
    timing = Timing(asked.warmup, asked.duration, PLACEMENTS[asked.placement][1])

    def measure(load: Load) -> Repeat:
        pids = peers.family(at.pid)
        endpoint = Endpoint(protocol, at.address(protocol), asked.model, pids)
        return generator.measure(endpoint, load, timing)

    return Variant(name, protocol, measure)


def rows_of(asked: argparse.Namespace) -> Payload:
    file = asked.models / asked.model / "1/model.onnx"
    inputs = [payload.parse_input(text) for text in asked.input]
    inputs = inputs or payload.inputs_from_model(file, 1)
    arrays = payload.generate(inputs)
    for spec, array in zip(inputs, arrays, strict=True):
        if array.dtype.kind == "i" and "mask" in spec.name:
            array[:] = 1  # all of the text is there
        elif array.dtype.kind == "i" and "type" in spec.name:
            array[:] = 0
    made = Payload(inputs, arrays)
    return payload.expect(made, file, asked.tolerance)


def beside(name: str, asked: argparse.Namespace, rows: Payload, stack: ExitStack) -> list[Variant]:
    """A peer and this engine, both up."""
    cpus = PLACEMENTS[asked.placement][0]
    file = asked.models / asked.model / "1/model.onnx"
    if name == BARE:
        os.sched_setaffinity(0, cpus)
        timing = Timing(asked.warmup, asked.duration)
        found = {
            OURS: in_process.engine_candidate(asked.model, file),
            BARE: in_process.onnxruntime_candidate(file, len(cpus)),
        }
        for candidate in found.values():
            stack.callback(candidate.close)

        def calling(infer: in_process.Infer) -> object:
            return lambda load: in_process.measure_closed(infer, rows, load, timing)

        return [Variant(k, "in-process", calling(c.infer)) for k, c in found.items()]
    peer = peers.PEERS[name]
    python = peers.environment(peer, ENVIRONMENTS)
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"compare-{name}-")))
    backend = asked.triton_backend and str(asked.triton_backend.resolve())
    program = find_program("mlops-loadgen")
    if program is None:
        raise SystemExit("mlops-loadgen was not found in BUILD")
    generator = Loadgen(rows, scratch, program)
    what = peers.What(asked.model, file.resolve(), rows, cpus)
    at = stack.enter_context(peers.running(peer, python, what, scratch, backend))
    here = stack.enter_context(ours(asked, cpus))
    variants = []
    for protocol in peer.protocols:
        # Bare bytes are not v2: this server's own binary form stands beside them.
        same = "http" if protocol == "http-raw" else protocol
        variants.append(variant(f"{OURS} {protocol}", same, here, asked, generator))
        variants.append(variant(f"{name} {protocol}", protocol, at, asked, generator))
    return variants


def compare(name: str, asked: argparse.Namespace) -> None:
    loads = parse_loads(asked.concurrency, None)
    with ExitStack() as stack:
        variants = beside(name, asked, rows_of(asked), stack)
        cells = interleave.run(variants, loads, asked.repeats, asked.model)
    document = Document(
        machine=fingerprint.machine(),
        software=fingerprint.software(),
        command=shlex.join(["run.py", *sys.argv[1:]]),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        cells=cells,
    )
    document.save(asked.out / f"{asked.model}-{asked.placement}-{name}.json")


def main() -> None:
    asked = arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(asked.build / "bench/loadgen"), os.environ["PATH"]])
    wanted = [*peers.PEERS, BARE] if "all" in asked.peer else asked.peer
    failed = []
    for name in [] if asked.report else wanted:
        try:
            if not asked.install:
                compare(name, asked)
            elif name != BARE:
                peers.environment(peers.PEERS[name], ENVIRONMENTS)
        except Exception as error:  # the others are still worth their turn
            failed.append(name)
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    if not asked.install:
        report(asked.out)
    raise SystemExit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
