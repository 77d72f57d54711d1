"""A candidate over recorded requests: what is said of it is what would be said of a shadow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from onnx import TensorProto, helper, save

import mlops_engine as me
from mlops_engine.cli.main import main
from mlops_engine.replay import read_records, replay

TINY = Path(__file__).parents[2] / "models" / "tiny"
ROWS = np.arange(40, dtype=np.float32).reshape(10, 1, 4)


def write(path: Path, answers: np.ndarray) -> Path:
    nested = pl.List(pl.List(pl.Float32))
    pl.DataFrame(
        {
            "request_id": [f"r{i}" for i in range(len(answers))],
            "latency_ns": [1000] * len(answers),
            "input.x": pl.Series(ROWS[: len(answers)].tolist(), dtype=nested),
            "output.y": pl.Series(answers.tolist(), dtype=nested),
        }
    ).write_parquet(path)
    return path


def network(folder: Path, op: str) -> Path:
    """y = op(x), of rows of four."""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["rows", 4]) for n in "xy")
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "g", [x], [y])
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / f"{op}.onnx")
    return folder / f"{op}.onnx"


def test_a_candidate_that_answers_the_same(tmp_path: Path) -> None:
    log = write(tmp_path / "a.parquet", ROWS)
    seen = replay(read_records(log), network(tmp_path, "Identity"), version=7)
    assert (seen["version"], seen["offered"], seen["compared"], seen["failed"]) == (7, 10, 10, 0)
    assert seen["primary_ns"] == 10_000
    assert seen["outputs"][0]["equal"] == 10
    assert seen["outputs"][0]["best_same"] == 1
    assert seen["worst"] == []


def test_what_differs_is_measured_and_the_worst_is_named(tmp_path: Path) -> None:
    answers = ROWS.copy()
    answers[3, 0, 0] += 50  # the greatest is another one now
    answers[5, 0, 3] += 2
    log = write(tmp_path / "a.parquet", answers)
    seen = replay(read_records(log), network(tmp_path, "Identity"))
    (output,) = seen["outputs"]
    assert (output["name"], output["answers"], output["equal"]) == ("y", 10, 8)
    assert (output["values"], output["within_tolerance"]) == (40, 38)
    assert output["difference_max"] == 50
    assert output["difference_mean"] == pytest.approx(52 / 40)
    assert output["best_same"] == pytest.approx(0.9)
    assert [(w["request_id"], w["difference"]) for w in seen["worst"]] == [("r3", 50), ("r5", 2)]


def test_a_replay_says_what_the_shadow_said(tmp_path: Path) -> None:
    with me.Engine(lanes=2) as engine:
        engine.load("m", network(tmp_path, "Identity"), 1)
        engine.load("m", network(tmp_path, "Sin"), 2)
        route = engine.route("m")
        route.set(stable=1, shadow=[2])
        for i, row in enumerate(ROWS):
            show(engine, route, row, f"r{i}")
        shadow = route.get()["state"]["shadows"][0]
    log = write(tmp_path / "a.parquet", ROWS)
    seen = replay(read_records(log), network(tmp_path, "Sin"), version=2)
    assert seen.keys() == shadow.keys()
    assert 0 < seen["outputs"][0]["best_same"] < 1
    assert seen["outputs"] == shadow["outputs"]
    assert seen["worst"] == shadow["worst"]


def show(engine: me.Engine, route: Any, row: np.ndarray, request_id: str) -> None:
    """Ask until the shadow has compared once more: it sees only what comes while a core is idle."""
    compared = route.get()["state"]["shadows"][0]["compared"]
    while True:
        engine.infer("m", {"x": row}, request_id=request_id)
        now = route.get()["state"]["shadows"][0]
        while now["offered"] > now["compared"] + now["dropped_busy"] + now["dropped_full"]:
            now = route.get()["state"]["shadows"][0]
        if now["compared"] > compared:
            return


def test_text_and_a_type_that_the_candidate_does_not_take(tmp_path: Path) -> None:
    text = {"input.x": [["a", "bé"]], "output.y": [["a", "bé"]]}
    pl.DataFrame(text).write_parquet(tmp_path / "a.parquet")
    seen = replay(read_records(tmp_path), TINY / "identity_string.onnx")
    assert seen["outputs"][0]["equal"] == 1
    seen = replay(read_records(tmp_path), TINY / "identity_f32.onnx")
    assert (seen["offered"], seen["compared"], seen["failed"]) == (1, 0, 1)
    assert seen["last_failure"]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"input.x": [[1.0]]}, "output.NAME"),
        ({"input.x": [[1.0, None]], "output.y": [[1.0]]}, "row 0, input.x: a value is null"),
        ({"input.x": [[[1.0], [1.0, 2.0]]], "output.y": [[1.0]]}, "row 0, input.x"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, columns: dict, why: str) -> None:
    pl.DataFrame(columns).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(me.InvalidArgument, match=why):
        list(read_records(tmp_path))


def test_what_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(me.NotFound, match="no Parquet file"):
        list(read_records(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(me.InvalidArgument, match=r"a\.parquet"):
        list(read_records(tmp_path))


def test_the_command_prints_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.parquet", ROWS)
    model = str(network(tmp_path, "Identity"))
    assert main(["replay", "--log", str(tmp_path), "--model", model, "--limit", "4"]) == 0
    assert json.loads(capsys.readouterr().out)["compared"] == 4
    assert main(["replay", "--log", str(tmp_path / "none"), "--model", model]) == 1
    assert "no Parquet file" in capsys.readouterr().err
    assert main(["replay", "--log", str(tmp_path), "--model", model, "--limit", "-1"]) == 1
    assert "at least 1" in capsys.readouterr().err
