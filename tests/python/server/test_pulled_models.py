"""Versions that come from a registry, served by the real server: pulled, moved, gone back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from serving import RunningServer, infer_body

from mlops_engine.cli.main import main
from mlops_engine.registry import LocalRegistry, Store, resolve


@pytest.fixture
def registry(small_repository: Path, tmp_path: Path) -> LocalRegistry:
    """Return a registry with two versions of a model, the older of which is the champion."""
    registry = LocalRegistry(tmp_path / "registry")
    files = {"model.onnx": small_repository / "type_fp32" / "1" / "model.onnx"}
    for semantic in ("1.0.0", "1.1.0"):
        registry.register("m", files, {"semantic_version": semantic})
    registry.set_alias("m", "champion", 1)
    return registry


def ready(server: RunningServer) -> list[str]:
    found = json.loads(server.request("POST", "/v2/repository/index", "")[1])
    return [e["version"] for e in found if e["name"] == "m" and e.get("state") == "READY"]


def wait_ready(server: RunningServer, versions: list[str]) -> None:
    while ready(server) != versions:
        assert server.process.poll() is None
        # Whatever is under way, requests are answered.
        assert server.request("POST", "/v2/models/m/infer", infer_body())[0] == 200


def test_polling_follows_an_alias_there_and_back(registry: LocalRegistry, tmp_path: Path) -> None:
    store, repository = Store(tmp_path / "store"), tmp_path / "models"
    resolve("models:/m@champion", registry).pull(repository, store=store)
    flags = ("--model-control-mode=poll", "--repository-poll-secs=1")
    with RunningServer(repository, *flags) as server:
        for number in (2, 1):
            registry.set_alias("m", "champion", number)
            resolve("models:/m@champion", registry).pull(repository, store=store)
            wait_ready(server, [str(number)])
        assert server.stop() == 0


def test_the_command_pulls_for_an_explicit_server(
    registry: LocalRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLOPS_REGISTRY", str(registry.root))
    repository = tmp_path / "models"
    repository.mkdir()
    places = ["--model-repository", str(repository), "--store", str(tmp_path / "store")]
    with RunningServer(repository, "--model-control-mode=explicit") as server:
        for address, version in (("models:/m@champion", "1"), ("models:/m/^1.0", "2")):
            assert main(["pull", address, *places]) == 0
            done = json.loads(capsys.readouterr().out)
            assert (done["version"], done["changed"]) == (version, True)
            assert server.request("POST", "/v2/repository/models/m/load", "")[0] == 200
            assert ready(server) == [version]
    assert main(["pull", "models:/m@other", *places]) == 1
    assert "has no version @other" in capsys.readouterr().err
    assert main(["pull", "models:/m", *places, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["model.onnx"]
