"""The report `quantization.json` and the version folder that it lies in."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnx

from mlops_engine.train import bundle

from .gates import Judged
from .graph import Layer
from .isa import Isa
from .layer_errors import LayerError
from .mixed import Trial
from .options import QuantizeOptions
from .rows import Rows
from .timing import Timing
from .variants import static_types

SCHEMA = "mlops-quantize/1"
REPORT = "quantization.json"
LIBRARIES = ("mlops-engine", "numpy", "onnx", "onnx-ir", "onnxruntime")


@dataclass(frozen=True)
class Facts:
    """Everything that the report tells."""

    source: Path
    source_model: onnx.ModelProto
    name: str
    options: QuantizeOptions
    isa: Isa
    layers: list[Layer]
    calibration: Rows
    held_out: Rows
    in_float: tuple[str, ...]
    judged: list[Judged]
    trials: list[Trial]
    errors: list[LayerError]
    timings: list[Timing]
    refusals: list[str]


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _options(facts: Facts) -> dict[str, Any]:
    chosen = asdict(facts.options)
    chosen["gates"] = [str(gate) for gate in facts.options.gates]
    if facts.options.method == "static":
        activation, reduce_range = static_types(facts.options, facts.isa)
        chosen |= {"activation": activation, "weight_bits": 7 if reduce_range else 8}
    return chosen


def build(facts: Facts, variant: onnx.ModelProto) -> dict[str, Any]:
    """Lay the report out; docs/quantize.md describes every field."""
    data = facts.source.read_bytes()
    refused = bool(facts.refusals) and not facts.options.force
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": facts.name,
        "source": {
            "file": facts.source.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        },
        "variant": {"bytes": variant.ByteSize(), "float_layers": list(facts.in_float)},
        "options": _options(facts),
        "rows": {
            "calibration": len(facts.calibration),
            "calibration_sha256": facts.calibration.digest(),
            "held_out": len(facts.held_out),
            "held_out_sha256": facts.held_out.digest(),
        },
        "libraries": _versions(),
        "machine": facts.isa.as_dict(),
        "gates": [judged.as_dict() for judged in facts.judged],
        "trials": [asdict(trial) for trial in facts.trials],
        "layers": [error.as_dict() for error in facts.errors],
        "timings": [measured.as_dict() for measured in facts.timings],
        "verdict": {
            "accepted": not facts.refusals,
            "forced": bool(facts.refusals) and not refused,
            "refusals": list(facts.refusals),
        },
    }


def publish(
    repository: Path, name: str, variant: onnx.ModelProto, document: Mapping[str, Any]
) -> Path:
    """Write the next version of the model, whole or not at all."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files = {bundle.MODEL_FILE: variant.SerializeToString(), REPORT: text.encode()}
    signature = {
        side: [value.name for value in getattr(variant.graph, side)] for side in ("input", "output")
    }
    manifest = {
        "name": name,
        "semantic_version": bundle.semantic_version(
            bundle.predecessor(repository, name), signature
        ),
        "signature": signature,
        "lineage": {"source_sha256": document["source"]["sha256"], "report": REPORT},
    }
    return bundle.publish(repository, name, files, manifest).directory
