"""The bundle: graph, golden rows, samples, reference, judgement, parts list, and a card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mlops_engine import evaluation
from mlops_engine.evaluation.golden import GOLDEN_FILE, SAMPLES_FILE
from mlops_engine.evaluation.sbom import FILE_NAME as SBOM_FILE
from mlops_engine.registry.hashing import digest_file
from mlops_engine.train.card import table

from ..champion import options_of
from ..digests import library_versions
from ..models import load
from ..sections import Card, Export
from ..stage import Context, Facts
from .evaluate import SECTIONS
from .export import MODEL
from .features import COLUMNS, matrix_of, read_rows
from .profile import REFERENCE
from .quantize import served_graph
from .split import parts_of

__all__ = ["BUNDLE", "CARD", "PACKAGES", "run"]

BUNDLE, CARD, EXPLANATION = "bundle", "model_card.md", "explanation.json"
# What a model is made with; the parts list names those that are installed, and what they need.
PACKAGES = (
    *("lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "polars"),
    *("scikit-learn", "scipy", "skl2onnx"),
)
EXPLAINED_ROWS = 2000


def run(context: Context) -> Facts:
    """Put the files together; only the semantic version is missing, which a registry decides."""
    bundle = context.out / BUNDLE
    bundle.mkdir()
    shutil.copyfile(served_graph(context), bundle / MODEL)
    shutil.copyfile(context.inputs["profile"] / REFERENCE, bundle / REFERENCE)
    gates = _gates(context)
    (bundle / "gates.json").write_text(json.dumps(gates, indent=2) + "\n")
    x = matrix_of(context, read_rows(context))[parts_of(context)["test"]]
    _write_golden(context, bundle, x)
    explained = _explain(context, bundle, x)
    (bundle / CARD).write_text(_card(context, gates, explained))
    (bundle / SBOM_FILE).write_bytes(_parts_list(context, bundle))
    facts = context.facts
    context.write_json(
        "facts.json",
        {
            "name": context.plan.pipeline.model,
            "signature": facts["export"]["signature"],
            "lineage": {
                "data": facts["ingest"]["dataset"],
                "test": facts["split"]["test"],
                # Whatever else than the data decides the model: the same, and it is a rebuild.
                "options": options_of(context),
                "kind": facts["train"]["kind"],
                "champion": facts["evaluate"]["champion"],
            },
            "metrics": facts["evaluate"]["metrics"],
            "gates": {"passed": gates["passed"], "count": len(gates["gates"])},
        },
    )
    return {"gates": len(gates["gates"])}


def _write_golden(context: Context, bundle: Path, x: Any) -> None:
    """Pick rows of the test part, with what the graph that is served says of them."""
    from mlops_engine.train import export

    settings: Export = context.section("export")
    scores = export.run_onnx((bundle / MODEL).read_bytes(), x)[1][:, 1].astype(np.float64)
    names = context.facts["features"]["features"]
    golden = evaluation.golden_rows(x, scores, names, settings.golden_rows)
    (bundle / GOLDEN_FILE).write_bytes(golden.to_json())
    if any(None not in row for row in golden.rows):
        samples = evaluation.sample_inputs(golden, export.INPUT)
        (bundle / SAMPLES_FILE).write_bytes(samples)
    else:
        context.progress.step("  every row has missing values: no sample request in JSON")


def _explain(context: Context, bundle: Path, x: Any) -> dict[str, str]:
    """Say what moves the model, where that can be computed: for trees of LightGBM."""
    if context.facts["train"]["kind"] != "lightgbm":
        return {}
    some = x[np.unique(np.linspace(0, len(x) - 1, EXPLAINED_ROWS, dtype=np.int64))]
    booster = load(context.inputs["train"]).model
    found = evaluation.explain(booster, some, context.facts["features"]["features"])
    (bundle / EXPLANATION).write_bytes(found.to_json())
    return evaluation.card_sections(explanation=found)


def _parts_list(context: Context, bundle: Path) -> bytes:
    """Name the software; the version is the graph's digest until a registry gives a number."""
    files = {path.name: path.read_bytes() for path in sorted(bundle.iterdir())}
    version = digest_file(bundle / MODEL).sha256[:12]
    installed = [name for name, found in library_versions(PACKAGES).items() if found]
    return evaluation.sbom(context.plan.pipeline.model, version, files, installed)


def _gates(context: Context) -> dict[str, Any]:
    """Return what was judged, by quality and in the engine, as one document."""
    found = [
        json.loads((context.inputs[stage] / "gates.json").read_text())
        for stage in ("gates", "bench")
        if stage in context.inputs
    ]
    return {
        "format": 1,
        "passed": all(each["passed"] for each in found),
        "gates": [gate for each in found for gate in each["gates"]],
    }


def _card(context: Context, gates: dict[str, Any], explained: dict[str, str]) -> str:
    facts, said = context.facts, context.plan.sections.get("card") or Card()
    parity = facts["export"]["parity"]
    sections = {
        "What it is for": said.purpose or "Nobody wrote that down: `[card] purpose` is empty.",
        "Data": _data(facts),
        "Features": _features(context),
        "Training": _training(facts),
        **context.read_json("evaluate", SECTIONS),
        **explained,
        "Gates": table(
            ("gate", "measure", "verdict", "why"),
            [(g["gate"], f"`{g['of']}`", g["verdict"], g["reason"]) for g in gates["gates"]],
        ),
        "Limits": _list(
            [
                *said.limits,
                f"ONNX and the trained model agreed on {parity['rows']:,} rows; largest difference"
                f" {parity['largest_difference']:.1e}, allowed {parity['tolerance']:.0e}.",
                *_quantized(facts),
            ]
        ),
    }
    body = [f"## {heading}\n\n{text}" for heading, text in sections.items()]
    return "\n\n".join([f"# {context.plan.pipeline.model}", *body]) + "\n"


def _data(facts: Any) -> str:
    tables = facts["ingest"]["tables"].items()
    rows = [(f"`{name}`", f"{each['rows']:,}", f"`{each['digest'][:16]}`") for name, each in tables]
    parts = facts["split"]["rows"]
    listed = table(("table", "rows", "digest"), rows)
    return (
        f"Data set `{facts['ingest']['dataset']}`.\n\n{listed}\n\n"
        f"{facts['features']['rows']:,} rows with an answer, {facts['features']['without_label']:,}"
        f" without; {parts['train']:,} for training, {parts['validation']:,} for validation,"
        f" {parts['test']:,} for the test."
    )


def _features(context: Context) -> str:
    missing = context.facts["features"]["missing"]
    rows = [
        (
            f"`{c['name']}`",
            c.get("unit", ""),
            f"{missing[c['name']]:.2%}",
            " ".join(c.get("vocabulary", ())),
        )
        for c in context.read_json("features", COLUMNS)
    ]
    return table(("feature", "unit", "missing", "codes 0, 1, …"), rows)


def _training(facts: Any) -> str:
    train = facts["train"]
    rounds = f", {train['rounds']} trees" if train["rounds"] else ""
    chosen = ", ".join(f"{k} {v}" for k, v in train["parameters"].items()) or "defaults"
    searched = facts.get("hpo", {}).get("trials")
    how = f" Parameters found in {searched} trials." if searched else ""
    return f"{train['kind']}{rounds}: {chosen}.{how}"


def _quantized(facts: Any) -> list[str]:
    found = facts.get("quantize")
    if found is None:
        return []
    if found["kept"]:
        return [f"Served in fewer bits ({found['method']}), which is what golden rows are of."]
    return [f"The variant in fewer bits was not kept: {'; '.join(found['refusals'])}."]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
