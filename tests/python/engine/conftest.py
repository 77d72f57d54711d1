"""Fixtures of the engine's tests: an engine, an echo model, a lane that can be held busy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine._native import core

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))


@pytest.fixture
def engine() -> Iterator[me.Engine]:
    with me.Engine(lanes=2) as made:
        yield made


@pytest.fixture
def echo(engine: me.Engine) -> me.Engine:
    """An engine with "echo" (FP32, [-1, 4]), which answers with its input."""
    engine._load_echo("echo", "FP32", [-1, 4])
    return engine


@pytest.fixture
def row() -> np.ndarray:
    return np.arange(4, dtype=np.float32).reshape(1, 4)


class Gated:
    """An engine with one lane whose model "echo" (FP32, [-1, 4]) stops at a gate."""

    def __init__(self, **options: int) -> None:
        self.gate = core.Gate()
        self.engine = me.Engine(lanes=1, **options)
        self.engine._load_echo("echo", "FP32", [-1, 4], gate=self.gate)

    def hold(self) -> Future[dict[str, np.ndarray]]:
        """Occupy the lane with a request until `release`."""
        self.gate.close()
        held = self.engine.submit("echo", {"input": np.full((1, 4), -1, np.float32)})
        self.gate.wait_for_arrivals()
        return held

    def release(self) -> None:
        self.gate.open()


@pytest.fixture
def gated() -> Iterator[Gated]:
    made = Gated()
    yield made
    made.release()
    made.engine.close()
