"""Rollouts: a plan that takes a version from shadow to stable, or back, by what it is seen to do.

A plan is TOML (docs/rollouts.md); its state and its audit log are in SQLite, so that a controller
that was killed goes on where it was. The engine's guard takes traffic away by itself meanwhile.
"""

from mlops_engine.rollout.controller import Controller, State
from mlops_engine.rollout.plan import Gates, Plan, Step
from mlops_engine.rollout.rollout import Rollout
from mlops_engine.rollout.store import Store

__all__ = ["Controller", "Gates", "Plan", "Rollout", "State", "Step", "Store"]
