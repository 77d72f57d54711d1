"""From a float model and rows to a published variant, or to the reasons why there is none."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from . import gates, graph, layer_errors, report, rows, timing
from . import run as execution
from .errors import QuantizeError
from .isa import detect
from .mixed import Trial, fewest_float_layers
from .options import QuantizeOptions
from .outcome import Outcome
from .rows import Rows
from .variants import Recipe

Data = Mapping[str, Any] | str | os.PathLike[str]
HELD_OUT = 0.25
CALIBRATION_ROWS_MAX = 100_000


@dataclass(frozen=True)
class Job:
    """What `quantize` was called with."""

    source: Path
    repository: Path
    rows: Data
    held_out: Data | None
    labels: Any
    name: str | None


@dataclass(frozen=True)
class Evidence:
    """The rows, checked, and what the float model answers to the held-out ones."""

    calibration: Rows
    held_out: Rows
    labels: rows.Array | None
    fixed_rows: int | None
    exact: Mapping[str, rows.Array]


@dataclass(frozen=True)
class Candidate:
    """A variant and how it was judged."""

    model: onnx.ModelProto
    in_float: tuple[str, ...]
    judged: list[gates.Judged]

    @property
    def holds(self) -> bool:
        """Whether every gate holds."""
        return all(judged.holds for judged in self.judged)


def run(job: Job, options: QuantizeOptions, say: Callable[[str], None]) -> Outcome:
    """Do it all; see `api.quantize`."""
    name = _model_name(job, options)
    source = graph.read(job.source)
    prepared = graph.prepare(source)
    layers = graph.layers(prepared, options.method)
    graph.check_names(options.keep_float, layers)
    exact_session = execution.session(source, "the float model")
    evidence = _evidence(job, options, source, exact_session)
    isa = detect()
    say(
        f"{job.source.name}: {len(layers)} layers, {len(evidence.calibration)} rows calibrate, "
        f"{len(evidence.held_out)} judge; {isa.why()}"
    )
    with tempfile.TemporaryDirectory(prefix="mlops-quantize-") as folder:
        recipe = Recipe(
            prepared,
            layers,
            options,
            isa,
            evidence.calibration,
            evidence.fixed_rows,
            Path(folder) / "ranges.json",
        )
        chosen, trials = _search(recipe, evidence, say)
    errors = layer_errors.measure(
        (prepared, chosen.model), layers, evidence.held_out, evidence.fixed_rows, chosen.in_float
    )
    timings = _timings(exact_session, chosen.model, evidence, options, say)
    refusals = _refusals(chosen, timings, options)
    facts = report.Facts(
        job.source,
        source,
        name,
        options,
        isa,
        layers,
        evidence.calibration,
        evidence.held_out,
        chosen.in_float,
        chosen.judged,
        trials,
        errors,
        timings,
        refusals,
    )
    document = report.build(facts, chosen.model)
    if refusals and not options.force:
        return Outcome(None, tuple(refusals), document)
    directory = report.publish(job.repository, name, chosen.model, document)
    return Outcome(directory, tuple(refusals), document)


def _model_name(job: Job, options: QuantizeOptions) -> str:
    if job.name is None:
        stem = job.source.stem
        parent = job.source.absolute().parent
        # <repository>/<model>/<version>/model.onnx
        model = parent.parent.name if stem == "model" and parent.name.isdecimal() else stem
        return re.sub(r"[^\w.-]", "_", f"{model}_{options.method}", flags=re.ASCII)
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,254}", job.name, re.ASCII):
        raise QuantizeError(f"{job.name!r} is not the name of a model")
    return job.name


def _arrays(data: Data) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return {name: np.asarray(array) for name, array in data.items()}
    return rows.read(Path(data))


def _evidence(
    job: Job, options: QuantizeOptions, source: onnx.ModelProto, session: Any
) -> Evidence:
    specs = graph.inputs(source)
    fixed = graph.fixed_rows(specs)
    calibration = rows.check(_arrays(job.rows), specs, "rows")
    if job.held_out is None:
        calibration, held_out = calibration.split(HELD_OUT)
    else:
        held_out = rows.check(_arrays(job.held_out), specs, "held-out rows")
    if len(calibration) > CALIBRATION_ROWS_MAX:
        raise QuantizeError(
            f"{len(calibration)} rows calibrate; more than {CALIBRATION_ROWS_MAX} add nothing"
        )
    labels = job.labels
    if isinstance(labels, (str, os.PathLike)):
        labels = rows.read(Path(labels)).get("")
        if labels is None:
            raise QuantizeError(f"{job.labels} is no .npy file of labels")
    gates.check_labels(labels, options.gates, len(held_out))
    if fixed is not None:
        calibration = calibration.trim(fixed, "rows")
        held_out = held_out.trim(fixed, "held-out rows")
        labels = None if labels is None else labels[: len(held_out)]
    exact = execution.outputs(session, held_out, fixed)
    for name, array in exact.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise QuantizeError(f"the float model itself answers NaN or infinity in {name!r}")
    return Evidence(calibration, held_out, labels, fixed, exact)


def _search(
    recipe: Recipe, evidence: Evidence, say: Callable[[str], None]
) -> tuple[Candidate, list[Trial]]:
    """Quantize everything; if a gate fails, put the worst layers back into float, one by one."""
    options = recipe.options
    kept = tuple(dict.fromkeys(options.keep_float))
    made: dict[int, Candidate] = {}
    order: list[str] = []

    def attempt(count: int) -> bool:
        if count == 1:  # the first variant failed: now it is worth knowing which layers are worst
            found = layer_errors.measure(
                (recipe.prepared, made[0].model),
                recipe.layers,
                evidence.held_out,
                evidence.fixed_rows,
                kept,
            )
            order.extend(layer_errors.worst_first(found))
            known = {*order, *kept}
            order.extend(layer.name for layer in recipe.layers if layer.name not in known)
        in_float = (*kept, *order[:count])
        model = recipe.make(in_float)
        loaded = execution.session(model, f"the {options.method} variant")
        answers = execution.outputs(loaded, evidence.held_out, evidence.fixed_rows)
        judged = gates.judge(options.gates, evidence.exact, answers, evidence.labels)
        made[count] = Candidate(model, in_float, judged)
        shown = "; ".join(map(str, judged))
        say(f"{len(in_float)} of {len(recipe.layers)} layers in float: {shown}")
        return made[count].holds

    available = len(recipe.layers) - len(kept)
    if available == 0:
        raise QuantizeError("every layer is to be kept in float: there is nothing to quantize")
    most = available if options.float_layers_max is None else options.float_layers_max
    best, trials = fewest_float_layers(attempt, available, most)
    return made[0 if best is None else best], trials


def _timings(
    exact: Any,
    model: onnx.ModelProto,
    evidence: Evidence,
    options: QuantizeOptions,
    say: Callable[[str], None],
) -> list[timing.Timing]:
    variant = execution.session(model, "the variant")
    fixed = evidence.fixed_rows
    found = []
    for count in [fixed] if fixed is not None else dict.fromkeys(options.batches):
        float_run = timing.runner(exact, evidence.held_out, count)
        variant_run = timing.runner(variant, evidence.held_out, count)
        found.append(timing.interleave(float_run, variant_run, count, options.repeats))
        say(str(found[-1]))
    return found


def _refusals(
    chosen: Candidate, timings: list[timing.Timing], options: QuantizeOptions
) -> list[str]:
    """Say what is wrong with the variant, gates first."""
    found = [
        f"the gate {judged.gate} fails: {judged.value:.4g}"
        for judged in chosen.judged
        if not judged.holds
    ]
    found += [
        f"too slow on this machine: {measured.speedup:.2f} x the speed of the float model "
        f"at {measured.rows} rows (quartiles {measured.low:.2f} to {measured.high:.2f}), "
        f"wanted {options.speedup_min:g} x"
        for measured in timings
        if measured.speedup < options.speedup_min
    ]
    if not found and all(measured.low <= options.speedup_min for measured in timings):
        found.append("too slow on this machine: no gain that stands out of the noise at any batch")
    return found
