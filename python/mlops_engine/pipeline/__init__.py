"""From data to a registered model: one file says how, one command does it.

    from mlops_engine import pipeline

    plan = pipeline.read_plan("flights.toml")
    outcome = pipeline.run(plan)

The pipeline owns the order, the gates and the record; libraries do the work. See docs/pipeline.md.
An optional extra: `pip install 'mlops-engine[train]'`.
"""

from .catalog import STAGES, read_plan
from .failures import DATA_INVALID, GATE_FAILED, INFRASTRUCTURE, DataInvalidError, GateFailedError
from .plan import Plan
from .record import read_record
from .reproduce import Reproduction, reproduce
from .runner import Outcome, Step, explain, run
from .stage import Context, Facts, Stage

__all__ = [
    "DATA_INVALID",
    "GATE_FAILED",
    "INFRASTRUCTURE",
    "STAGES",
    "Context",
    "DataInvalidError",
    "Facts",
    "GateFailedError",
    "Outcome",
    "Plan",
    "Reproduction",
    "Stage",
    "Step",
    "explain",
    "read_plan",
    "read_record",
    "reproduce",
    "run",
]
