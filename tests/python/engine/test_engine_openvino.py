"""OpenVINO in the place of ONNX Runtime: the same answers as Python onnxruntime, or not at all."""

from __future__ import annotations

import importlib.util
import itertools
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

import mlops_engine as me

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="the extra 'openvino' is not installed"
)

NAMES = [spec.name for spec in zoo.all_specs()]
ROUNDING = 2e-5  # of the largest value of an output


def configure(folder: Path, **parameters: str) -> None:
    lines = [
        f'parameters {{ key: "{key}" value {{ string_value: "{text}" }} }}\n'
        for key, text in parameters.items()
    ]
    (folder / "config.pbtxt").write_text("".join(lines))


def load_all(repository: Path, caplog: pytest.LogCaptureFixture) -> tuple[me.Engine, str]:
    with caplog.at_level(logging.INFO, "mlops_engine"):
        engine = me.Engine(repository, lanes=2)
        engine.wait_trials()
    return engine, "\n".join(record.message for record in caplog.records)


class Zoo:
    def __init__(self, root: Path) -> None:
        self.models = {model.name: model for model in zoo.build_zoo(root)}
        for name in self.models:
            configure(root / name, execution="openvino")
        logger = logging.getLogger("mlops_engine")
        before, lines = logger.level, []

        class Keep(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(record.getMessage())

        handler = Keep()
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            self.engine = me.Engine(root, lanes=2)
        finally:
            logger.setLevel(before)
            logger.removeHandler(handler)
        self.log = "\n".join(lines)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    made = Zoo(tmp_path_factory.mktemp("zoo"))
    with made.engine:
        yield made


def assert_alike(actual: np.ndarray, expected: object, tolerance: float = ROUNDING) -> None:
    reference = np.asarray(expected)
    assert actual.shape == reference.shape
    if reference.dtype.kind in "OU":
        texts = [t.encode() if isinstance(t, str) else t for t in reference.ravel()]
        assert actual.ravel().tolist() == texts
    elif reference.dtype.kind == "f":
        assert actual.dtype == reference.dtype
        finite = np.abs(reference[np.isfinite(reference)].astype(np.float64))
        allowed = tolerance if reference.dtype.itemsize > 2 else max(tolerance, 2e-3)
        scale = finite.max() if finite.size else 0.0
        np.testing.assert_allclose(actual, reference, rtol=1e-6, atol=allowed * scale)
    else:
        assert actual.tobytes() == reference.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_zoo_is_answered_as_by_onnxruntime(served: Zoo, name: str) -> None:
    model = served.models[name]
    for seed, rows in enumerate(model.rows):
        inputs = model.inputs(np.random.default_rng(seed), rows)
        expected = zoo.run_reference(model, inputs)
        outputs = served.engine.infer(name, inputs)
        for output, array in outputs.items():
            assert_alike(array, expected[output])


def test_most_networks_run_there_and_the_others_say_why(served: Zoo) -> None:
    there = re.findall(r"model '([^']+)' version 1: runs in OpenVINO", served.log)
    kept = dict(re.findall(r"model '([^']+)' version 1: runs in ONNX Runtime: (.+)", served.log))
    assert len(there) >= 10, served.log
    assert len(there) + len(kept) >= len(NAMES) - 3, "a few are trees"
    assert all(kept.values())


def network(path: Path, sizes: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    nodes, weights, current = [], [], "input"
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        kernel = random.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in)
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{layer}"))
        last = layer == len(sizes) - 2
        nodes.append(
            helper.make_node("MatMul", [current, f"w{layer}"], ["output" if last else f"z{layer}"])
        )
        if not last:
            current = f"h{layer}"
            nodes.append(helper.make_node("Relu", [f"z{layer}"], [current]))
    table = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", sizes[0]])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", sizes[-1]])
    graph = helper.make_graph(nodes, "mlp", [table], [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.mkdir(parents=True)
    onnx.save(model, path / "model.onnx")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    network(tmp_path / "mlp" / "1", (64, 256, 256, 16))
    return tmp_path


@pytest.mark.parametrize(
    ("parameters", "tolerance"),
    [
        ({"execution": "auto"}, ROUNDING),
        ({"execution": "openvino"}, ROUNDING),
        ({"execution": "auto", "precision": "auto", "accuracy_gate": "0.02"}, 0.03),
        ({"execution": "openvino", "precision": "auto"}, 0.03),
    ],
)
def test_what_is_chosen_is_inside_its_gate(
    repository: Path,
    caplog: pytest.LogCaptureFixture,
    parameters: dict[str, str],
    tolerance: float,
) -> None:
    configure(repository / "mlp", **parameters)
    engine, _ = load_all(repository, caplog)
    assert re.match(r"runs in (OpenVINO|ONNX Runtime)", engine.model("mlp").execution)
    session = onnxruntime.InferenceSession(repository / "mlp" / "1" / "model.onnx")
    with engine:
        assert engine.model("mlp").batchable
        for rows in (1, 2, 8, 33):
            table = np.random.default_rng(rows).standard_normal((rows, 64)).astype(np.float32)
            [expected] = session.run(None, {"input": table})
            given = engine.infer("mlp", {"input": table})["output"]
            assert_alike(given, expected, tolerance)


def test_small_models_are_not_tried_unless_somebody_asks(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for parameters in ({}, {"execution": "onnxruntime"}):
        configure(repository / "mlp", **parameters)
        engine, log = load_all(repository, caplog)
        engine.close()
        assert "OpenVINO" not in log


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heavy")
    network(folder / "net" / "1", (512, 1024, 1024, 64))
    return folder / "net" / "1" / "model.onnx"


@pytest.mark.parametrize("trial", ["serving", "loading"])
@pytest.mark.parametrize(
    ("asked", "tolerance"), [({}, ROUNDING), ({"precision": "auto", "accuracy_gate": 0.05}, 0.05)]
)
def test_a_network_is_tried_without_being_told_and_serves_meanwhile(
    heavy: Path, trial: str, asked: dict[str, object], tolerance: float
) -> None:
    table = np.random.default_rng(4).standard_normal((8, 512)).astype(np.float32)
    [expected] = onnxruntime.InferenceSession(heavy).run(None, {"input": table})
    with me.Engine(lanes=2, execution_trial=trial) as engine:
        engine.load("net", heavy, **asked)
        futures = [engine.submit("net", {"input": table}) for _ in range(200)]
        assert engine.wait_trials()
        futures += [engine.submit("net", {"input": table}) for _ in range(20)]
        for future in futures:
            assert_alike(future.result()["output"], expected, tolerance)
        said = engine.model("net").execution
        assert re.match(r"runs in (OpenVINO|ONNX Runtime: .*(OpenVINO is|differs))", said), said
        assert engine.model("net").batchable


# OpenVINO's Relu answers 0 to NaN, which would hide a broken feature.
@pytest.mark.parametrize("asked", [{}, {"precision": "auto", "accuracy_gate": 0.05}])
def test_values_that_are_no_numbers_are_answered_as_by_onnxruntime(
    heavy: Path, asked: dict[str, object]
) -> None:
    session = onnxruntime.InferenceSession(heavy)
    with me.Engine(lanes=1, execution_trial="loading") as engine:
        said = engine.load("net", heavy, **asked).execution
        if said.startswith("runs in OpenVINO"):
            assert "NaN, infinities or values beyond 2147483648 go to ONNX Runtime" in said
        for odd in (np.nan, np.inf, -np.inf, 1e38, 1.0):
            table = np.random.default_rng(4).standard_normal((8, 512)).astype(np.float32)
            table[3, 7] = odd
            [expected] = session.run(None, {"input": table})
            given = engine.infer("net", {"input": table})["output"]
            tolerance = 0.05 if asked and odd == 1.0 else ROUNDING
            np.testing.assert_array_equal(np.isnan(given), np.isnan(expected))
            assert_alike(given, expected, tolerance)


def test_the_engine_and_a_model_can_say_what_executes(heavy: Path) -> None:
    with me.Engine(execution="onnxruntime") as engine:
        assert engine.load("net", heavy).execution == ""
        asked = engine.load("other", heavy, execution="openvino")
        assert asked.execution.startswith("runs in OpenVINO")
    for wrong in ({"execution": "tensorrt"}, {"precision": "half"}, {"accuracy_gate": 2.0}):
        with pytest.raises(me.InvalidArgument):
            me.Engine(**wrong)


def test_a_verdict_is_remembered_in_the_cache_directory(heavy: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    said = []
    for _ in range(2):
        with me.Engine(cache_directory=tmp_path) as engine:
            engine.load("net", heavy)
            engine.wait_trials()
            said.append(engine.model("net").execution)
    assert said[1] == said[0] + " (found at an earlier load)"


def convolution(path: Path, sizes: list[int | str]) -> None:
    weight = numpy_helper.from_array(np.ones((2, 3, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, *sizes])]
        for name, channels in (("x", 3), ("y", 2))
    ]
    graph = helper.make_graph(nodes, "conv", *ends, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.mkdir(parents=True)
    onnx.save(model, path / "model.onnx")


# OpenVINO writes beyond its memory in some networks when an image is very small.
def test_convolutions_over_open_sizes_stay_in_onnxruntime_until_they_are_closed(
    tmp_path: Path,
) -> None:
    convolution(tmp_path / "open" / "1", ["H", "W"])
    convolution(tmp_path / "closed" / "1", ["H", "W"])
    convolution(tmp_path / "fixed" / "1", [16, 16])
    for name in ("open", "closed", "fixed"):
        configure(tmp_path / name, execution="openvino")
    with (tmp_path / "closed" / "config.pbtxt").open("a") as config:
        config.write(
            "max_batch_size: 8\n"
            'input { name: "x" data_type: TYPE_FP32 dims: [3, 16, 16] }\n'
            'output { name: "y" data_type: TYPE_FP32 dims: [2, 16, 16] }\n'
        )
    with me.Engine(tmp_path) as engine:
        assert "config.pbtxt" in engine.model("open").execution
        assert engine.model("closed").execution.startswith("runs in OpenVINO")
        assert engine.model("fixed").execution.startswith("runs in OpenVINO")
        image = np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)
        answers = [engine.infer(name, {"x": image})["y"] for name in ("open", "closed", "fixed")]
        assert_alike(answers[1], answers[0])
        assert_alike(answers[2], answers[0])


def test_a_wish_that_is_not_known_fails_the_load(repository: Path) -> None:
    configure(repository / "mlp", execution="tensorrt")
    with pytest.raises(me.InvalidArgument, match="execution is 'tensorrt'"):
        me.Engine(repository)
    configure(repository / "mlp", execution="trees")
    with pytest.raises(me.MlopsError, match="no tree ensemble"):
        me.Engine(repository)
