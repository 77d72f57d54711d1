"""Whether a model may be served: splits, metrics with intervals, comparisons, gates.

Everything that judges gives `measures`, and a gate is a bound on one of them:

    found = evaluate(y, score, rows, settings.evaluation)
    gates = run_gates(settings.gates, {"evaluation": found})
    gates.passed, gates.to_json()

See docs/evaluation.md. Needs the extra `train`.
"""

from .calibration import calibrator
from .cases import Case, CaseReport, read_cases, run_cases
from .compare import Comparison, compare
from .delong import delong, mcnemar
from .evaluate import Evaluation, evaluate
from .gates import GateResult, Gates, run_gates
from .holdout import HoldOut, HoldOutRead
from .measures import Evidence, Measure
from .robustness import Robustness, robustness
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
    "GateResult",
    "GateRule",
    "GateSettings",
    "Gates",
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
    "compare",
    "convert",
    "delong",
    "evaluate",
    "find_leaks",
    "find_poison",
    "folds",
    "mcnemar",
    "parity",
    "read_cases",
    "robustness",
    "run_cases",
    "run_gates",
    "slices",
    "split",
    "trial",
]
