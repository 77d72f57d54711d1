"""The running server says what executes its models, and what came of all that was tried."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from serving import RunningServer


@pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="the extra 'openvino' is not installed"
)
def test_a_trial_is_reported_with_its_figures(small_repository: Path) -> None:
    with RunningServer(small_repository, "--execution=openvino") as server:
        for path in (
            "/mlops/v1/models/mlp_small/execution",
            "/mlops/v1/models/mlp_small/versions/1/execution",
        ):
            status, body = server.request("GET", path)
            assert status == 200
            said = json.loads(body)
            assert said["settled"]
            assert said["reason"].startswith("runs in OpenVINO")
            (tried,) = said["tried"]
            assert tried["name"] == "OpenVINO"
            assert 0 <= tried["largest_difference"] <= 2e-5
            assert tried["times"][0]["rows"] == 1
            assert all(at["speed_up"] > 0 for at in tried["times"])
        assert server.request("GET", "/mlops/v1/models/nobody/execution")[0] == 404
        assert server.stop() == 0
