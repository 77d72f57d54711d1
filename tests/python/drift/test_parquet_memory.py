"""Parquet files larger than what may be held at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

import mlops_engine as me

ROWS, COLUMNS = 2_000_000, 8
COUNT = """
import resource, sys
import mlops_engine as me
window = me.drift.Profile.like(me.drift.Profile.from_bytes(open(sys.argv[1], "rb").read()))
import polars
polars.scan_parquet(sys.argv[2]).head(1).collect()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
window.update_parquet(sys.argv[2])
print(window.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_file_is_counted_in_less_memory_than_its_rows_take(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = [f"x{i}" for i in range(COLUMNS)]
    some = random.normal(size=(5_000, COLUMNS)).astype(np.float32)
    reference = tmp_path / "reference.profile"
    reference.write_bytes(me.drift.Profile.from_array(some, names).to_bytes())
    rows = tmp_path / "rows.parquet"
    frame = pl.DataFrame({name: random.random(ROWS, dtype=np.float32) for name in names})
    frame.write_parquet(rows, row_group_size=1 << 17, compression="uncompressed")
    command = [sys.executable, "-c", COUNT, str(reference), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    counted, kib = map(int, done.stdout.split())
    assert counted == ROWS
    # The machine's own caches differ; all rows at once would be 61 MiB and more.
    assert kib < ROWS * COLUMNS * 4 / 1024 * 0.75
