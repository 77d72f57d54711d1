"""Every model of the zoo gives what Python onnxruntime gives, through all three calls."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import numpy as np
import pytest
import zoo

import mlops_engine as me

NAMES = [spec.name for spec in zoo.all_specs()]
PATIENCE_S = 120


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zoo.ZooModel]:
    return {m.name: m for m in zoo.build_zoo(tmp_path_factory.mktemp("zoo"))}


@pytest.fixture(scope="module")
def served(models: dict[str, zoo.ZooModel]) -> Iterator[me.Engine]:
    with me.Engine(lanes=2) as engine:
        for name, model in models.items():
            engine.load(name, model.path)
        yield engine


def assert_same(actual: np.ndarray, expected: object) -> None:
    reference = np.asarray(expected)
    assert actual.shape == reference.shape
    if reference.dtype.kind in "OU":
        texts = [t.encode() if isinstance(t, str) else t for t in reference.ravel()]
        assert actual.dtype == object
        assert actual.ravel().tolist() == texts
        return
    assert actual.dtype == reference.dtype
    if reference.dtype.kind in "biu" or reference.dtype.kind == "V":
        assert actual.tobytes() == reference.tobytes()
    else:
        np.testing.assert_allclose(actual, reference, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_same_as_onnxruntime(served: me.Engine, models: dict[str, zoo.ZooModel], name: str) -> None:
    model = models[name]
    info = served.model(name)
    assert tuple(spec.name for spec in info.outputs) == model.output_names
    for seed, rows in enumerate(model.rows):
        inputs = model.inputs(np.random.default_rng(seed), rows)
        expected = zoo.run_reference(model, inputs)
        for _ in range(2):
            outputs = served.infer(name, inputs)
            assert list(outputs) == list(model.output_names)
            for output, array in outputs.items():
                assert_same(array, expected[output])
        for output in model.output_names:
            [(only, array)] = served.infer(name, inputs, outputs=[output]).items()
            assert only == output
            assert_same(array, expected[output])


@pytest.mark.parametrize("name", NAMES)
def test_same_when_many_are_under_way(
    served: me.Engine, models: dict[str, zoo.ZooModel], name: str
) -> None:
    """Batched with others or not, by threads or by an event loop: each has its own answer."""
    model = models[name]
    requests = [
        model.inputs(np.random.default_rng(seed), model.rows[seed % len(model.rows)])
        for seed in range(12)
    ]
    expected = [zoo.run_reference(model, inputs) for inputs in requests]

    async def gather() -> list[dict[str, np.ndarray]]:
        return await asyncio.gather(*(served.infer_async(name, inputs) for inputs in requests))

    futures = [served.submit(name, inputs) for inputs in requests]
    for answers in ([f.result(PATIENCE_S) for f in futures], asyncio.run(gather())):
        for outputs, reference in zip(answers, expected, strict=True):
            for output, array in outputs.items():
                tolerance = max(model.tolerance, 1e-6)
                if np.asarray(reference[output]).dtype.kind == "f":
                    np.testing.assert_allclose(
                        array, reference[output], rtol=tolerance, atol=tolerance, equal_nan=True
                    )
                else:
                    assert_same(array, reference[output])


@pytest.mark.parametrize("name", NAMES)
def test_an_input_of_another_type_is_refused(
    served: me.Engine, models: dict[str, zoo.ZooModel], name: str
) -> None:
    model = models[name]
    inputs = model.inputs(np.random.default_rng(0), model.rows[-1])
    for wrong, array in inputs.items():
        other = np.zeros(array.shape, np.int16 if array.dtype != np.int16 else np.int32)
        with pytest.raises(me.InvalidArgument, match=re.escape(wrong)):
            served.infer(name, {**inputs, wrong: other})
