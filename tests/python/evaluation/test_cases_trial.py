"""Cases out of a file, and the trial of a file in a process that it may take down."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from planted_models import Linear

from mlops_engine.errors import InvalidArgument
from mlops_engine.evaluation import Case, convert, parity, run_cases, trial
from mlops_engine.evaluation.cases import decode

LINE = b'{"name": "a", "inputs": {"x": 1}, "min": 0.5}\n'


def first(rows: np.ndarray) -> np.ndarray:
    return rows[:, 0].astype(np.float64)


def test_cases_hold_or_say_why() -> None:
    cases = decode(
        LINE
        + b'{"name": "b", "inputs": [0.2, null], "max": 0.1}\n\n'
        + b'{"name": "c", "inputs": {"y": 1}, "max": 9}\n'
        + b'{"name": "d", "inputs": {"x": 0.9}, "label": 0}\n'
    )
    report = run_cases(cases, first, ["x", "y"], 0.5)
    assert report.cases == 4
    assert report.broken == {
        "b": "0.2 is above 0.1",
        "c": "the score is not a number",
        "d": "0.9 is not decided as 0",
    }
    assert report.measures()["passed"].value == 0.25


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no cases"),
        (LINE + LINE, "line 2: 'a' is there twice"),
        (b'{"name": "a", "inputs": []}', "asks for `min`"),
        (b'{"name": "a", "inputs": [], "min": 1, "mx": 2}', "unknown field"),
        (b'{"name": "a", "inputs": ["1"], "min": 1}', "line 1"),
        (b"[" * 100_000, "line 1"),
        (b"\xff\xfe", "line 1"),
    ],
)
def test_files_that_are_wrong_name_the_line(data: bytes, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        decode(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
@example(LINE)
def test_any_bytes_are_cases_or_refused(data: bytes) -> None:
    try:
        cases = decode(data)
    except InvalidArgument:
        return
    assert all(case.name for case in cases)


def test_cases_of_other_features_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="no feature is named 'z'"):
        run_cases([Case(name="a", inputs={"z": 1.0}, min=0)], first, ["x"], 0.5)
    with pytest.raises(InvalidArgument, match="has 2 inputs"):
        run_cases([Case(name="a", inputs=[1.0, 2.0], min=0)], first, ["x"], 0.5)


def test_parity_names_the_row_and_not_numbers_fail_it() -> None:
    found = parity(np.array([0.1, 0.2, np.nan]), np.array([0.1, 0.25, np.nan]))
    assert found.largest == pytest.approx(0.05)
    assert found.row == 1
    broken = parity(np.array([0.1, 0.2]), np.array([0.1, np.nan])).measures()["largest"]
    assert np.isnan(broken.value)


def test_a_trial_tells_what_became_of_the_model(tmp_path: Path) -> None:
    model = Linear(np.array([1.0, -1.0]), 0.0).save(tmp_path / "model.onnx")
    rows = np.zeros((8, 2), np.float32)
    found = trial(model, rows)
    assert (found.loaded, found.error) == (True, "")
    measures = found.measures()
    assert measures["bytes"].value == model.stat().st_size
    p50, p99 = measures["p50_us"], measures["p99_us"]
    assert p50.low <= p50.value <= p50.high <= p99.high
    assert measures["resident_bytes"].value > 1 << 20


def test_a_trial_outlives_what_the_model_does(tmp_path: Path) -> None:
    rows = np.zeros((8, 3), np.float32)
    model = Linear(np.array([1.0, -1.0]), 0.0).save(tmp_path / "model.onnx")
    wrong = trial(model, rows)
    assert not wrong.loaded
    assert wrong.error
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    assert not trial(tmp_path / "broken.onnx", rows).loaded
    ends = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    killed = trial(model, rows, python=ends)
    assert killed.error.startswith("the process ended with signal 9")
    hangs = [sys.executable, "-c", "import sys; sys.stdin = None; import threading; "
             "threading.Event().wait()"]  # fmt: skip
    assert "no answer within" in trial(model, rows, python=hangs, timeout_s=0.5).error
    assert killed.measures()["loaded"].value == 0


def test_settings_that_are_wrong_say_where() -> None:
    from mlops_engine.evaluation import Settings

    for document, said in (
        ({"gates": {"a": {"of": "evaluation.auc"}}}, "needs `min`"),
        ({"split": {"kind": "random"}}, r"\$\.split\.kind"),
        ({"evaluation": {"alpha": 0.7}}, r"\$\.evaluation\.alpha"),
        ({"evaluation": {"slice": []}}, "unknown field"),
    ):
        with pytest.raises(InvalidArgument, match=said):
            convert(document, Settings)
