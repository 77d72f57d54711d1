"""Fixtures of the engine's tests: an engine, an echo model, a lane that can be held busy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mlops_engine as me

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
