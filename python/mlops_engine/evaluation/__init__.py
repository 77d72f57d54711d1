"""Whether a model may be served: splits, metrics with intervals, comparisons, gates.

Everything that judges gives `measures`, and a gate is a bound on one of them:

    found = evaluate(y, score, rows, settings.evaluation)
    gates = run_gates(settings.gates, {"evaluation": found})
    gates.passed, gates.to_json()

See docs/evaluation.md. Needs the extra `train`.
"""

from .calibration import calibrator
from .compare import Comparison, compare
from .delong import delong, mcnemar
from .evaluate import Evaluation, evaluate
from .gates import GateResult, Gates, run_gates
from .measures import Evidence, Measure
from .settings import (
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

__all__ = [
    "Comparison",
    "Evaluation",
    "EvaluationSettings",
    "Evidence",
    "GateResult",
    "GateRule",
    "GateSettings",
    "Gates",
    "Measure",
    "RobustnessSettings",
    "Settings",
    "Slices",
    "Split",
    "SplitSettings",
    "ValueSettings",
    "calibrator",
    "compare",
    "convert",
    "delong",
    "evaluate",
    "folds",
    "mcnemar",
    "run_gates",
    "slices",
    "split",
]
