"""Real flights through a real server: faults are named within 1,000 rows, and nothing else is."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from serving import ROOT, server_binary

from mlops_engine.cli.main import main as mlops


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """The replay of bench/drift_served.py."""
    spec = importlib.util.spec_from_file_location("drift_served", ROOT / "bench/drift_served.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["drift_served"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["drift_served"]


@pytest.fixture(scope="module")
def flights(server: Path, bench: ModuleType) -> object:
    return bench.Flights.read()


@pytest.fixture(scope="module")
def model(server: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("models")
    assert mlops(["train", f"--model-repository={repository}", "--trees=100"]) == 0
    return repository / "flights" / "1" / "model.onnx"


@pytest.fixture(scope="module")
def server() -> Path:
    binary = server_binary()
    if binary is None or "MLOPS_INTEGRATIONS" not in os.environ:
        pytest.skip("needs MLOPS_INTEGRATIONS and mlops-server: make test-integrations")
    return binary


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("fault", "stream"),
    [("unit", "distance"), ("missing", "temperature"), ("new_category", "carrier")],
)
def test_a_fault_is_named_within_a_thousand_rows(
    server: Path, bench, flights, model: Path, fault: str, stream: str
) -> None:
    reference, x = bench.changed_rows(flights, fault)
    with bench.replay(server, model, reference) as running:
        running.post(x[: bench.CHANGE])
        assert running.watch.alerts == []
        found = running.first_alert(x[bench.CHANGE :])
        assert found is not None
        rows, alert = found
        assert rows <= bench.WITHIN
        assert (alert.stream, alert.cause) == (stream, fault)
        assert alert.samples
        assert running.watch.changed() == [stream]


@pytest.mark.timeout(180)
def test_a_shuffled_replay_raises_nothing(server: Path, bench, flights, model: Path) -> None:
    first = flights.shuffled()
    with bench.replay(server, model, flights.reference(first)) as running:
        running.post(first[:60_000])
        assert running.watch.events() == []
        assert running.watch.window().rows > 10_000
