"""The gates of the file on the measures of the evaluation; `gates.json` says what held."""

from __future__ import annotations

import msgspec

from mlops_engine.evaluation import GateRule, Measure, run_gates

from ..stage import Context, Facts
from .evaluate import MEASURES, Said

__all__ = ["run"]


def run(context: Context) -> Facts:
    """Judge; what fails ends the run with status 10, and the judgement is kept."""
    data = (context.inputs["evaluate"] / MEASURES).read_bytes()
    evidence = msgspec.json.decode(data, type=dict[str, dict[str, Measure]])
    rules = context.section("gates")
    judged = context.facts["evaluate"]
    if "champion" in context.plan.sections and judged["champion"] is None:
        # The first version has nobody to be compared with: said, and not held against it.
        context.progress.step("  there is no champion yet")
        rules = {
            name: msgspec.structs.replace(rule, advisory=True) if _compares(rule) else rule
            for name, rule in rules.items()
        }
    gates = run_gates(rules, {name: Said(found) for name, found in evidence.items()})
    (context.out / "gates.json").write_bytes(gates.to_json())
    for result in gates.results:
        context.progress.step(f"  {result.verdict:<7} {result.gate}: {result.reason}")
    failed = [f"{r.gate}: {r.reason}" for r in gates.results if r.gate in gates.failed]
    return {"passed": gates.passed, "gates": len(gates.results), "failed": failed}


def _compares(rule: GateRule) -> bool:
    return rule.of.startswith("comparison.")
