"""`mlops quantize`: a smaller, faster variant of a model, or the reasons why not."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mlops_engine.quantize import (
    ACTIVATIONS,
    CALIBRATIONS,
    METHODS,
    METRICS,
    Gate,
    QuantizeError,
    QuantizeOptions,
    quantize,
)

EXIT_REFUSED = 3
EPILOG = f"""\
The variant is judged on this machine: over held-out rows against the float model (the gates), and
interleaved with it for speed. One that fails a gate or is slower is not published, and the exit
status is {EXIT_REFUSED}; --force publishes it all the same. Metrics: {", ".join(METRICS)}.

  mlops quantize mlp.onnx --rows rows.npz --method static --calibration entropy
  mlops quantize net.onnx --rows rows.npz --gate 'accuracy_drop<=0.005' --held-out test.npz \\
      --labels test_labels.npy
"""


def _batches(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops quantize`."""
    defaults = QuantizeOptions()
    parser = commands.add_parser(
        "quantize",
        help="make a quantized variant of a model, if it is right and faster here",
        description="Quantize an ONNX model and publish the variant in a repository.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, help="the float model, an ONNX file")
    _add_data(parser)
    _add_how(parser, defaults)
    _add_verdict(parser, defaults)
    parser.set_defaults(run=run)


def _add_how(parser: argparse.ArgumentParser, defaults: QuantizeOptions) -> None:
    how = parser.add_argument_group("how")
    how.add_argument("--method", choices=METHODS, default=defaults.method, help="%(default)s")
    how.add_argument(
        "--calibration",
        choices=CALIBRATIONS,
        default=defaults.calibration,
        help="of static ranges (%(default)s)",
    )
    how.add_argument(
        "--percentile",
        type=float,
        default=defaults.percentile,
        help="share in %% that --calibration percentile keeps (%(default)s)",
    )
    how.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default=defaults.activation,
        help="type of static activations (%(default)s: what this processor is best at)",
    )
    how.add_argument(
        "--block-size",
        type=int,
        default=defaults.block_size,
        metavar="N",
        help="weights to a scale, weight8 and weight4 (%(default)s)",
    )
    how.add_argument(
        "--keep-float",
        action="append",
        default=[],
        metavar="LAYER",
        help="a layer that is not quantized; repeatable",
    )
    how.add_argument(
        "--float-layers-max",
        type=int,
        metavar="N",
        help="worst layers that may go back to float until the gates hold (any)",
    )


def _add_verdict(parser: argparse.ArgumentParser, defaults: QuantizeOptions) -> None:
    verdict = parser.add_argument_group("verdict")
    verdict.add_argument(
        "--gate",
        action="append",
        default=[],
        metavar="METRIC<=NUMBER",
        help="repeatable; default: " + " ".join(map(str, defaults.gates)),
    )
    verdict.add_argument(
        "--batch",
        type=_batches,
        default=defaults.batches,
        metavar="N,N",
        help="rows of the executions that are timed (1,32)",
    )
    verdict.add_argument(
        "--repeats",
        type=int,
        default=defaults.repeats,
        help="interleaved rounds for each (%(default)s)",
    )
    verdict.add_argument(
        "--speedup-min",
        type=float,
        default=defaults.speedup_min,
        help="least gain at each batch size (%(default)s)",
    )
    verdict.add_argument("--force", action="store_true", help="publish what is refused, too")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rows",
        type=Path,
        required=True,
        metavar="NPZ",
        help="real rows, arrays by input name (.npy for one input)",
    )
    parser.add_argument(
        "--held-out",
        type=Path,
        metavar="NPZ",
        help="rows that judge (default: every fourth of --rows)",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="NPY", help="classes of the held-out rows, for accuracy"
    )
    parser.add_argument(
        "--model-repository",
        type=Path,
        default=Path("models"),
        metavar="DIR",
        help="where to publish (%(default)s)",
    )
    parser.add_argument("--name", help="of the published model (default: MODEL_METHOD)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the report here as well, refused or not"
    )


def _options(arguments: argparse.Namespace) -> QuantizeOptions:
    return QuantizeOptions(
        method=arguments.method,
        calibration=arguments.calibration,
        percentile=arguments.percentile,
        activation=arguments.activation,
        block_size=arguments.block_size,
        gates=tuple(map(Gate.parse, arguments.gate)) or QuantizeOptions().gates,
        keep_float=tuple(arguments.keep_float),
        float_layers_max=arguments.float_layers_max,
        batches=arguments.batch,
        repeats=arguments.repeats,
        speedup_min=arguments.speedup_min,
        force=arguments.force,
    )


def run(arguments: argparse.Namespace) -> int:
    """Quantize and judge; returns the exit status."""
    try:
        outcome = quantize(
            arguments.model,
            arguments.model_repository,
            arguments.rows,
            _options(arguments),
            name=arguments.name,
            held_out=arguments.held_out,
            labels=arguments.labels,
            say=print,
        )
    except QuantizeError as error:
        print(f"mlops quantize: error: {error}", file=sys.stderr)
        return 1
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(outcome.report, indent=2) + "\n")
    for refusal in outcome.refusals:
        print(f"mlops quantize: refused: {refusal}", file=sys.stderr)
    if outcome.directory is None:
        return EXIT_REFUSED
    print(f"published {outcome.directory}{' (forced)' if outcome.refusals else ''}")
    return 0
