"""Loading, replacing, unloading; and the ends: of the engine, of the program, of a forked child."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import zoo
from conftest import Gated

import mlops_engine as me

PATIENCE_S = 120


def run_program(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own; a hang is a failure, and so is dying of a signal."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


SETUP = """
import asyncio, os, sys, threading
import numpy as np
import mlops_engine as me
from mlops_engine._native import core
row = {"input": np.ones((1, 4), np.float32)}
gate = core.Gate()
engine = me.Engine(lanes=1, inline_run_us_max=0)
engine._load_echo("echo", "FP32", [-1, 4], gate=gate)
def infer_until_closed():
    try:
        while True:
            engine.infer("echo", row)
    except me.Unavailable:
        pass
"""


@pytest.mark.native
@pytest.mark.parametrize(
    "program",
    [
        "engine.infer('echo', row)",
        "futures = [engine.submit('echo', row) for _ in range(100)]",
        "futures = [engine.submit('echo', row) for _ in range(100)]; del engine",
        "engine.submit('echo', row).add_done_callback(lambda f: f.exception())",
        "threading.Thread(target=lambda: [engine.infer('echo', row) for _ in range(2000)]).start()",
        "threading.Thread(target=infer_until_closed, daemon=True).start()",
        "[threading.Thread(target=infer_until_closed, daemon=True).start() for _ in range(8)]",
        "asyncio.run(asyncio.wait_for(asyncio.sleep(0), 1)); engine.close()",
        "async def main():\n"
        "    return [engine.infer_async('echo', row) for _ in range(100)]\n"
        "futures = asyncio.run(main())",
        "import atexit; atexit.register(lambda: engine.infer('echo', row))",
        "class Holder:\n    def __del__(self): self.engine.closed\nh = Holder(); h.engine = engine",
        "engine.cycle = [engine]; del engine",
    ],
)
def test_programs_end_however_they_leave_their_engine(program: str) -> None:
    done = run_program(SETUP + program)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.native
def test_a_program_that_ends_while_a_request_runs() -> None:
    """The end waits for what runs: here until a daemon thread opens the gate."""
    done = run_program(
        SETUP
        + """
gate.close()
future = engine.submit("echo", row)
gate.wait_for_arrivals()
future.add_done_callback(lambda f: print("answered"))
import atexit
atexit.register(lambda: None)
opener = threading.Timer(0.05, gate.open)
opener.daemon = True
opener.start()
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "answered\n", "")


@pytest.mark.native
def test_submitting_when_the_interpreter_has_stopped_the_reader() -> None:
    done = run_program(
        """
        import atexit, sys

        def late():
            try:
                engine.submit("echo", {})
            except me.Unavailable as error:
                print(error)

        atexit.register(late)  # runs after what mlops_engine registers when it is imported
        import mlops_engine as me
        engine = me.Engine(lanes=1)
        engine._load_echo("echo", "FP32", [-1, 4])
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "closed" in done.stdout


@pytest.mark.native
def test_a_forked_child_is_told_and_can_have_an_engine_of_its_own() -> None:
    done = run_program(
        SETUP
        + """
print(engine.submit("echo", row).result(60)["output"].tolist(), flush=True)
child = os.fork()
if child == 0:
    try:
        engine.infer("echo", row)
    except me.Unavailable as error:
        print(error)
    with me.Engine(lanes=1) as own:
        own._load_echo("echo", "FP32", [-1, 4])
        print(own.infer("echo", row)["output"].tolist())
        print(own.submit("echo", row).result(60)["output"].tolist())
        async def main():
            return (await own.infer_async("echo", row))["output"].tolist()
        print(asyncio.run(main()), flush=True)
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print(engine.infer("echo", row)["output"].tolist())
"""
    )
    ones = "[[1.0, 1.0, 1.0, 1.0]]"
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == ones
    assert "fork" in lines[1]
    assert lines[2:] == [ones] * 4


@pytest.mark.native
def test_loading_again_replaces_and_unloading_removes(row: np.ndarray) -> None:
    with me.Engine(lanes=1) as engine:
        engine._load_echo("echo", "FP32", [-1, 4])
        engine._load_echo("echo", "FP32", [-1, 4], version=3)
        assert [(m.name, m.version) for m in engine.models()] == [("echo", 1), ("echo", 3)]
        assert engine.model("echo").version == 3
        assert engine.model("echo", 1).versions == (1, 3)
        engine._load_echo("echo", "INT32", [-1])
        assert engine.model("echo", 1).inputs == (me.TensorSpec("input", "INT32", (-1,), ("",)),)
        assert engine.infer("echo", {"input": np.arange(2, dtype=np.int32)}, version=1)
        assert engine.infer("echo", {"input": row}, version=3)
        engine.unload("echo", 3)
        with pytest.raises(me.NotFound):
            engine.infer("echo", {"input": row}, version=3)
        engine.unload("echo")
        assert engine.models() == []
        assert engine.ready


@pytest.mark.native
def test_unloading_waits_without_the_gil(gated: Gated) -> None:
    held = gated.hold()
    unloading = threading.Thread(target=gated.engine.unload, args=("echo",))
    unloading.start()
    queued = gated.engine.submit("echo", {"input": np.ones((1, 4), np.float32)})
    assert not held.done()
    gated.release()
    unloading.join(PATIENCE_S)
    assert not unloading.is_alive()
    assert held.result(PATIENCE_S)
    assert isinstance(queued.exception(PATIENCE_S), me.NotFound | me.Unavailable | None)


@pytest.mark.native
def test_statistics(echo: me.Engine, row: np.ndarray) -> None:
    for _ in range(5):
        echo.infer("echo", {"input": row})
    with pytest.raises(me.InvalidArgument):
        echo.infer("echo", {"input": row.astype(np.float64)})
    stats = echo.stats("echo")
    assert stats["success"] == stats["inferences"] == stats["executions"] == 5
    assert stats["request"]["count"] == 5
    assert 0 < stats["request"]["p50_us"] <= stats["request"]["p99_us"]
    assert stats["mean_batch_rows"] == 1
    everything = echo.stats()
    assert [m["name"] for m in everything["models"]] == ["echo"]
    copied = {site: size for site, size in everything["copy_bytes"].items() if size}
    assert copied == {"gather": 5 * row.nbytes}
    assert json.loads(json.dumps(everything)) == everything
    with pytest.raises(me.NotFound):
        echo.stats("echo", version=9)
    page = echo.metrics()
    assert '{model="echo",version="1"} 5' in page
    assert page.endswith("\n")


def test_a_repository_is_served_and_its_failures_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [model] = zoo.build_zoo(tmp_path, ["rank_2"])
    with me.Engine(model_repository=tmp_path, lanes=1) as engine:
        assert engine.ready
        [info] = engine.models()
        assert (info.name, info.version, info.platform) == ("rank_2", 1, "onnxruntime_onnx")
        inputs = model.inputs(np.random.default_rng(1), 3)
        np.testing.assert_array_equal(
            engine.infer("rank_2", inputs)["y"], zoo.run_reference(model, inputs)["y"]
        )
        broken = tmp_path / "broken" / "1" / "model.onnx"
        broken.parent.mkdir(parents=True)
        broken.write_bytes(b"no model")
        with (
            caplog.at_level(logging.INFO, "mlops_engine"),
            pytest.raises(me.InvalidArgument, match="broken"),
        ):
            engine.load_repository(tmp_path)
        assert not engine.ready
        assert [m.name for m in engine.models()] == ["rank_2"]
        assert any(r.levelname == "ERROR" and "broken" in r.message for r in caplog.records)
    with pytest.raises(me.InvalidArgument, match="broken"):
        me.Engine(model_repository=tmp_path)
    with pytest.raises(me.NotFound):
        me.Engine(model_repository=tmp_path / "nowhere")


def test_onnxruntime_is_not_imported_to_be_used(tmp_path: Path) -> None:
    [model] = zoo.build_zoo(tmp_path, ["rank_1"])
    done = run_program(
        """
        import sys
        import numpy as np
        import mlops_engine as me
        with me.Engine(lanes=1) as engine:
            engine.load("m", sys.argv[1])
            print(engine.infer("m", {"x": np.array([1, 2], np.float32)})["y"].tolist())
        print("onnxruntime" in sys.modules)
        import onnxruntime  # after the engine has used the library, in the same process
        session = onnxruntime.InferenceSession(sys.argv[1])
        print(session.run(None, {"x": np.array([1, 2], np.float32)})[0].tolist())
        """,
        str(model.path),
    )
    assert done.stdout.splitlines() == ["[3.0, 5.0]", "False", "[3.0, 5.0]"]
    assert done.returncode == 0


def test_paths_of_any_kind(tmp_path: Path) -> None:
    [model] = zoo.build_zoo(tmp_path, ["rank_1"])
    with me.Engine(lanes=1) as engine:
        assert engine.load("a", model.path).name == "a"
        assert engine.load("b", str(model.path), 2, lanes=2, batch_rows_max=8).batch_rows_max == 8
        assert engine.load("c", os.fspath(model.path), batch_delay_us_max=100).batchable
