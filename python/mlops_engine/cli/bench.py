"""``mlops-bench``: measure a model behind a server or in this process, compare, report."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from mlops_engine.bench import compare, fingerprint, interleave, overhead, prediction_cache, table
from mlops_engine.bench.load import parse_loads
from mlops_engine.bench.loadgen import LoadgenError
from mlops_engine.bench.result import Document
from mlops_engine.bench.variants import VariantOptions, build_variants

EXIT_REGRESSION = 1
EXIT_USAGE = 2
EXIT_BAD_REPLIES = 3

EPILOG = """\
examples:
  mlops-bench run --model flights --url http://127.0.0.1:8000 --url grpc://127.0.0.1:8001
  mlops-bench run --model mlp --url http://127.0.0.1:8000 --rate 1000,5000 --concurrency 64
  mlops-bench run --model mlp --in-process mlp.onnx --json mlp.json
  mlops-bench compare before.json after.json
  mlops-bench cache --threads 8
"""


def _cpu_list(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlops-bench",
        description="Latency and throughput of a KServe v2 server, or of the engine in process.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands.add_parser("run", help="measure; closed loop, or open loop with --rate"))
    two = commands.add_parser(
        "compare", help="ratios of two results; exit status 1 on a regression"
    )
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path)
    two.add_argument(
        "--threshold", type=float, default=0.05, help="tolerated worsening (default 0.05)"
    )
    two.add_argument("--force", action="store_true", help="compare results of different machines")
    one = commands.add_parser("report", help="print a result as Markdown")
    one.add_argument("result", type=Path)
    cache = commands.add_parser("cache", help="the prediction cache: hits, threads, policy")
    cache.add_argument("--threads", type=int, default=8, help="asking at a time (default 8)")
    cache.add_argument("--duration", type=float, default=2.0, help="seconds of that (default 2)")
    cache.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    what = run.add_argument_group("what is measured; several are interleaved")
    what.add_argument("--model", required=True, help="model name")
    what.add_argument(
        "--url",
        action="append",
        default=[],
        metavar="[NAME=]SCHEME://HOST:PORT",
        help="http, http-json or grpc; repeatable",
    )
    what.add_argument(
        "--token-file",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="token sent with every request (to the URL of that name); repeatable",
    )
    what.add_argument(
        "--in-process", type=Path, metavar="ONNX", help="Engine.infer against bare onnxruntime"
    )
    load = run.add_argument_group("load")
    load.add_argument(
        "--concurrency", default="1,8,64", help="N or CxS, comma-separated (default 1,8,64)"
    )
    load.add_argument(
        "--rate", help="requests/s, comma-separated: open loop over the last concurrency"
    )
    load.add_argument("--arrivals", choices=("poisson", "constant"), default="poisson")
    load.add_argument(
        "--duration", type=float, default=5.0, help="seconds of one repeat (default 5)"
    )
    load.add_argument(
        "--warmup", type=float, default=1.0, help="seconds discarded before each (default 1)"
    )
    load.add_argument("--repeats", type=int, default=5, help="interleaved repeats (default 5)")
    load.add_argument("--seed", type=int, default=1)
    rows = run.add_argument_group("payload")
    rows.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME:DATATYPE:SHAPE",
        help="of one request; default: asked from the server or read from the model",
    )
    rows.add_argument("--batch", type=int, default=1, help="rows in one request (default 1)")
    rows.add_argument(
        "--rows", type=Path, metavar="NPY", help="rows to rotate through; default: generated"
    )
    rows.add_argument(
        "--verify", type=Path, metavar="ONNX", help="check every reply against onnxruntime"
    )
    rows.add_argument(
        "--tolerance", type=float, default=1e-5, help="of --verify, FP32 (default 1e-5; 0: bytes)"
    )
    where = run.add_argument_group("machine")
    where.add_argument("--client-cpu", type=int, metavar="N", help="pin the load generator")
    where.add_argument("--server-cpus", type=_cpu_list, metavar="N,N", help="pin the servers")
    where.add_argument(
        "--spin", action="store_true", help="the load generator polls instead of sleeping"
    )
    where.add_argument("--allow-remote", action="store_true", help="send load to other machines")
    run.add_argument(
        "--json", type=Path, metavar="FILE", help="write the result, raw histograms included"
    )


def _check(options: argparse.Namespace) -> None:
    if not options.url and options.in_process is None:
        raise ValueError("give at least one --url or --in-process")
    if (
        options.duration <= 0
        or options.warmup < 0
        or not 1 <= options.repeats <= 1000
        or options.batch < 1
    ):
        raise ValueError("durations, repeats and batch are positive")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _print_document(document: Document) -> None:
    print(table.render(document))
    if document.overhead is not None:
        print("\n" + overhead.render(dict(document.overhead)))


def run_command(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Measure, print the table, write the result.

    Returns
    -------
    int
        0, or `EXIT_BAD_REPLIES` when replies were wrong: such figures are not results.
    """
    _check(options)
    loads = parse_loads(options.concurrency, options.rate)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-bench-")))
        wanted = VariantOptions.from_namespace(options, folder)
        variants = build_variants(wanted, stack)
        cells = interleave.run(variants, loads, options.repeats, options.model, _progress)
    added = (
        None if options.in_process is None else overhead.measure(options.in_process, options.batch)
    )
    _progress("")
    document = Document(
        machine=fingerprint.machine(),
        software=fingerprint.software(),
        command=shlex.join(["mlops-bench", *arguments]),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        cells=cells,
        overhead=added if isinstance(added, dict) else None,
    )
    _print_document(document)
    if isinstance(added, str):
        print(f"\nno C++ figures: {added}")
    if options.json is not None:
        document.save(options.json)
    return EXIT_BAD_REPLIES if any(cell.errors for cell in cells) else 0


def compare_command(options: argparse.Namespace) -> int:
    """Print ratios after / before.

    Returns
    -------
    int
        0, or `EXIT_REGRESSION`.
    """
    before, after = Document.load(options.before), Document.load(options.after)
    different = fingerprint.differences(before.machine, after.machine)
    if different and not options.force:
        raise ValueError(
            "results of different machines are not comparable:\n  " + "\n  ".join(different)
        )
    for line in fingerprint.differences(before.software, after.software):
        print(f"software {line}")
    found = compare.compare(before, after, options.threshold)
    if not found:
        raise ValueError("the two results have no measurement in common")
    rows = [
        (
            *item.key,
            item.figure,
            f"{item.ratio:.3f}",
            f"{item.low:.3f}..{item.high:.3f}",
            "REGRESSION" if item.regression else "",
        )
        for item in found
    ]
    head = ("model", "variant", "target", "load", "figure", "after/before", "range", "")
    print(table.markdown(head, rows))
    return EXIT_REGRESSION if any(item.regression for item in found) else 0


def cache_command(options: argparse.Namespace) -> int:
    """Print what the prediction cache costs and keeps.

    Returns
    -------
    int
        0.
    """
    if not 1 <= options.threads <= 1024 or options.duration <= 0:
        raise ValueError("threads and duration are positive")
    result = prediction_cache.measure(options.threads, options.duration)
    print(prediction_cache.render(result))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        Exit status: 0 good, 1 regression, 2 usage or no run, 3 wrong replies.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    try:
        if options.command == "run":
            return run_command(options, words)
        if options.command == "compare":
            return compare_command(options)
        if options.command == "cache":
            return cache_command(options)
        _print_document(Document.load(options.result))
        return 0
    except (ValueError, OSError, LoadgenError) as error:
        print(f"mlops-bench: {error}", file=sys.stderr)
        return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
