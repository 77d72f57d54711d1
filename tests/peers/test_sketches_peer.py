"""Our sketches beside datasketches: both within the bound of the exact answer, ours no larger."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mlops_engine import drift

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER)]
from environment import PEERS, ask, python_with  # noqa: E402

ROWS = 200_000


def test_quantiles_and_distinct_counts() -> None:
    peer = ask(python_with(*PEERS["datasketches"]), FOLDER / "drift/peer_sketches.py", str(ROWS))
    x = np.random.default_rng(11).lognormal(6, 1.5, size=ROWS).astype(np.float32)
    reference = drift.Profile.from_array(x[:5_000], ["x"])
    sketches = drift.Sketches(reference).update(x[:, None])

    def worst(quantiles: list[float]) -> float:
        return max(
            abs((x <= q).mean() - level) for q, level in zip(quantiles, peer["levels"], strict=True)
        )

    bound = peer["rank_error"]
    assert worst(peer["quantiles"]) < bound
    assert worst(sketches.quantile("x", peer["levels"])) < bound
    quarter = drift.Sketches(reference).update(x[: ROWS // 4, None])
    exact = len(np.unique(x[: ROWS // 4]))
    for distinct in (peer["distinct"], quarter.distinct("x")):
        assert abs(distinct / exact - 1) < 5 * 0.0163
    assert len(sketches.to_bytes()) < 2 * peer["bytes"] + 8_192
