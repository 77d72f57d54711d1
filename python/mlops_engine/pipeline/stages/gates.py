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
    rules: dict[str, GateRule] = context.section("gates")
    if "champion" in context.plan.sections and "comparison" not in evidence:
        # The first version has nobody to beat: what asks for it is reported, and stops nothing.
        rules = {name: _advisory(rule) for name, rule in rules.items()}
        context.progress.step("  there is no champion yet: nothing to compare with")
    gates = run_gates(rules, {name: Said(found) for name, found in evidence.items()})
    (context.out / "gates.json").write_bytes(gates.to_json())
    for result in gates.results:
        context.progress.step(f"  {result.verdict:<7} {result.gate}: {result.reason}")
    failed = [f"{r.gate}: {r.reason}" for r in gates.results if r.gate in gates.failed]
    return {"passed": gates.passed, "gates": len(gates.results), "failed": failed}


def _advisory(rule: GateRule) -> GateRule:
    asks = rule.of.startswith("comparison.")
    return msgspec.structs.replace(rule, advisory=True) if asks else rule
