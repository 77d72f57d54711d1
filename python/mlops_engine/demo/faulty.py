"""A version as a careless release makes it: the columns of its input are in another order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mlops_engine.registry import Registry
from mlops_engine.registry.hashing import digest_file
from mlops_engine.registry.manifest import FILE_NAME, decode, encode
from mlops_engine.registry.semver import SemanticVersion

from .serving import MODEL

__all__ = ["push"]


def push(registry: Registry, work: Path, stable: int) -> int:
    """Register what serves with its columns reversed, by hand and past every gate."""
    model = onnx.load(work / "models" / MODEL / str(stable) / "model.onnx")
    graph, name = model.graph, model.graph.input[0].name
    columns = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    for node in graph.node:
        node.input[:] = ["reversed" if each == name else each for each in node.input]
    order = numpy_helper.from_array(np.arange(columns)[::-1].astype(np.int64).copy(), "order")
    graph.initializer.append(order)
    graph.node.insert(0, helper.make_node("Gather", [name, "order"], ["reversed"], axis=1))
    file = work / "faulty" / "model.onnx"
    file.parent.mkdir(exist_ok=True)
    onnx.save(model, file)
    was = decode((work / "models" / MODEL / str(stable) / FILE_NAME).read_bytes())
    version = SemanticVersion.parse(was.semantic_version)
    facts = {
        "name": MODEL,
        "semantic_version": f"{version.major}.{version.minor}.{version.patch + 1}-careless",
        "signature": was.raw["signature"],
    }
    bundle = file.with_name(FILE_NAME)
    bundle.write_bytes(encode({file.name: digest_file(file)}, facts))
    made = registry.publish(MODEL, {file.name: file, FILE_NAME: bundle}, {})
    assert made.number is not None
    return made.number
