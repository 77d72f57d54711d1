"""One server for most tests, over the whole zoo; it must still serve after each of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))

import zoo
from serving import RunningServer, server_binary


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    if server_binary() is None:
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="mlops-server is not built"))


@pytest.fixture(scope="session")
def zoo_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("served-zoo")
    zoo.build_zoo(repository)
    return repository


@pytest.fixture(scope="session")
def zoo_models(
    zoo_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, zoo.ZooModel]:
    return {m.name: m for m in zoo.build_zoo(tmp_path_factory.mktemp("reference-zoo"))}


@pytest.fixture(scope="session")
def small_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("small")
    zoo.build_zoo(repository, ["type_fp32", "mlp_small"])
    return repository


@pytest.fixture(scope="session")
def shared_server(zoo_repository: Path) -> Iterator[RunningServer]:
    with RunningServer(zoo_repository, "--threads=2") as server:
        yield server
        assert server.stop() == 0


@pytest.fixture
def server(shared_server: RunningServer) -> Iterator[RunningServer]:
    """The shared server, which must survive the test."""
    yield shared_server
    assert shared_server.process.poll() is None
    assert shared_server.request("GET", "/v2/health/ready")[0] == 200
