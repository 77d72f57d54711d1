"""All stages in their order, what decides each, and the sections that a file may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument

from . import sections
from .plan import Plan, Reader
from .stage import Context, Stage

__all__ = ["READERS", "STAGES", "read_document", "read_plan"]

_HERE = "mlops_engine.pipeline"
_TABLES = ("numpy", "polars")
_TRAINING = ("lightgbm", "numpy", "scikit-learn")


def _stage(
    name: str,
    *,
    inputs: str = "",
    reads: str = "",
    code: tuple[str, ...] = (),
    needs: str | None = None,
    libraries: tuple[str, ...] = (),
    observes: bool = False,
) -> Stage:
    module = f"{_HERE}.stages.{name}"
    return Stage(
        name,
        _late(module, "run"),
        tuple(inputs.split()),
        tuple(reads.split()),
        needs,
        (module, *code),
        libraries,
        _late(module, "observe") if observes else None,
    )


def _late(module: str, function: str) -> Callable[[Context], Any]:
    """Import a stage when it runs: finding that nothing is to be done loads no library."""

    def call(context: Context) -> Any:
        import importlib

        return getattr(importlib.import_module(module), function)(context)

    return call


_ROWS = f"{_HERE}.stages.features"
STAGES: tuple[Stage, ...] = (
    _stage("ingest", reads="ingest", libraries=_TABLES, observes=True),
    _stage(
        "validate", inputs="ingest", reads="validate", needs="validate", libraries=_TABLES,
        code=("mlops_engine.contract",), observes=True,
    ),
    _stage(
        "features", inputs="ingest validate", reads="features", libraries=_TABLES,
        code=("mlops_engine.features",), observes=True,
    ),
    _stage(
        "split", inputs="features", reads="split features", libraries=_TABLES,
        code=("mlops_engine.evaluation.splits",),
    ),
    _stage(
        "hpo", inputs="features split", reads="hpo train features", needs="hpo",
        code=(_ROWS, f"{_HERE}.models"), libraries=(*_TRAINING, "optuna"),
    ),
    _stage(
        "train", inputs="features split hpo", reads="train features",
        code=(_ROWS, f"{_HERE}.models"), libraries=_TRAINING,
    ),
    _stage(
        "evaluate", inputs="features split train",
        reads="evaluation robustness cases suspicion champion features",
        code=(_ROWS, "mlops_engine.evaluation", f"{_HERE}.champion", f"{_HERE}.evidence"),
        libraries=_TRAINING, observes=True,
    ),
    _stage(
        "gates", inputs="evaluate", reads="gates champion",
        code=("mlops_engine.evaluation.gates",),
    ),
    _stage(
        "export", inputs="features split train", reads="export features",
        code=(_ROWS, f"{_HERE}.models", "mlops_engine.train.export"),
        libraries=("onnx", "onnxmltools", "onnxruntime", "skl2onnx", "numpy"),
    ),
    _stage(
        "quantize", inputs="features split export", reads="quantize evaluation export features",
        needs="quantize", code=(_ROWS, "mlops_engine.quantize", "mlops_engine.evaluation"),
        libraries=("numpy", "onnx", "onnxruntime"),
    ),
    _stage("profile", inputs="features split train", reads="features", code=(_ROWS,)),
    _stage(
        "bench", inputs="features split export quantize", reads="bench", needs="bench",
        code=(_ROWS,), libraries=("onnxruntime",),
    ),
    _stage(
        "card",
        inputs="ingest features split hpo train evaluate gates export quantize profile bench",
        reads="card features split train",
        code=("mlops_engine.evaluation.sbom",), libraries=(*_TRAINING, "onnx"),
    ),
    _stage("sign", inputs="card", reads="sign register", needs="register", observes=True),
    _stage(
        "register", inputs="ingest card sign", reads="register", needs="register",
        code=(f"{_HERE}.stages.sign",),
    ),
    _stage("promote", inputs="register", reads="promote register", needs="promote"),
)  # fmt: skip


def _record(kind: type, name: str) -> Reader:
    return partial(sections.convert, kind=kind, where=name)


def _judged(name: str) -> Reader:
    """Read a section that `mlops_engine.evaluation` defines."""

    def read(table: Any) -> Any:
        from mlops_engine import evaluation

        kinds: Mapping[str, Any] = {
            "split": evaluation.SplitSettings,
            "evaluation": evaluation.EvaluationSettings,
            "robustness": evaluation.RobustnessSettings,
            "gates": dict[str, evaluation.GateRule],
        }
        return sections.convert(table, kinds[name], name)

    return read


READERS: Mapping[str, Reader] = {
    "ingest": _record(sections.Ingest, "ingest"),
    "features": _record(sections.Features, "features"),
    "split": _judged("split"),
    "hpo": _record(sections.Search, "hpo"),
    "train": _record(sections.Train, "train"),
    "evaluation": _judged("evaluation"),
    "robustness": _judged("robustness"),
    "cases": _record(sections.Cases, "cases"),
    "suspicion": _record(sections.Suspicion, "suspicion"),
    "champion": _record(sections.Champion, "champion"),
    "gates": _judged("gates"),
    "export": _record(sections.Export, "export"),
    "quantize": _record(sections.Quantize, "quantize"),
    "validate": _record(sections.Validate, "validate"),
    "bench": _record(sections.Bench, "bench"),
    "card": _record(sections.Card, "card"),
    "sign": _record(sections.Sign, "sign"),
    "register": _record(sections.Register, "register"),
    "promote": _record(sections.Promote, "promote"),
}
# What a run cannot do without; the others are left out where the file does not name them.
NEEDED = ("ingest", "features", "split", "train", "evaluation", "gates", "export")


def read_plan(path: str | Path, changes: tuple[str, ...] | list[str] = ()) -> Plan:
    """Read and check a pipeline's file, whole, before anything runs.

    Parameters
    ----------
    changes
        `section.name=value` each.

    Raises
    ------
    InvalidArgument
        Says what is wrong, and where.
    """
    return _checked(Plan.from_toml(path, READERS, [s.name for s in STAGES], changes, NEEDED))


def read_document(document: Mapping[str, Any], folder: Path) -> Plan:
    """Check a document as `read_plan` checks a file."""
    return _checked(Plan.from_document(document, folder, READERS, [s.name for s in STAGES], NEEDED))


def _checked(plan: Plan) -> Plan:
    for name in ("sign", "promote", "champion"):
        if name in plan.sections and "register" not in plan.sections:
            raise InvalidArgument(f"[{name}] needs [register]")
    return plan
