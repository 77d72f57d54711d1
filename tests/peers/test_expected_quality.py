"""CBPE beside NannyML, on NannyML's own data and with its own calibrated chances."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mlops_engine.drift import Cbpe

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER)]
from environment import PEERS, ask, python_with  # noqa: E402

CHUNK = 5000


def test_expected_quality_is_nannymls(tmp_path: Path) -> None:
    files = [tmp_path / "car_loan.npz", tmp_path / "employment.npz"]
    python = python_with(*PEERS["nannyml"])
    theirs = ask(python, FOLDER / "quality/peer_cbpe.py", *map(str, files))
    for (name, expected), file in zip(theirs.items(), files, strict=True):
        rows = np.load(file)
        reference = Cbpe.fit(rows["reference_scores"], rows["reference_labels"])
        chunks = len(rows["scores"]) // CHUNK
        for i in range(chunks - 1):  # its last chunk takes what is left over
            part = slice(i * CHUNK, (i + 1) * CHUNK)
            window = reference.like()
            window.update(rows["scores"][part], rows["predicted"][part], rows["chances"][part])
            for metric in ("accuracy", "f1", "precision", "recall"):
                ours = getattr(window, metric)
                assert ours == pytest.approx(expected[metric][i], rel=1e-9), (name, metric, i)
            low, high = window.auroc
            # It rounds cumulated sums to 5 digits.
            assert low - 1e-6 <= expected["roc_auc"][i] <= high + 1e-6, (name, i)
            assert high - low < 0.01
