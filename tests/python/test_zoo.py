"""The zoo's facts are true, judged by Python onnxruntime: other tests stand on them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import hostile
import zoo

NAMES = [spec.name for spec in zoo.all_specs()]
# Two requests cannot even be concatenated where rows are fixed, ragged, or not in every input.
JOINABLE = [
    spec.name
    for spec in zoo.all_specs()
    if len(spec.rows) > 1
    and not spec.facts.get("ragged")
    and spec.name not in ("shared_operand", "two_row_counts")
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zoo.ZooModel]:
    return {m.name: m for m in zoo.build_zoo(tmp_path_factory.mktemp("zoo"))}


def _equal(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    if actual.shape != expected.shape:
        return False
    if actual.dtype == object or tolerance == 0:
        return actual.tolist() == expected.tolist() or (
            actual.dtype != object and np.array_equal(actual, expected, equal_nan=True)
        )
    return bool(np.allclose(actual, expected, rtol=0, atol=tolerance, equal_nan=True))


def _splits_into_its_requests(model: zoo.ZooModel, seed: int, tolerance: float) -> bool:
    """Whether one execution for two requests gives each, cut by its rows, what it gets alone."""
    rng = np.random.default_rng(seed)
    rows = (2, 3)
    requests = [model.inputs(rng, count) for count in rows]
    axis = model.batch_axis or 0
    joined = zoo.run_reference(
        model, {n: np.concatenate([r[n] for r in requests], axis) for n in model.inputs(rng, 1)}
    )
    axes = model.facts.get("output_axis", {})
    begin = 0
    for count, request in zip(rows, requests, strict=True):
        for name, alone in zoo.run_reference(model, request).items():
            out_axis = axes.get(name, axis)
            if np.ndim(alone) <= out_axis or joined[name].shape[out_axis] != sum(rows):
                return False
            mine = joined[name].take(range(begin, begin + count), out_axis)
            if not _equal(mine, alone, tolerance):
                return False
        begin += count
    return True


@pytest.mark.parametrize("name", NAMES)
def test_runs_with_every_stated_number_of_rows(models: dict[str, zoo.ZooModel], name: str) -> None:
    model = models[name]
    for rows in model.rows:
        inputs = model.inputs(np.random.default_rng(rows), rows)
        assert set(inputs) | set(model.optional_inputs) == set(model.input_names)
        outputs = zoo.run_reference(model, inputs)
        assert list(outputs) == list(model.output_names)
        for output in model.output_names:
            assert list(zoo.run_reference(model, inputs, [output])) == [output]


@pytest.mark.parametrize("name", JOINABLE)
def test_rows_are_independent_exactly_where_stated(
    models: dict[str, zoo.ZooModel], name: str
) -> None:
    model = models[name]
    if model.row_independent:
        assert all(_splits_into_its_requests(model, seed, model.tolerance) for seed in range(3))
    else:
        assert not all(_splits_into_its_requests(model, seed, 1e-3) for seed in range(3)), (
            "the trap is none: its rows can share an execution"
        )


def test_same_bytes_every_time(tmp_path: Path) -> None:
    first = zoo.build_zoo(tmp_path / "a")
    second = zoo.build_zoo(tmp_path / "b")
    for a, b in zip(first, second, strict=True):
        assert a.path.read_bytes() == b.path.read_bytes(), a.name


# ONNX Runtime itself accepts these; that they are not tensors is for the engine to notice.
NOT_TENSORS = {"sequence_output", "map_output", "optional_input"}


@pytest.mark.parametrize("name", [case[0] for case in hostile.CASES])
def test_hostile_files_are_refused_by_the_runtime_as_stated(tmp_path: Path, name: str) -> None:
    [case] = hostile.build_hostile(tmp_path, [name])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if case.loads is False and name not in NOT_TENSORS:
        # Each status code has a class of its own; they share no base but Exception.
        with pytest.raises(Exception, match=r"ONNXRuntimeError|registered"):
            onnxruntime.InferenceSession(str(case.path), options)
    elif case.loads or name in NOT_TENSORS:
        onnxruntime.InferenceSession(str(case.path), options)
