"""Versions that come from a registry, served by the real server: pulled, moved, gone back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from serving import RunningServer, infer_body

import mlops_engine as me
from mlops_engine.cli.main import main
from mlops_engine.registry import LocalRegistry, Store, parse, resolve
from mlops_engine.registry.agent import Agent, AgentOptions
from mlops_engine.registry.target import EngineTarget, ServerTarget, Target


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


def agent_of(
    registry: LocalRegistry, folder: Path, target: Target, told: list[Mapping[str, Any]]
) -> Agent:
    options = AgentOptions(on_event=told.append, random=lambda: 0.5)
    store, repository = Store(folder / "store"), folder / "models"
    models = {"m": parse("models:/m@champion")}
    return Agent(registry, models, repository, store=store, target=target, options=options)


def broken(registry: LocalRegistry, folder: Path) -> None:
    """Let the champion be a version whose file is no model."""
    (folder / "broken.onnx").write_bytes(b"no graph")
    files = {"model.onnx": folder / "broken.onnx"}
    version = registry.register("m", files, {"semantic_version": "1.2.0"})
    registry.set_alias("m", "champion", int(version.id))


def test_the_agent_follows_an_alias_and_goes_back_when_it_is_bad(
    registry: LocalRegistry, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    told: list[Mapping[str, Any]] = []
    with RunningServer(tmp_path / "models", "--model-control-mode=explicit") as server:
        target = ServerTarget(f"http://127.0.0.1:{server.http}")
        agent = agent_of(registry, tmp_path, target, told)
        for number in (1, 2, 1):
            registry.set_alias("m", "champion", number)
            agent.step()
            assert ready(server) == [str(number)]
        broken(registry, tmp_path)
        agent.step()
        assert ready(server) == ["1"]
        assert server.request("POST", "/v2/models/m/infer", infer_body())[0] == 200
        agent.step()
        assert [e["event"] for e in told] == [*["activated"] * 3, "rejected", "rolled_back"]
    # The server is started anew, and the registry still says what is bad.
    with RunningServer(tmp_path / "models", "--model-control-mode=explicit") as server:
        agent = agent_of(registry, tmp_path, ServerTarget(f"http://127.0.0.1:{server.http}"), told)
        told.clear()
        agent.start()
        agent.step()
        assert ready(server) == ["1"]
        assert [e["event"] for e in told] == ["last_good"]


def test_the_agent_in_process(registry: LocalRegistry, tmp_path: Path) -> None:
    told: list[Mapping[str, Any]] = []
    with me.Engine() as engine:
        agent = agent_of(registry, tmp_path, EngineTarget(engine), told)
        for number in (1, 2):
            registry.set_alias("m", "champion", number)
            agent.step()
            assert engine.model("m").versions == (number,)
        broken(registry, tmp_path)
        agent.step()
        assert engine.model("m").versions == (2,)
        assert [e["event"] for e in told] == ["activated", "activated", "rejected", "rolled_back"]


def test_the_agents_command(
    registry: LocalRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "audit.jsonl"
    places = ["--model-repository", str(tmp_path / "models"), "--store", str(tmp_path / "store")]
    more = ["--source", str(registry.root), "--audit-log", str(log), "--once"]
    assert main(["agent", "models:/m@champion", *places, *more]) == 0
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["number"]) == ("activated", 1)
    assert main(["audit", "verify", str(log)]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == 1
    registry.set_alias("m", "champion", 2)
    assert main(["agent", "models:/m@champion", *places, *more]) == 0
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["last_good", "activated"]
    log.write_bytes(log.read_bytes().replace(b"activated", b"rejected!", 1))
    assert main(["audit", "verify", str(log)]) == 1
    assert "line 2 is not what was written" in capsys.readouterr().err
