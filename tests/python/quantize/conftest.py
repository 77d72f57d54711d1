"""Tiny float models and rows for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the quantize extra")
pytest.importorskip("onnx_ir", reason="needs the quantize extra")


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {"x": rng.standard_normal((200, 32)).astype(np.float32)}


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    import onnx

    def write(model: Any, name: str = "mlp.onnx") -> Path:
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def mlp(save: Callable[..., Path]) -> Path:
    import quantize_models

    return save(quantize_models.mlp_model())
