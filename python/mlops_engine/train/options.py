"""What a training run may choose, and the fingerprint of everything that decides its result."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .source import MissingExtraError, Source

MODEL = "flights"
# The packages that have a say in the bytes of the model.
LIBRARIES = ("lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "polars")
# The modules that have. A new wording of the model card trains nothing anew.
DECIDING_MODULES = ("dataset.py", "features.py", "training.py", "export.py")


@dataclass(frozen=True)
class TrainOptions:
    """Choices of the operator.

    Attributes
    ----------
    trees
        Upper bound on boosting rounds; early stopping on the validation month decides.
    depth
        Largest depth of a tree, in splits.
    learning_rate
        Shrinkage per round, dimensionless.
    seed
        Seed of everything random.
    """

    trees: int = 400
    depth: int = 7
    learning_rate: float = 0.08
    seed: int = 13

    def __post_init__(self) -> None:
        if not 1 <= self.trees <= 10_000:
            raise ValueError(f"trees must be between 1 and 10000, not {self.trees}")
        if not 1 <= self.depth <= 16:
            raise ValueError(f"depth must be between 1 and 16, not {self.depth}")
        if not 0 < self.learning_rate <= 1:
            raise ValueError(f"learning rate must be in (0, 1], not {self.learning_rate}")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be between 0 and 2147483647, not {self.seed}")


def library_versions() -> dict[str, str]:
    """Installed versions of `LIBRARIES`, found without importing them."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise MissingExtraError(name) from None
    return versions


def code_digest() -> str:
    """SHA-256 over the modules that decide what the model is."""
    digest = hashlib.sha256()
    for name in DECIDING_MODULES:
        text = (Path(__file__).parent / name).read_bytes()
        digest.update(f"{name} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def fingerprint(source: Source, options: TrainOptions) -> str:
    """SHA-256 over data, options, code and libraries: equal fingerprints, equal models."""
    facts: dict[str, Any] = {
        "data": source.digests,
        "options": asdict(options),
        "code": code_digest(),
        "libraries": library_versions(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
