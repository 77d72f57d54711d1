"""The contract at the engine's door: what it refuses of a frame is refused of a request."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlops_engine as me
from mlops_engine.contract import Contract, config_text
from mlops_engine.features import FeaturePlan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTRACT = Contract.from_toml(
    {
        "name": "flights",
        "columns": {
            "distance": {"type": "float", "min": 15, "max": 5000},
            "humidity": {"type": "float", "max": 100.5, "severities": {"max": "warn"}},
        },
        "guards": {"missing": "reject"},
    }
)
FEATURES = {"distance": "distance", "humidity": "humidity"}
CONFIG = """
backend: "identity"
max_batch_size: 64
input [ { name: "in" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "out" data_type: TYPE_FP32 dims: [ 2 ] } ]
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[me.Engine]:
    repository = tmp_path_factory.mktemp("models")
    version = Path(repository / "m" / "1")
    version.mkdir(parents=True)
    (repository / "m" / "config.pbtxt").write_text(CONFIG + config_text(CONTRACT.guards(FEATURES)))
    # Training saw less than the contract allows.
    seen = np.random.default_rng(1).uniform(80, 90, (500, 2)).astype(np.float32)
    profile = me.drift.Profile.from_array(
        seen, names=list(FEATURES), tensors=dict.fromkeys(FEATURES, "in")
    )
    (version / "reference.profile").write_bytes(profile.to_bytes())
    with me.Engine(model_repository=repository) as made:
        yield made


VALUES = st.floats(width=32) | st.sampled_from(
    [15.0, 5000.0, 14.99, 5000.5, 100.5, 200.0, math.nan, math.inf, -math.inf]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3))
def test_the_door_refuses_what_the_contract_refuses(
    engine: me.Engine, rows: list[tuple[float, float]]
) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(FEATURES, pl.Float32), orient="row")
    refused = CONTRACT.check(frame, NOW).quarantined.height > 0
    x = np.array(rows, dtype=np.float32)
    try:
        answer = engine.infer("m", {"in": x})["out"]
    except me.InvalidArgument:
        assert refused
    else:
        assert not refused
        np.testing.assert_array_equal(answer, x)


def test_what_is_written_is_what_the_contract_says() -> None:
    assert CONTRACT.guards({"distance": "distance", "sum": ""}, {"carrier": ["AA", "DL"]}) == {
        "guard_missing": "reject",
        "guard_range": "reject",
        "guard_new_category": "reject",
        "guard_ranges": "distance=15:5000,sum=-inf:inf,carrier=0:1",
    }
    for features in ({"a,b": "distance"}, {"a": "distanse"}):
        with pytest.raises(me.InvalidArgument):
            CONTRACT.guards(features)


def test_a_plan_knows_which_features_are_columns() -> None:
    plan = FeaturePlan.from_toml(
        {
            "name": "p",
            "base": "b",
            "decision": "t",
            "available": {"b": {"x": "always"}},
            "features": [
                {"name": "same", "expression": " x "},
                {"name": "twice", "expression": "x * 2"},
            ],
        }
    )
    assert plan.unchanged() == {"same": "x", "twice": ""}
