"""From a file and rows to a version that the engine serves, or to the reasons why not."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import quantize_models

import mlops_engine as me
from mlops_engine.cli.main import main
from mlops_engine.quantize import Gate, MissingExtraError, QuantizeError, QuantizeOptions, quantize
from mlops_engine.quantize import gates as gates_module

# Speed is judged where a test is about speed: everywhere else any is enough.
ANY_SPEED = {"speedup_min": 0.001, "repeats": 3, "batches": (4,)}
LOOSE = (Gate("relative_error", 0.3),)
ANY = {**ANY_SPEED, "gates": LOOSE}


@pytest.mark.parametrize("method", ["dynamic", "static", "weight8", "weight4", "fp16"])
def test_the_engine_serves_the_variant(method, mlp, rows, tmp_path) -> None:
    outcome = quantize(mlp, tmp_path / "models", rows, QuantizeOptions(method, **ANY), name="m")
    assert outcome.directory == tmp_path / "models" / "m" / "1"
    with me.Engine(lanes=1) as engine:
        engine.load("exact", mlp)
        engine.load_repository(tmp_path / "models")
        exact, variant = (engine.infer(name, {"x": rows["x"][:8]})["y"] for name in ("exact", "m"))
    assert variant.dtype == np.float32
    assert 0 < gates_module.relative_error(exact, variant) < 0.3
    operators = {n.op_type for n in onnx.load(outcome.directory / "model.onnx").graph.node}
    telling = {"dynamic": "MatMulInteger", "static": "QuantizeLinear", "fp16": "Cast"}
    assert telling.get(method, "MatMulNBits") in operators


def test_the_report_says_what_was_done_to_what(mlp, rows, tmp_path) -> None:
    options = QuantizeOptions("static", calibration="percentile", **ANY)
    outcome = quantize(mlp, tmp_path, rows, options)
    assert outcome.directory is not None
    report = json.loads((outcome.directory / "quantization.json").read_text())
    assert report == json.loads(json.dumps(outcome.report))
    assert report["schema"] == "mlops-quantize/1"
    assert report["source"]["sha256"] == hashlib.sha256(mlp.read_bytes()).hexdigest()
    assert report["rows"]["calibration"] + report["rows"]["held_out"] == 200
    assert report["libraries"]["onnxruntime"]
    assert [layer["name"] for layer in report["layers"]] == ["fc0", "fc1", "fc2"]
    assert all(10 < layer["output_sqnr_db"] < 80 for layer in report["layers"])
    assert report["verdict"] == {"accepted": True, "forced": False, "refusals": []}
    again = quantize(mlp, tmp_path, rows, options)
    assert again.directory is not None
    assert again.directory.name == "2"
    assert [(outcome.directory.parent / n / "model.onnx").read_bytes() for n in "12"].count(
        (outcome.directory / "model.onnx").read_bytes()
    ) == 2


def test_the_layer_report_is_what_numpy_finds(mlp, rows, tmp_path) -> None:
    """One weight-only layer: its output's noise is that of the file's own answers."""
    model = quantize_models.mlp_model((32, 8))
    onnx.save(model, mlp)
    outcome = quantize(mlp, tmp_path, rows, QuantizeOptions("dynamic", **ANY), held_out=rows)
    with me.Engine(lanes=1) as engine:
        engine.load("a", mlp)
        engine.load("b", outcome.directory / "model.onnx")
        # a range of its own for each execution: as many rows as the report takes at once
        chunks = [rows["x"][at : at + 64] for at in range(0, 200, 64)]
        a, b = (
            np.concatenate([engine.infer(m, {"x": c})["y"] for c in chunks]).astype(np.float64)
            for m in "ab"
        )
    expected = 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())
    (layer,) = outcome.report["layers"]
    assert layer["output_sqnr_db"] == pytest.approx(expected, abs=0.05)
    assert layer["input_sqnr_db"] is None  # lossless


def test_worst_layers_go_back_to_float_until_the_gate_holds(mlp, rows, tmp_path) -> None:
    """Weights of one layer span six decades in every block: 4 bits cannot hold them."""
    model = quantize_models.mlp_model()
    weights = next(t for t in model.graph.initializer if t.name == "w1")
    values = onnx.numpy_helper.to_array(weights).copy()
    values[::32] *= 1e3
    weights.CopyFrom(onnx.numpy_helper.from_array(values, "w1"))
    # Rows of w1 that are huge meet activations that are always zero: only rounding is felt.
    bias = next(t for t in model.graph.initializer if t.name == "b0")
    shifted = onnx.numpy_helper.to_array(bias).copy()
    shifted[::32] = -1e3
    bias.CopyFrom(onnx.numpy_helper.from_array(shifted, "b0"))
    onnx.save(model, mlp)
    options = QuantizeOptions("weight4", gates=(Gate("relative_error", 0.2),), **ANY_SPEED)
    outcome = quantize(mlp, tmp_path, rows, options)
    assert outcome.refusals == ()
    assert outcome.report["variant"]["float_layers"] == ["fc1"]
    assert [t["holds"] for t in outcome.report["trials"]] == [False, True]
    kept = {layer["name"]: layer["precision"] for layer in outcome.report["layers"]}
    assert kept == {"fc0": "quantized", "fc1": "float", "fc2": "quantized"}
    none = QuantizeOptions("weight4", gates=options.gates, float_layers_max=0, **ANY_SPEED)
    assert quantize(mlp, tmp_path, rows, none).directory is None


def test_a_variant_that_is_slower_is_refused_unless_forced(mlp, rows, tmp_path) -> None:
    chosen = {"method": "dynamic", "gates": LOOSE, "repeats": 3, "batches": (4,)}
    outcome = quantize(mlp, tmp_path, rows, QuantizeOptions(speedup_min=99, **chosen))
    assert outcome.directory is None
    assert "too slow on this machine" in outcome.refusals[0]
    assert not list(tmp_path.glob("*_dynamic"))
    forced = quantize(mlp, tmp_path, rows, QuantizeOptions(speedup_min=99, force=True, **chosen))
    assert forced.directory is not None
    assert forced.report["verdict"]["forced"]
    assert forced.refusals


def test_a_fixed_batch_and_nodes_without_names(save, tmp_path) -> None:
    path = save(quantize_models.conv_model())
    images = {"x": np.random.default_rng(1).random((21, 3, 8, 8), np.float32)}
    outcome = quantize(path, tmp_path / "m", images, QuantizeOptions("static", **ANY))
    assert outcome.directory is not None
    assert (outcome.report["rows"]["calibration"], outcome.report["rows"]["held_out"]) == (16, 4)
    assert [t["batch_rows"] for t in outcome.report["timings"]] == [2]
    assert len(outcome.report["layers"]) == 2


@pytest.mark.parametrize("method", ["dynamic", "static", "weight8"])
def test_shapes_that_are_constants_stay_constants(method, save, rows, tmp_path) -> None:
    path = save(quantize_models.reshaping_model())
    outcome = quantize(path, tmp_path / "m", rows, QuantizeOptions(method, **ANY))
    assert outcome.directory is not None
    assert len(outcome.report["layers"]) == 2


def test_an_old_opset_is_raised(save, rows, tmp_path) -> None:
    path = save(quantize_models.mlp_model(opset=11))
    outcome = quantize(path, tmp_path / "m", rows, QuantizeOptions("static", **ANY))
    assert outcome.directory is not None


def test_accuracy_against_labels(mlp, rows, tmp_path) -> None:
    with me.Engine(lanes=1) as engine:
        engine.load("m", mlp)
        labels = engine.infer("m", rows)["y"].argmax(axis=1)
    options = QuantizeOptions("dynamic", gates=(Gate("accuracy_drop", 0.1),), **ANY_SPEED)
    outcome = quantize(mlp, tmp_path, rows, options, held_out=rows, labels=labels)
    assert outcome.directory is not None
    wrong = QuantizeOptions("dynamic", gates=(Gate("accuracy", 0.9),), **ANY_SPEED)
    refused = quantize(mlp, tmp_path, rows, wrong, held_out=rows, labels=(labels + 1) % 8)
    assert refused.directory is None


def test_what_cannot_be_quantized(save, mlp, rows, tmp_path) -> None:
    weightless = save(quantize_models.weightless_model(), "weightless.onnx")
    four = {"x": np.ones((8, 4), np.float32)}
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"\x08\x01garbage")
    (tmp_path / "empty.onnx").write_bytes(b"")
    for source, data, options, words in [
        (weightless, four, {}, r"nothing to quantize with dynamic: no Conv.*\(Sigmoid\)"),
        (garbage, rows, {}, "not a usable ONNX model"),
        (tmp_path / "empty.onnx", rows, {}, "not a usable ONNX model"),
        (tmp_path / "none.onnx", rows, {}, "there is no file"),
        (mlp, {"X": rows["x"]}, {}, "no input 'X'; did you mean 'x'|there is 'x'"),
        (mlp, rows, {"keep_float": ("fc9",)}, "no layer 'fc9'; did you mean 'fc"),
        (mlp, rows, {"keep_float": ("fc0", "fc1", "fc2")}, "nothing to quantize"),
        (mlp, tmp_path / "none.npz", {}, "there is no file"),
    ]:
        with pytest.raises(QuantizeError, match=words):
            quantize(source, tmp_path / "m", data, QuantizeOptions(**ANY, **options))
    with pytest.raises(QuantizeError, match="not the name of a model"):
        quantize(mlp, tmp_path / "m", rows, QuantizeOptions(**ANY), name="../m")
    assert not (tmp_path / "m").exists()


def test_bf16_is_served_where_there_are_kernels_and_refused_in_words_elsewhere(
    mlp, rows, tmp_path
) -> None:
    said = "published"
    try:
        quantize(mlp, tmp_path, rows, QuantizeOptions("bf16", **ANY))
    except QuantizeError as error:
        said = str(error)
    published = (tmp_path / "mlp_bf16" / "1" / "model.onnx").is_file()
    assert published == (said == "published")
    assert published or "cannot load the bf16 variant on this processor" in said


def test_the_command(mlp, rows, tmp_path, capsys) -> None:
    np.savez(tmp_path / "rows.npz", **rows)
    words = ["quantize", str(mlp), "--rows", str(tmp_path / "rows.npz"), "--repeats", "3"]
    words += ["--batch", "4", "--model-repository", str(tmp_path / "m"), "--method", "static"]
    words += ["--gate", "relative_error<=0.3"]
    assert main([*words, "--speedup-min", "0.001", "--json", str(tmp_path / "r.json")]) == 0
    assert "published" in capsys.readouterr().out
    assert json.loads((tmp_path / "r.json").read_text())["verdict"]["accepted"]
    assert main([*words, "--speedup-min", "99"]) == 3
    assert "refused: too slow on this machine" in capsys.readouterr().err
    assert main([*words, "--gate", "agrement>=1"]) == 1
    assert "did you mean 'agreement'" in capsys.readouterr().err


def test_without_the_extra_the_command_says_what_to_install(monkeypatch, mlp, rows, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install mlops-engine\[quantize\]"):
        quantize(mlp, tmp_path, rows)


def test_importing_it_imports_no_library() -> None:
    code = "import sys, mlops_engine.quantize; sys.exit('onnx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
