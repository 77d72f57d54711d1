"""Online detectors beside the live libraries, on seeds that the golden files do not have."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mlops_engine import drift

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "detectors")]
from cases import differs_on_purpose, streams_for  # noqa: E402
from environment import PEERS, ask, python_with  # noqa: E402


@pytest.mark.parametrize(("peer", "seeds"), [("river", "11 12"), ("frouros", "11 12 13 14 15")])
def test_alarms_are_the_peers(peer: str, seeds: str) -> None:
    script = FOLDER / "detectors/peer_alarms.py"
    alarms = 0
    for entry in ask(python_with(*PEERS[peer]), script, peer, *seeds.split()):
        if differs_on_purpose(entry["detector"], entry["stream"]):
            continue
        detector = getattr(drift, entry["detector"])(**entry["parameters"])
        stream = streams_for(entry["detector"], entry["seed"])[entry["stream"]]
        verdicts = detector.verdicts(stream)
        assert np.flatnonzero(verdicts == 2).tolist() == entry["alarms"], entry
        assert np.flatnonzero(verdicts == 1).tolist() == entry["warnings"], entry
        alarms += len(entry["alarms"])
    assert alarms > 100
