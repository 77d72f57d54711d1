"""Eight codes, eight classes: each raised for what it means, each a built-in where there is one."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mlops_engine as me
from mlops_engine import errors
from mlops_engine._native import check_version, core

pytestmark = pytest.mark.native

CLASSES = {
    "invalid_argument": (me.InvalidArgument, ValueError),
    "not_found": (me.NotFound, LookupError),
    "already_exists": (me.AlreadyExists, Exception),
    "unavailable": (me.Unavailable, Exception),
    "resource_exhausted": (me.ResourceExhausted, Exception),
    "deadline_exceeded": (me.DeadlineExceeded, TimeoutError),
    "cancelled": (me.Cancelled, Exception),
    "unimplemented": (me.Unimplemented, NotImplementedError),
    "internal": (me.Internal, RuntimeError),
}


@pytest.mark.parametrize("code", CLASSES)
def test_each_code_of_the_core_raises_its_class(code: str) -> None:
    expected, builtin = CLASSES[code]
    with pytest.raises(me.MlopsError) as caught:
        core.raise_code(code, "naïve message")
    assert type(caught.value) is expected
    assert isinstance(caught.value, builtin)
    assert caught.value.code == code
    assert str(caught.value) == "naïve message"


def test_every_class_is_public_and_has_a_code_of_its_own() -> None:
    classes = [getattr(me, name) for name in errors.__all__ if name != "MlopsError"]
    assert sorted(c.code for c in classes) == sorted(CLASSES)
    assert all(issubclass(c, me.MlopsError) for c in classes)
    assert not any(hasattr(builtins, c.__name__) for c in classes)


def test_a_message_that_is_no_utf8_still_becomes_an_error() -> None:
    with pytest.raises(me.Internal, match="bad � byte"):
        core.raise_code("internal", b"bad \xff byte")


def test_not_found(echo: me.Engine, row: np.ndarray) -> None:
    with pytest.raises(me.NotFound, match="nobody"):
        echo.infer("nobody", {"input": row})
    with pytest.raises(me.NotFound):
        echo.infer("echo", {"input": row}, version=7)
    with pytest.raises(me.NotFound):
        echo.unload("echo", 7)
    with pytest.raises(me.NotFound):
        echo.model("nobody")
    with pytest.raises(me.NotFound):
        echo.stats("nobody")
    with pytest.raises(me.NotFound, match=r"nowhere\.onnx"):
        echo.load("m", "/nowhere.onnx")


def test_deadline_that_has_passed(echo: me.Engine, row: np.ndarray) -> None:
    with pytest.raises(me.DeadlineExceeded):
        echo.infer("echo", {"input": row}, timeout=0)


@pytest.mark.parametrize("timeout", [-1, float("nan"), -float("inf")])
def test_a_timeout_that_is_none(echo: me.Engine, row: np.ndarray, timeout: float) -> None:
    with pytest.raises(me.InvalidArgument, match="timeout"):
        echo.infer("echo", {"input": row}, timeout=timeout)


@pytest.mark.parametrize("timeout", [None, 30, 1e12, float("inf")])
def test_a_timeout_that_is_far(echo: me.Engine, row: np.ndarray, timeout: float | None) -> None:
    assert echo.infer("echo", {"input": row}, timeout=timeout)["output"].tolist() == row.tolist()


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(me.InvalidArgument):
        me.Engine(queue_requests_max=0)


def test_calls_after_close(row: np.ndarray) -> None:
    engine = me.Engine(lanes=1)
    engine._load_echo("echo", "FP32", [-1, 4])
    engine.close()
    engine.close()
    assert engine.closed
    assert not engine.ready
    for call in (engine.infer, engine.submit):
        with pytest.raises(me.Unavailable, match="closed"):
            call("echo", {"input": row})
    with pytest.raises(me.Unavailable, match="closed"):
        engine.load("echo", "x.onnx")


def test_engine_whose_init_was_never_called(row: np.ndarray) -> None:
    with pytest.raises(TypeError, match="__init__"):
        me.Engine.__new__(me.Engine).infer("echo", {"input": row})


def test_core_of_another_version_is_refused() -> None:
    check_version(me.__version__, "here")
    with pytest.raises(ImportError, match=r"9\.9\.9 at /somewhere"):
        check_version("9.9.9", "/somewhere")


def test_version_is_the_build_systems() -> None:
    cmake = Path(__file__).parents[3] / "CMakeLists.txt"
    assert f"project(mlops_engine VERSION {me.__version__} " in cmake.read_text()


def test_no_onnxruntime_is_an_error_that_says_where_it_looked(tmp_path: Path) -> None:
    missing = tmp_path / "libonnxruntime.so"
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    with me.Engine(ort_library=missing) as engine, pytest.raises(me.MlopsError) as caught:
        engine.load("m", model)
    assert str(missing) in str(caught.value)


def test_import_brings_no_framework_and_not_even_numpy() -> None:
    code = "import sys, mlops_engine; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "mlops_engine" in loaded
    heavy = {"numpy", "onnx", "onnxruntime", "asyncio", "logging", "pandas", "polars", "sklearn"}
    assert not loaded & heavy
