"""What other people's programs are run against: the models of Triton's client examples."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "server"))

from example_models import GRPC_MODELS, build_examples
from serving import RunningServer, server_binary


@pytest.fixture(scope="session")
def environment() -> Path:
    """A virtual environment of theirs, apart from ours: `make test-integrations` makes it."""
    if "MLOPS_INTEGRATIONS" not in os.environ or server_binary() is None:
        pytest.skip("needs MLOPS_INTEGRATIONS and mlops-server: make test-integrations")
    return Path(os.environ["MLOPS_INTEGRATIONS"]).resolve()


@pytest.fixture(scope="session")
def examples(
    environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    repository = tmp_path_factory.mktemp("examples")
    build_examples(repository, GRPC_MODELS)
    with RunningServer(repository, "--allow-client-shm=true") as server:
        yield server
        assert server.stop() == 0
