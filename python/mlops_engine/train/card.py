"""The model card: Markdown from the facts of a run, nothing by hand. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

USE = """\
Demonstration and test model: whether a flight from a New York airport will arrive more than
{late} minutes late, said {horizon} minutes before its scheduled departure. Not for decisions
about people, aircraft or money."""

LIMITS = """\
- One year, three airports. The share of late flights moves between {low:.0%} ({low_month}) and
  {high:.0%} ({high_month}) within the evaluation half-year, and the model has never seen that half
  of a year: expect drift.
- Cancelled and diverted flights have no label and are not in any figure here.
- Missing values are NaN, which JSON cannot say: send those rows as binary tensors.
{fairness}- {parity}"""

NOT_EXAMINED = "- Predictions per carrier, origin or destination were not examined for fairness.\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def render(facts: Mapping[str, Any], judged: Mapping[str, str] | None = None) -> str:
    """Write the card of a bundle from its manifest (without `files`).

    Parameters
    ----------
    judged
        Sections by heading, as `mlops_engine.evaluation.card_sections` makes them.
    """
    judged = judged or {}
    examined = any(heading.startswith("Groups of ") for heading in judged)
    scores = facts["metrics"]["scores"]
    months = scores[:-1]
    low, high = (pick(months, key=lambda s: s["base_rate"]) for pick in (min, max))
    parity = facts["metrics"]["onnx_parity"]
    sections = {
        "What it is for": USE.format(
            late=facts["label"]["late_minutes"], horizon=facts["label"]["horizon_minutes"]
        ),
        "Data": _data(facts),
        "Features": _features(facts),
        "Training": _training(facts),
        "Evaluation, July to December": _scores(scores),
        **judged,
        "Limits": LIMITS.format(
            fairness="" if examined else NOT_EXAMINED,
            low=low["base_rate"], low_month=low["period"],
            high=high["base_rate"], high_month=high["period"],
            parity=f"ONNX and LightGBM agreed on {parity['rows']:,} rows; largest difference of a"
            f" probability {parity['largest_difference']:.1e}, allowed {parity['tolerance']:.0e}.",
        ),
    }  # fmt: skip
    title = f"# {facts['name']} {facts['semantic_version']}\n\nGenerated {facts['created']}."
    body = [f"## {heading}\n\n{text}" for heading, text in sections.items()]
    return "\n\n".join([title, *body]) + "\n"


def _data(facts: Mapping[str, Any]) -> str:
    data, counts = facts["lineage"]["data"], facts["metrics"]["rows"]
    digests = "\n".join(f"- `{n}` SHA-256 `{d}`" for n, d in data["files"].items())
    return (
        f"`{data['package']}` {data['version']}, {counts['flights']:,} flights of 2013."
        f" Dropped because they have no label: {counts['cancelled']:,} cancelled,"
        f" {counts['diverted']:,} diverted. Left: {counts['labelled']:,}.\n\n{digests}"
    )


def _features(facts: Mapping[str, Any]) -> str:
    missing = facts["metrics"]["missing_share"]
    rows = (
        (
            f"`{f['name']}`",
            f["unit"],
            f"{f['known_before_minutes']:,} min",
            f"{missing[f['name']]:.2%}",
            " ".join(f.get("vocabulary", ())),
        )
        for f in facts["signature"]["inputs"][0]["features"]
    )
    return table(("feature", "unit", "known before departure", "missing", "codes 0, 1, …"), rows)


def _training(facts: Mapping[str, Any]) -> str:
    lineage, metrics = facts["lineage"], facts["metrics"]
    options = ", ".join(f"{k} {v}" for k, v in lineage["options"].items())
    libraries = ", ".join(f"{k} {v}" for k, v in lineage["libraries"].items())
    code = lineage["code"]["revision"]
    where = "unknown (not in git)" if code is None else f"`{code['git']}`"
    if code is not None and code["changed_since"]:
        where += ", with changes"
    return (
        f"LightGBM on January to June ({metrics['rows']['trained_on']:,} flights),"
        f" {metrics['rounds']} trees, their number chosen by early stopping on June"
        f" (log loss {metrics['validation_log_loss']:.4f}).\n\n"
        f"- options: {options}\n- libraries: {libraries}\n- code revision: {where}\n"
        f"- fingerprint: `{lineage['fingerprint']}`"
    )


def _scores(scores: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        (
            s["period"],
            f"{s['rows']:,}",
            f"{s['base_rate']:.3f}",
            f"{s['roc_auc']:.3f}",
            f"{s['average_precision']:.3f}",
            f"{s['brier']:.4f}",
            f"{s['log_loss']:.4f}",
        )
        for s in scores
    )
    header = ("period", "flights", "late", "ROC AUC", "average precision", "Brier", "log loss")
    return table(header, rows)
