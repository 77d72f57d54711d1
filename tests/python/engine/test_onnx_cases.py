"""ONNX's own operator tests, executed by OpenVINO where it can and by ONNX Runtime elsewhere.

Every 24th model in the ordinary suite, all of them with ``MLOPS_SOAK=1``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("onnx_cases.py")
STEP = 1 if os.environ.get("MLOPS_SOAK") else 24


def test_answers_are_those_of_onnxruntime_and_nothing_breaks() -> None:
    environment = {
        **os.environ,
        "MLOPS_CASES_EXECUTION": "openvino",
        # Memory that has been freed is overwritten, and heaps are checked.
        "LD_PRELOAD": "libc_malloc_debug.so.0",
        "MALLOC_CHECK_": "3",
        "MALLOC_PERTURB_": "165",
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(STEP), "7"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *differences, compared = done.stdout.splitlines()
    assert differences == []
    assert int(compared.split()[1]) > 1000 / STEP
