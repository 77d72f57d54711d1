"""mlops-engine: a high-performance inference and monitoring engine with a compiled core.

    import mlops_engine as me

    with me.Engine() as engine:
        engine.load("flights", "model.onnx")
        outputs = engine.infer("flights", {"input": x})

Importing this pulls in neither NumPy nor any machine-learning framework; making an engine needs
NumPy, loading a model needs an installed ``onnxruntime`` (or a path to its library).
"""

from typing import TYPE_CHECKING

from mlops_engine import drift, routing
from mlops_engine._native import __version__
from mlops_engine.engine import Engine
from mlops_engine.errors import (
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    MlopsError,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)
from mlops_engine.tensor import ModelInfo, TensorSpec

if TYPE_CHECKING:
    from mlops_engine import evaluation, registry, rollout

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "DeadlineExceeded",
    "Engine",
    "Internal",
    "InvalidArgument",
    "MlopsError",
    "ModelInfo",
    "NotFound",
    "ResourceExhausted",
    "TensorSpec",
    "Unavailable",
    "Unimplemented",
    "__version__",
    "drift",
    "evaluation",
    "registry",
    "rollout",
    "routing",
]


def __getattr__(name: str) -> object:
    """Import what few programs need when it is asked for."""
    if name in ("evaluation", "registry", "rollout"):
        import importlib

        return importlib.import_module(f"mlops_engine.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
