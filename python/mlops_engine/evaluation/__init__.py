"""Whether a model may be served: splits, metrics with intervals, comparisons, gates.

Everything that judges gives `measures`, and a gate is a bound on one of them:

    found = evaluate(y, score, rows, settings.evaluation)
    gates = run_gates(settings.gates, {"evaluation": found})
    gates.passed, gates.to_json()

See docs/evaluation.md. Needs the extra `train`.
"""

from .calibration import calibrator
from .card import card_sections
from .cases import Case, CaseReport, read_cases, run_cases
from .compare import Comparison, compare
from .delong import delong, mcnemar
from .evaluate import Evaluation, evaluate
from .explanation import Explanation, explain
from .gates import GateResult, Gates, run_gates
from .golden import GoldenRows, golden_rows, sample_inputs
from .holdout import HoldOut, HoldOutRead
from .measures import Evidence, Measure
from .robustness import Robustness, robustness
from .sbom import sbom
from .scorer import EngineScorer, Scorer
from .serving import Parity, Trial, parity, trial
from .settings import (
    AttackSettings,
    EvaluationSettings,
    GateRule,
    GateSettings,
    RobustnessSettings,
    Settings,
    SplitSettings,
    ValueSettings,
    convert,
)
from .slices import Slices, slices
from .splits import Split, folds, split
from .suspicion import Leaks, Poison, find_leaks, find_poison

__all__ = [
    "AttackSettings",
    "Case",
    "CaseReport",
    "Comparison",
    "EngineScorer",
    "Evaluation",
    "EvaluationSettings",
    "Evidence",
    "Explanation",
    "GateResult",
    "GateRule",
    "GateSettings",
    "Gates",
    "GoldenRows",
    "HoldOut",
    "HoldOutRead",
    "Leaks",
    "Measure",
    "Parity",
    "Poison",
    "Robustness",
    "RobustnessSettings",
    "Scorer",
    "Settings",
    "Slices",
    "Split",
    "SplitSettings",
    "Trial",
    "ValueSettings",
    "calibrator",
    "card_sections",
    "compare",
    "convert",
    "delong",
    "evaluate",
    "explain",
    "find_leaks",
    "find_poison",
    "folds",
    "golden_rows",
    "mcnemar",
    "parity",
    "read_cases",
    "robustness",
    "run_cases",
    "run_gates",
    "sample_inputs",
    "sbom",
    "slices",
    "split",
    "trial",
]
