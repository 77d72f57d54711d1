"""Loading by way of a saved graph changes no answer, and a cache that is not safe is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo

import mlops_engine as me


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[zoo.ZooModel]:
    return zoo.build_zoo(tmp_path_factory.mktemp("zoo"))


def has_trees(model: zoo.ZooModel) -> bool:
    """Whether runs may be native ones, which is measured at each load."""
    nodes = onnx.load(model.path, load_external_data=False).graph.node
    return any("Tree" in node.op_type for node in nodes)


def answers(engine: me.Engine, model: zoo.ZooModel) -> list[np.ndarray]:
    given = [
        engine.infer(model.name, model.inputs(np.random.default_rng(seed), rows))
        for seed, rows in enumerate(model.rows)
    ]
    return [array for outputs in given for array in outputs.values()]


def assert_same_bits(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if actual.dtype == object:
        assert actual.ravel().tolist() == expected.ravel().tolist()
    else:
        assert actual.tobytes() == expected.tobytes()


def test_answers_are_the_same_bits(models: list[zoo.ZooModel], tmp_path: Path) -> None:
    exact = [model for model in models if not has_trees(model)]
    assert len(exact) > 20
    with (
        me.Engine(lanes=1) as plain,
        me.Engine(lanes=1, cache_directory=tmp_path) as saving,
        me.Engine(lanes=1, cache_directory=tmp_path) as saved,
    ):
        for model in exact:
            for engine in (plain, saving, saved):
                engine.load(model.name, model.path)
            expected = answers(plain, model)
            for engine in (saving, saved):
                for actual, wanted in zip(answers(engine, model), expected, strict=True):
                    assert_same_bits(actual, wanted)
    assert len(list((tmp_path / "graphs").iterdir())) > 20


def test_a_cache_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs").chmod(0o777)
    with pytest.raises(me.InvalidArgument, match="can be written by other users"):
        me.Engine(cache_directory=tmp_path)
