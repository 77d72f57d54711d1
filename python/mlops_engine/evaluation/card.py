"""Sections of a model card, from what was found: nothing by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .compare import Comparison
from .evaluate import Evaluation
from .explanation import Explanation
from .gates import Gates
from .measures import Measure
from .robustness import Robustness

__all__ = ["card_sections"]

FEATURES_SHOWN, SLICES_SHOWN = 20, 20


def card_sections(
    *,
    evaluation: Evaluation | None = None,
    comparison: Comparison | None = None,
    robustness: Robustness | None = None,
    explanation: Explanation | None = None,
    gates: Gates | None = None,
) -> dict[str, str]:
    """Return Markdown by heading; what was not found out has no section."""
    found: dict[str, str] = {}
    if evaluation is not None:
        found["Quality on held-out rows"] = _evaluation(evaluation)
        for name in evaluation.fairness:
            found[f"Groups of {name}"] = _groups(evaluation, name)
    if comparison is not None:
        found["Against the champion"] = _comparison(comparison)
    if robustness is not None:
        found["Robustness"] = _robustness(robustness)
    if explanation is not None:
        found["What moves it"] = _explanation(explanation)
    if gates is not None:
        found["Gates"] = _gates(gates)
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table; a bar in a cell is no border."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        for cells in lines
    )


def _evaluation(found: Evaluation) -> str:
    rows = ((name, *_shown(measure)) for name, measure in found.metrics.items())
    text = (
        f"{found.rows:,} rows in {found.blocks:,} independent blocks; intervals have confidence"
        f" {found.confidence:.0%}.\n\n" + table(("metric", "value", "interval"), rows)
    )
    if found.reliability:
        bins = ((f"{b.score:.3f}", f"{b.rate:.3f}", f"{b.rows:,}") for b in found.reliability)
        text += "\n\n" + table(("said", "came", "rows"), bins)
    return text


def _groups(found: Evaluation, name: str) -> str:
    report = found.fairness[name]
    groups = (
        (
            group,
            f"{r.rows:,}",
            f"{r.selection_rate:.3f}",
            f"{r.true_positive_rate:.3f}",
            f"{r.false_positive_rate:.3f}",
            f"{r.accuracy:.3f}",
        )
        for group, r in report.groups.items()
    )
    gaps = ((gap, *_shown(measure), measure.detail) for gap, measure in report.gaps.items())
    text = table(("group", "rows", "said yes", "of positives", "of negatives", "right"), groups)
    text += "\n\n" + table(("gap", "value", "interval over all pairs", "between"), gaps)
    if report.small:
        text += f"\n\nToo few rows to judge: {', '.join(report.small)}."
    return text


def _comparison(found: Comparison) -> str:
    gains = ((name, *_shown(gain)) for name, gain in found.gains.items())
    text = (
        f"On the same {found.rows:,} rows, the verdict by {found.metric} with a margin of"
        f" {found.margin:g} is: {found.verdict.replace('_', ' ')}. Gains are positive where this"
        " model is better.\n\n" + table(("metric", "gain", "interval"), gains)
    )
    worst = sorted(found.slices.judged, key=lambda s: s.difference.value)[:SLICES_SHOWN]
    if worst:
        rows = (
            (f"{s.column}={s.value}", f"{s.rows:,}", f"{s.metric:.4f}", *_shown(s.difference))
            for s in worst
        )
        header = ("slice", "rows", found.slices.metric, "gain", "interval over all slices")
        text += "\n\n" + table(header, rows)
    return text


def _robustness(found: Robustness) -> str:
    rows = (
        (d.kind, f"{d.rows:,}", f"{d.flips:.2%}", f"{d.moved:.4f}", f"{d.not_finite:.2%}")
        for d in found.disturbances
    )
    header = ("disturbance", "rows", "decisions that flip", "score moves by", "not finite")
    return table(header, rows)


def _explanation(found: Explanation) -> str:
    rows = (
        (f"`{f.name}`", f"{f.share:.1%}", f"{f.mean_absolute:.4f}", f"{f.direction:+.2f}")
        for f in found.features[:FEATURES_SHOWN]
    )
    text = f"SHAP values of {found.rows:,} rows, in the raw score (log-odds of a classifier).\n\n"
    return text + table(("feature", "share", "mean absolute", "direction"), rows)


def _gates(found: Gates) -> str:
    rows = (
        (r.gate, r.verdict + (" (advisory)" if r.advisory else ""), r.reason) for r in found.results
    )
    return table(("gate", "verdict", "why"), rows)


def _shown(measure: Measure) -> tuple[str, str]:
    if measure.low is None or measure.high is None:
        return f"{measure.value:.4f}", ""
    ends = [f"{end:.4f}" if math.isfinite(end) else "?" for end in (measure.low, measure.high)]
    return f"{measure.value:.4f}", f"{ends[0]} to {ends[1]}"
