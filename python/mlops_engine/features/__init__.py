"""Features: declared once, with when each is known; built for training, served by the same plan.

    plan = FeaturePlan.from_toml("features.toml")
    assert plan.lint() == []                                   # nothing is known too late
    rows = plan.build({"flights": flights, "weather": weather}, keys=["flight", "late"])

docs/features.md says what can be declared.
"""

from mlops_engine.features.leaks import Leak, LeakError, Suspect, suspects
from mlops_engine.features.parity import Parity, compare
from mlops_engine.features.plan import FeaturePlan
from mlops_engine.features.snapshot import Snapshot

__all__ = [
    "FeaturePlan",
    "Leak",
    "LeakError",
    "Parity",
    "Snapshot",
    "Suspect",
    "compare",
    "suspects",
]
