"""The hold-out is read once, whoever asks, and every access leaves a line."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from judged_rows import days

from mlops_engine.errors import AlreadyExists, InvalidArgument, NotFound
from mlops_engine.evaluation import HoldOut, HoldOutRead
from mlops_engine.registry.audit import verify

FRAME = days(10, 5).with_columns(x=pl.int_range(pl.len()) / 7)
TEST = np.arange(40, 50)


def events(folder: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (folder / "holdout.log").open()]


def test_a_second_read_is_refused_and_burning_is_written_down(tmp_path: Path) -> None:
    holdout = HoldOut.lock(tmp_path, FRAME, TEST)
    first = holdout.read(FRAME, TEST, who="run 1", why="gates")
    assert first.equals(FRAME[TEST])
    with pytest.raises(HoldOutRead, match="was read before"):
        HoldOut(tmp_path).read(FRAME, TEST, who="run 2", why="one more look")
    assert holdout.measures()["reads"].value == 1
    again = holdout.read(FRAME, TEST, who="run 2", why="a defect in run 1", burn=True)
    assert again.equals(first)
    assert holdout.measures()["reads"].value == 2
    assert events(tmp_path) == ["locked", "read", "refused", "burnt"]
    assert verify(tmp_path / "holdout.log")[0] == 4


def test_other_rows_are_refused_whatever_differs(tmp_path: Path) -> None:
    holdout = HoldOut.lock(tmp_path, FRAME, TEST)
    assert HoldOut.lock(tmp_path, FRAME, TEST) == holdout
    one_bit = FRAME.with_columns(
        x=pl.when(pl.int_range(pl.len()) == 45).then(np.nextafter(45 / 7, 9)).otherwise(pl.col("x"))
    )
    for frame, rows in (
        (one_bit, TEST),
        (FRAME, TEST[::-1]),
        (FRAME, TEST[1:]),
        (FRAME.rename({"x": "z"}), TEST),
        (FRAME.with_columns(pl.col("x").cast(pl.Float32)), TEST),
    ):
        with pytest.raises(InvalidArgument, match="not the rows that were locked"):
            holdout.read(frame, rows, who="x", why="y")
        with pytest.raises(AlreadyExists, match="locks other rows"):
            HoldOut.lock(tmp_path, frame, rows)
    assert holdout.read(FRAME, TEST, who="x", why="y").height == 10  # a refusal spends nothing


def test_a_changed_log_is_noticed(tmp_path: Path) -> None:
    holdout = HoldOut.lock(tmp_path, FRAME, TEST)
    holdout.read(FRAME, TEST, who="x", why="y")
    log = tmp_path / "holdout.log"
    log.write_text(log.read_text().replace('"locked"', '"opened"'))
    with pytest.raises(InvalidArgument, match="line 2 is not what was written"):
        holdout.read(FRAME, TEST, who="x", why="y", burn=True)
    with pytest.raises(NotFound, match="no hold-out"):
        HoldOut(tmp_path / "other").read(FRAME, TEST, who="x", why="y")


def test_one_of_many_gets_it(tmp_path: Path) -> None:
    HoldOut.lock(tmp_path, FRAME, TEST)
    together = threading.Barrier(8)

    def read() -> bool:
        together.wait()
        try:
            # Nothing is shared but the folder: what decides is its file system.
            HoldOut(tmp_path).read(FRAME, TEST, who="one of many", why="a race")
        except HoldOutRead:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        results = [each.result() for each in [pool.submit(read) for _ in range(8)]]
    assert sum(results) == 1
    assert sorted(events(tmp_path)) == ["locked", "read", *["refused"] * 7]
