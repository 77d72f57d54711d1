"""The bundle: graph, golden rows, reference, judgement, and a card made from the facts."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from typing import Any

from mlops_engine.evaluation.golden import GOLDEN_FILE, SAMPLES_FILE
from mlops_engine.evaluation.sbom import FILE_NAME, sbom
from mlops_engine.train.card import table

from ..champion import decided_by
from ..sections import Card
from ..stage import Context, Facts
from .evaluate import SECTIONS
from .export import MODEL
from .features import COLUMNS
from .profile import REFERENCE
from .quantize import served

__all__ = ["BUNDLE", "CARD", "run"]

BUNDLE, CARD, MANIFEST = "bundle", "model_card.md", "bundle.json"
_SERVED = (MODEL, GOLDEN_FILE, SAMPLES_FILE)
_MADE_WITH = {"lightgbm": ("lightgbm", "onnxmltools"), "sklearn": ("scikit-learn", "skl2onnx")}


def run(context: Context) -> Facts:
    """Put the files together; only the semantic version is missing, which a registry decides."""
    bundle = context.out / BUNDLE
    bundle.mkdir()
    copied = [served(context) / name for name in _SERVED]
    if "profile" in context.inputs:
        copied.append(context.inputs["profile"] / REFERENCE)
    for file in copied:
        if file.is_file():
            shutil.copyfile(file, bundle / file.name)
    gates = _gates(context)
    (bundle / "gates.json").write_text(json.dumps(gates, indent=2) + "\n")
    (bundle / CARD).write_text(_card(context, gates))
    facts = context.facts
    (bundle / FILE_NAME).write_bytes(_software(context, (bundle / MODEL).read_bytes()))
    context.write_json(
        "facts.json",
        {
            "name": context.plan.pipeline.model,
            "signature": facts["export"]["signature"],
            "lineage": {
                "data": facts["ingest"]["dataset"],
                "test": facts["split"]["test"],
                # Whatever else than the data decides the model: the same, and it is a rebuild.
                "options": decided_by(context),
                "champion": facts["evaluate"].get("champion"),
                "kind": facts["train"]["kind"],
            },
            "metrics": facts["evaluate"]["metrics"],
            "gates": {"passed": gates["passed"], "count": len(gates["gates"])},
        },
    )
    return {"gates": len(gates["gates"])}


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


def _software(context: Context, graph: bytes) -> bytes:
    """List the software that made the graph, which is named by its digest: it has no number yet."""
    name = f"sha256:{hashlib.sha256(graph).hexdigest()}"
    packages = ["numpy", "polars", "onnx", *_MADE_WITH[context.facts["train"]["kind"]]]
    return sbom(context.plan.pipeline.model, name, {MODEL: graph}, packages)


def _card(context: Context, gates: dict[str, Any]) -> str:
    facts, said = context.facts, context.plan.sections.get("card") or Card()
    parity = facts["export"]["parity"]
    sections = {
        "What it is for": said.purpose or "Nobody wrote that down: `[card] purpose` is empty.",
        "Data": _data(facts),
        "Features": _features(context),
        "Training": _training(facts),
        **context.read_json("evaluate", SECTIONS),
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
