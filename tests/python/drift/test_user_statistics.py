"""Statistics of one's own, on windows and on a served version's rows; by ctypes, and by Numba."""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mlops_engine as me

pytestmark = pytest.mark.native

ABI = ctypes.CFUNCTYPE(
    None,
    ctypes.POINTER(ctypes.c_float),
    ctypes.c_int64,
    ctypes.c_int64,
    ctypes.POINTER(ctypes.c_double),
)
ROWS = np.random.default_rng(0).normal(size=(5_000, 3)).astype(np.float32)
NAMES = ["distance", "delay", "humidity"]


@ABI
def late(values: ctypes.Array[ctypes.c_float], rows: int, columns: int, state: object) -> None:
    """Of the first column: how many are above 1, and their sum."""
    x = np.ctypeslib.as_array(values, (rows, columns))[:, 0].astype(np.float64)
    state[0] += float((x > 1).sum())  # type: ignore[index]
    state[1] += float(x[x > 1].sum())  # type: ignore[index]


@ABI
def failing(values: object, rows: int, columns: int, state: object) -> None:
    state[1] = 0.0  # type: ignore[index]


LATE = me.drift.Statistic("late", late, size=2, streams=["delay"])


def expected(rows: np.ndarray) -> list[float]:
    x = rows[:, 1].astype(np.float64)
    return [float((x > 1).sum()), float(x[x > 1].sum())]


@pytest.fixture(scope="module")
def reference() -> me.drift.Profile:
    return me.drift.Profile.from_array(ROWS, NAMES, tensors=dict.fromkeys(NAMES, "input"))


def test_windows_add_and_subtract(reference: me.drift.Profile) -> None:
    parts = np.array_split(ROWS, [7, 520, 3_000])
    whole = me.drift.Profile.like(reference, [LATE])
    windows = [me.drift.Profile.like(reference, [LATE]).update(part) for part in parts]
    for window in windows:
        whole.merge(window)
    value = whole.statistics()["late"]
    assert value.rows == 5_000
    assert not value.stopped
    np.testing.assert_allclose(value.state, expected(ROWS))
    whole.subtract(windows[0])
    assert whole.statistics()["late"].rows == 4_993
    np.testing.assert_allclose(whole.statistics()["late"].state, expected(ROWS[7:]))
    before = whole.rows
    with pytest.raises(me.InvalidArgument, match="different statistics"):
        whole.merge(me.drift.Profile.like(reference).update(parts[0]))
    assert whole.rows == before
    assert me.drift.Profile.like(reference).statistics() == {}


def test_one_that_fails_is_stopped_and_others_go_on(reference: me.drift.Profile) -> None:
    bad = me.drift.Statistic("bad", failing)
    window = me.drift.Profile.like(reference, [bad, LATE]).update(ROWS)
    assert window.rows == 5_000
    assert window.statistics()["bad"].stopped
    assert window.statistics()["bad"].rows == 0
    np.testing.assert_allclose(window.statistics()["late"].state, expected(ROWS))


@pytest.mark.parametrize(
    ("function", "size", "streams"),
    [(late, 0, []), (late, 5_000, []), (late, 2, ["altitude"])],
)
def test_what_makes_no_sense_is_refused(
    reference: me.drift.Profile, function: object, size: int, streams: list[str]
) -> None:
    with pytest.raises(me.InvalidArgument, match="statistic 'x'"):
        me.drift.Profile.like(
            reference, [me.drift.Statistic("x", function, size=size, streams=streams)]
        )


def test_what_is_no_compiled_function_is_refused() -> None:
    for function in (len, ABI(), 12, None):
        with pytest.raises(me.InvalidArgument, match="function pointer"):
            me.drift.Statistic("x", function)


@pytest.fixture
def engine(tmp_path: Path, reference: me.drift.Profile) -> Iterator[me.Engine]:
    (tmp_path / "flights" / "1").mkdir(parents=True)
    (tmp_path / "flights" / "config.pbtxt").write_text("""
        backend: "identity"
        max_batch_size: 64
        input [ { name: "input" data_type: TYPE_FP32 dims: [ 3 ] } ]
        output [ { name: "output" data_type: TYPE_FP32 dims: [ 3 ] } ]
    """)
    (tmp_path / "flights" / "1" / "reference.profile").write_bytes(reference.to_bytes())
    with me.Engine(tmp_path, lanes=2) as made:
        yield made


def feed(engine: me.Engine) -> None:
    for start in range(0, 5_000, 50):
        engine.infer("flights", {"input": ROWS[start : start + 50]})


def rows_of(engine: me.Engine) -> dict[str, int]:
    """Rows by what became of them: counted, or left out to save time."""
    lines = re.findall(r'mlops_drift_rows_total{.*state="(\w+)".*} (\d+)', engine.metrics())
    return {state: int(rows) for state, rows in lines}


def seen(engine: me.Engine, name: str) -> me.drift.StatisticValue:
    """Return what a statistic made of the rows once all of them were handed over.

    Lanes count after they answer; how many rows they count depends on how long that takes them.
    """
    while sum(rows_of(engine).values()) < len(ROWS):
        time.sleep(0)
    watch = engine.drift("flights")
    counted = rows_of(engine)["counted"]
    while watch.window().rows < counted:
        time.sleep(0)
    value = watch.statistics()[name]
    # A lane that met somebody who was reading took the statistic over with its next tile.
    assert counted - 1_024 <= value.rows <= counted
    if value.rows == len(ROWS):
        np.testing.assert_allclose(value.state, expected(ROWS))
    return value


def test_a_served_versions_rows(engine: me.Engine) -> None:
    watch = engine.drift("flights")
    watch.use_statistics([LATE])
    feed(engine)
    assert not seen(engine, "late").stopped
    watch.reset()
    assert watch.statistics()["late"].rows == 0
    watch.use_statistics([])
    assert watch.statistics() == {}
    with pytest.raises(me.InvalidArgument, match="altitude"):
        watch.use_statistics([me.drift.Statistic("x", late, size=2, streams=["altitude"])])


def test_a_server_takes_no_functions() -> None:
    watch = me.drift.connect("http://127.0.0.1:9", "flights")
    with pytest.raises(me.Unimplemented):
        watch.use_statistics([LATE])


def test_numba(engine: me.Engine, reference: me.drift.Profile) -> None:
    pytest.importorskip("numba")

    @me.drift.statistic(size=2, streams=["delay"])
    def late(x: np.ndarray, state: np.ndarray) -> None:
        for row in range(x.shape[0]):
            if x[row, 0] > 1:
                state[0] += 1
                state[1] += x[row, 0]

    @me.drift.statistic(size=1)
    def outside(x: np.ndarray, state: np.ndarray) -> None:
        state[x.shape[0] + 7] += 1

    @me.drift.statistic(size=1, name="raises")
    def second(x: np.ndarray, state: np.ndarray) -> None:
        state[0] += 1
        if state[0] > 1:
            raise ValueError("enough")

    window = me.drift.Profile.like(reference, [late, outside, second]).update(ROWS)
    np.testing.assert_allclose(window.statistics()["late"].state, expected(ROWS))
    assert window.statistics()["outside"].stopped
    raised = window.statistics()["raises"]
    assert raised.stopped
    assert raised.state.tolist() == [1.0]
    watch = engine.drift("flights")
    watch.use_statistics([late, outside])
    feed(engine)
    assert not seen(engine, "late").stopped
    assert watch.statistics()["outside"].stopped
