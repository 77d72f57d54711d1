"""Trainings as of an instant: the example's pipeline, with what was known by then."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from mlops_engine.pipeline import run
from mlops_engine.pipeline.catalog import read_document
from mlops_engine.train.progress import Progress

__all__ = ["Trained", "train"]

DAY_S = 86_400
TEST_DAYS, VALIDATION_DAYS = 14, 42
GATES = {
    "ranks": {"of": "evaluation.auc", "min": 0.6},
    "steady": {"of": "robustness.flips", "max": 0.2},
    "honest": {"of": "leaks.alone", "max": 0.8},
    "not_worse": {"of": "comparison.gain", "min": -0.005, "by": "unrefuted"},
}


@dataclass(frozen=True)
class Trained:
    """What a run came to: a version, or why there is none."""

    status: int
    reason: str | None
    version: int | None
    auc: float | None
    folder: Path


def train(work: Path, registry: str, now: float, trees: int, progress: Progress) -> Trained:
    """Run the pipeline on what was known at an instant; every stage is the package's own."""
    folder = resources.files("mlops_engine.pipeline.examples")
    document: dict[str, Any] = tomllib.loads((folder / "flights.toml").read_text())
    for name in ("hpo", "bench"):
        del document[name]
    document["pipeline"] |= {"runs": str(work / "runs")}
    document["ingest"]["options"] |= {"known_until": _written(now)}
    document["split"] |= {
        "validation_from": _written(now - VALIDATION_DAYS * DAY_S),
        "test_from": _written(now - TEST_DAYS * DAY_S),
    }
    # As many trees each time: a version that takes longer than stable loses its traffic.
    document["train"] |= {"trees": trees, "early_stopping": 0}
    document["evaluation"] |= {"resamples": 100}
    document["robustness"] = {"rows": 500, "attack": {"rows": 0}}
    document["suspicion"] = {"poison_rows": 2000}
    document["champion"] = {"alias": "champion"}
    document["gates"] = GATES
    document["register"] = {"registry": registry}
    outcome = run(read_document(document, work), progress=progress)
    facts = {name: entry.facts for name, entry in outcome.entries.items()}
    return Trained(
        outcome.status,
        outcome.reason,
        facts.get("register", {}).get("version"),
        facts["evaluate"]["metrics"]["auc"][0] if "evaluate" in facts else None,
        outcome.folder,
    )


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
