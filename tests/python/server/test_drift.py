"""Drift statistics of served versions, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving import RunningServer

import mlops_engine as me
from mlops_engine import _core
from mlops_engine.cli.main import main as mlops

CONFIG = """
backend: "identity"
max_batch_size: 64
input [ { name: "in" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "out" data_type: TYPE_FP32 dims: [ 2 ] } ]
"""
COLLECTS = CONFIG + 'parameters { key: "drift" value: { string_value: "on" } }\n'


def profile() -> bytes:
    column = np.arange(320, dtype=np.float32)
    columns = [("input", "in", 1, "delay", False, column, None)]
    columns += [("output", "out", 0, "score", False, column, None)]
    return _core.DriftProfile.build(columns, bins=32, categories=256).to_bytes()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    for name, config in (("watched", CONFIG), ("collects", COLLECTS), ("other", CONFIG)):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "config.pbtxt").write_text(config)
    (tmp_path / "watched" / "1" / "reference.profile").write_bytes(profile())
    with RunningServer(tmp_path) as running:
        yield running
        assert running.stop() == 0


def infer(server: RunningServer, model: str, rows: int, value: float) -> None:
    tensor = {"name": "in", "shape": [rows, 2], "datatype": "FP32", "data": [value] * (2 * rows)}
    body = json.dumps({"inputs": [tensor]})
    assert server.request("POST", f"/v2/models/{model}/infer", body)[0] == 200


def ask(
    server: RunningServer, model: str, what: str = "", method: str = "GET"
) -> tuple[int, bytes]:
    return server.request(method, f"/mlops/v1/models/{model}/drift{what}")


def test_a_report_counts_every_row_of_both_sides(server: RunningServer) -> None:
    infer(server, "watched", 5, 100)
    infer(server, "watched", 3, -1)
    for what in ("", "/last/15m"):
        status, body = ask(server, "watched", what)
        assert status == 200
        report = json.loads(body)
        assert report["rows_seen"] == 8
        assert [s["name"] for s in report["streams"]] == ["delay", "score"]
        for stream in report["streams"]:
            assert stream["rows"] == 8
            assert stream["bins"][10] == 5
            assert stream["below_range"] == 3
            assert stream["distances"]["psi"] > 1
    assert server.metric("mlops_drift_rows_total") == 8
    assert ask(server, "watched", "/reset", "POST")[0] == 200
    assert json.loads(ask(server, "watched")[1])["rows_seen"] == 0


def test_profiles_of_replicas_merge(server: RunningServer) -> None:
    merged = _core.DriftWindow.from_bytes(profile())
    for _ in range(2):
        infer(server, "watched", 4, 100)
        status, body = ask(server, "watched", "/profile")
        assert status == 200
        merged.merge(_core.DriftWindow.from_bytes(body))
    assert sum(merged.counts()[0]["masses"]) == 4 + 8


def test_live_traffic_becomes_a_reference(server: RunningServer) -> None:
    assert ask(server, "collects", "/freeze", "POST")[0] == 503
    assert ask(server, "collects", "/profile")[0] == 503
    for value in range(20):
        infer(server, "collects", 60, value)
    assert json.loads(ask(server, "collects")[1]) == {"collecting": True, "rows_collected": 1200}
    assert ask(server, "collects", "/freeze", "POST")[0] == 200
    infer(server, "collects", 2, 7)
    report = json.loads(ask(server, "collects")[1])
    assert report["rows_seen"] == 2
    assert len(report["streams"]) == 4


def test_what_is_not_watched_or_no_span_is_said_so(server: RunningServer) -> None:
    assert ask(server, "other")[0] == 404
    assert ask(server, "nobody")[0] == 404
    status, body = ask(server, "watched", "/last/soon")
    assert status == 400
    assert b"15m" in body
    assert ask(server, "watched", "/freeze", "POST")[0] == 400


def test_reports_by_url_for_whoever_has_the_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, tokens = tmp_path / "models", tmp_path / "tokens"
    (models / "watched" / "1").mkdir(parents=True)
    (models / "watched" / "config.pbtxt").write_text(CONFIG)
    (models / "watched" / "1" / "reference.profile").write_bytes(profile())
    secrets = {}
    for role in ("observe", "predict"):
        assert mlops(["token", "new", "--name", role, "--role", role, "--append", str(tokens)]) == 0
        secrets[role] = capsys.readouterr().out.splitlines()[-2].removeprefix("token: ")
    with RunningServer(models, f"--auth-tokens={tokens}") as server:
        url = f"http://127.0.0.1:{server.http}"
        body = {"name": "in", "shape": [64, 2], "datatype": "FP32", "data": [900.0] * 128}
        sent = server.request(
            "POST",
            "/v2/models/watched/infer",
            json.dumps({"inputs": [body]}),
            Authorization=f"Bearer {secrets['predict']}",
        )
        assert sent[0] == 200
        report = me.drift.connect(url, "watched", 1, token=secrets["observe"]).report("1h")
        assert report.window_rows == 64
        assert {alert.stream for alert in report.alerts} == {"delay", "score"}
        for token in (None, "wrong", secrets["predict"]):
            with pytest.raises(PermissionError):
                me.drift.connect(url, "watched", token=token).report()
        with pytest.raises(PermissionError):
            me.drift.connect(url, "watched", token=secrets["observe"]).reset()
        with pytest.raises(me.NotFound):
            me.drift.connect(url, "unknown", token=secrets["observe"]).report()

        command = ["drift", "report", "--url", url, "--url", url, "--model", "watched"]
        assert mlops([*command, "--last", "1h"]) == 1
        monkeypatch.setenv("MLOPS_TOKEN", secrets["observe"])
        assert mlops([*command, "--last", "1h"]) == 3
        assert capsys.readouterr().out.startswith("128 rows against 320")
        whole = f"{url}/mlops/v1/models/watched/drift/profile"
        assert mlops(["drift", "report", whole]) == 3
        assert mlops([*command, "--last", "soon"]) == 1
        assert mlops(["drift", "report", "--url", url]) == 1
        monkeypatch.delenv("MLOPS_TOKEN")
        (tmp_path / "secret").write_text(secrets["observe"] + "\n")
        assert mlops([*command, "--token-file", str(tmp_path / "secret")]) == 3
        assert mlops([*command, "--token", secrets["observe"]]) == 3
        assert server.stop() == 0
    with pytest.raises(me.Unavailable):
        me.drift.connect(url, "watched").report()


def test_alerts_by_http_outlive_the_server(tmp_path: Path) -> None:
    models, state = tmp_path / "models", tmp_path / "state"
    (models / "watched" / "1").mkdir(parents=True)
    (models / "watched" / "config.pbtxt").write_text(CONFIG)
    rows = np.random.default_rng(0).normal(size=5_000).astype(np.float32)
    columns = [("input", "in", 0, "delay", False, rows, None)]
    reference = _core.DriftProfile.build(columns, bins=32, categories=256)
    (models / "watched" / "1" / "reference.profile").write_bytes(reference.to_bytes())
    settings = tmp_path / "server.toml"
    settings.write_text(f'[drift]\ndrift-state-directory = "{state}"\ndrift-retrain-rows = 0\n')
    alerts = "/mlops/v1/models/watched/versions/1/drift/alerts"
    with RunningServer(models, f"--config={settings}") as server:
        assert json.loads(server.request("GET", alerts)[1])["alerts"] == []
        for _ in range(400):
            infer(server, "watched", 64, 2.5)
            found = json.loads(server.request("GET", alerts)[1])
            if found["alerts"]:
                break
        (alert,) = found["alerts"]
        assert (alert["stream"], alert["role"], alert["cause"]) == ("delay", "input", "spike")
        assert alert["samples"][0]["row"] == {"delay": 2.5}
        kinds = [event["kind"] for event in found["events"]]
        assert kinds == ["raised", "retrain_suggested"]
        after = json.loads(server.request("GET", f"{alerts}/since/1")[1])
        assert [event["number"] for event in after["events"]] == [2]
        assert server.request("GET", f"{alerts}/since/x")[0] == 400
        assert server.request("GET", "/mlops/v1/models/none/drift/alerts")[0] == 404
        assert server.metric("mlops_drift_alerts") == 1
        watch = me.drift.connect(f"http://127.0.0.1:{server.http}", "watched")
        assert watch.alerts[0].change_row == alert["change_row"]
        assert [event.kind for event in watch.events()] == kinds
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
        assert "drift event=raised number=1 model=" in log
    with RunningServer(models, f"--config={settings}") as server:
        again = json.loads(server.request("GET", alerts)[1])
        assert again["alerts"][0]["change_row"] == alert["change_row"]
        assert again["rows"] >= found["rows"]
        assert (again["last_event"], again["events"]) == (2, [])
        assert server.stop() == 0
