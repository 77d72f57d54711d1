"""`mlops train` and `mlops serve --example flights`, against a stub of the server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from mlops_engine.server import ServerError, find_binary

pytest.importorskip("lightgbm", reason="needs the train extra")

MLOPS = [sys.executable, "-m", "mlops_engine.cli.main"]
STUB = Path(__file__).with_name("stub_server.py")
FREE = ["--http-port", "0", "--grpc-port", "0", "--metrics-port", "0"]
LIMIT_S = 120


def mlops(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*MLOPS, *(str(a) for a in arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, env={**os.environ, **environment},
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository made by `mlops train` with its default options, and what that printed."""
    repository = tmp_path_factory.mktemp("trained") / "models"
    done = mlops("train", "--model-repository", repository)
    assert done.returncode == 0, done.stderr
    return repository, done.stdout


@pytest.fixture
def repository(trained: tuple[Path, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained[0], tmp_path / "models"))


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    script = tmp_path / "mlops-server"
    script.write_text(f"#!{sys.executable}\n{STUB.read_text()}")
    script.chmod(0o755)
    return script


@contextlib.contextmanager
def serving(
    repository: Path, stub: Path, *arguments: str, mode: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Run `mlops serve` in the background; killed, if it still runs, at the end."""
    command = [*MLOPS, "serve", "--model-repository", str(repository), *FREE,
               "--server-binary", str(stub), *arguments]  # fmt: skip
    environment = {**os.environ, "MLOPS_STUB": mode}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], pattern: str) -> str:
    """Read the output until a line matches; returns all of it."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if re.search(pattern, line):
            return text
    assert process.stderr is not None
    raise AssertionError(f"no {pattern!r} in:\n{text}\n{process.stderr.read()}")


def test_training_publishes_a_whole_bundle(trained: tuple[Path, str]) -> None:
    repository, printed = trained
    directory = repository / "flights" / "1"
    assert {p.name for p in directory.iterdir()} == {"model.onnx", "bundle.json", "model_card.md"}
    manifest = json.loads((directory / "bundle.json").read_text())
    assert manifest["semantic_version"] == "1.0.0"
    assert manifest["metrics"]["rows"]["labelled"] == 327_346
    assert manifest["metrics"]["scores"][-1]["roc_auc"] > 0.72
    assert manifest["metrics"]["onnx_parity"]["largest_difference"] <= 1e-6
    assert manifest["lineage"]["libraries"].keys() >= {"lightgbm", "onnx", "polars"}
    assert "336,776 flights" in printed
    assert "8,255 cancelled" in printed
    card = (directory / "model_card.md").read_text()
    for feature in manifest["signature"]["inputs"][0]["features"]:
        assert f"| `{feature['name']}` | {feature['unit']} |" in card
    assert f"{manifest['metrics']['scores'][-1]['roc_auc']:.3f}" in card


def test_the_published_graph_gives_the_published_probability(trained: tuple[Path, str]) -> None:
    directory = trained[0] / "flights" / "1"
    manifest = json.loads((directory / "bundle.json").read_text())
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"))
    for side, values in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
        declared = manifest["signature"][side]
        assert [v.name for v in values] == [d["name"] for d in declared]
        shapes = [[-1 if isinstance(d, str) else d for d in v.shape] for v in values]
        assert shapes == [d["shape"] for d in declared]
    row = np.array([manifest["example"]["input"]], np.float32)
    [probabilities] = session.run(["probabilities"], {"input": row})
    assert probabilities.shape == (1, 2)
    assert abs(probabilities[0, 1] - manifest["example"]["probability_late"]) < 1e-6


def test_training_again_does_nothing_and_loads_nothing(repository: Path) -> None:
    script = (
        "import sys; from mlops_engine.cli.main import main\n"
        f"status = main(['train', '--model-repository', {str(repository)!r}])\n"
        "heavy = {'lightgbm', 'onnx', 'polars', 'pandas', 'onnxruntime', 'sklearn'}\n"
        "sys.exit(status or ','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "up to date" in done.stdout


def test_a_tampered_version_is_followed_by_another(repository: Path) -> None:
    with (repository / "flights/1/model.onnx").open("ab") as model:
        model.write(b"x")
    done = mlops("train", "--model-repository", repository, "--trees", 5, "--depth", 3)
    assert done.returncode == 0, done.stderr
    assert "model.onnx is not the file that was published; training the next" in done.stdout
    manifest = json.loads((repository / "flights/2/bundle.json").read_text())
    assert manifest["semantic_version"] == "1.1.0"
    assert manifest["lineage"]["options"]["depth"] == 3
    assert manifest["metrics"]["rounds"] <= 5


@pytest.mark.parametrize("arguments", [["--trees", "0"], ["--depth", "99"], ["--seed", "-1"]])
def test_bad_options_are_one_line(tmp_path: Path, arguments: list[str]) -> None:
    done = mlops("train", "--model-repository", tmp_path, *arguments)
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "must be between" in done.stderr


def test_serve_predicts_then_serves_until_told_to_stop(repository: Path, stub: Path) -> None:
    with serving(repository, stub, "--example", "flights") as process:
        text = until(process, "Ctrl-C")
        assert "training" not in text
        [curl] = [line for line in text.splitlines() if line.startswith("curl ")]
        if shutil.which("curl"):
            answered = subprocess.run(
                ["bash", "-c", curl], capture_output=True, text=True, timeout=30, check=True
            )
            assert json.loads(answered.stdout)["outputs"][1]["name"] == "probabilities"
            assert json.loads(answered.stdout) == json.loads(text.splitlines()[-3])
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (repository / "signals").read_text() == "SIGTERM\n"


def test_a_signal_while_training_ends_it_and_publishes_nothing(tmp_path: Path, stub: Path) -> None:
    with serving(tmp_path / "models", stub, "--example", "flights") as process:
        until(process, "choosing the number of trees")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("models/flights/*"))
    assert not (tmp_path / "models" / "signals").exists()  # the server was never started


def test_a_terminals_interrupt_reaches_the_server_once(repository: Path, stub: Path) -> None:
    """Ctrl-C goes to the whole foreground group; the server is in another, and told by us."""
    command = [*MLOPS, "serve", "--model-repository", str(repository), *FREE,
               "--server-binary", str(stub), "--example", "flights"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        until(process, "Ctrl-C")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
    assert (repository / "signals").read_text() == "SIGINT\n"


def test_other_signals_pass_through(repository: Path, stub: Path) -> None:
    with serving(repository, stub, "--example", "flights") as process:
        until(process, "Ctrl-C")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            process.send_signal(number)
            log = repository / "signals"
            _wait_until(lambda name=number.name, log=log: log.exists() and name in log.read_text())
        assert process.wait(30) == 0


def _wait_until(condition: object, limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        os.sched_yield()


def _gone(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("real", [False, True], ids=["stub", "mlops-server"])
def test_a_killed_launcher_leaves_no_server(repository: Path, stub: Path, real: bool) -> None:
    binary = find_binary(None) if real else stub
    with serving(repository, binary, "--example", "flights") as process:
        text = until(process, "Ctrl-C")
        port = int(re.search(r"http (\d+)", text)[1])  # type: ignore[index]
        process.kill()
        process.wait()
        _wait_until(lambda: _gone(port))
    if not real:
        assert (repository / "signals").read_text() == "SIGTERM\n"


def test_a_server_whose_launcher_is_gone_does_not_start() -> None:
    told = {**os.environ, "MLOPS_PARENT_PID": "1"}
    command = [str(find_binary(None)), "--model-repository", "/nowhere"]
    done = subprocess.run(
        command, env=told, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 1
    assert "the process that started this one has ended" in done.stderr


@pytest.mark.parametrize(("mode", "status"), [("exit:0", 0), ("exit:3", 3)])
def test_the_servers_exit_status_is_ours(
    repository: Path, stub: Path, mode: str, status: int
) -> None:
    with serving(repository, stub, "--example", "flights", mode=mode) as process:
        assert process.wait(LIMIT_S) == status


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("wrong", "the server says"),
        ("version", "version 7 replied, not 1"),
        ("error", "answered 500"),
    ],
)
def test_a_wrong_answer_stops_everything(
    repository: Path, stub: Path, mode: str, message: str
) -> None:
    with serving(repository, stub, "--example", "flights", mode=mode) as process:
        stdout, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert message in stderr
    assert stderr.count("\n") == 1
    assert "curl" not in stdout
    assert (repository / "signals").read_text() == "SIGTERM\n"


@pytest.mark.parametrize("name", ["http", "grpc", "metrics"])
def test_a_busy_port_is_one_clear_line_before_any_training(
    tmp_path: Path, stub: Path, name: str
) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = [*FREE, f"--{name}-port", str(port)]
        done = mlops("serve", "--example", "flights", "--model-repository", tmp_path, *ports,
                     "--server-binary", stub)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        f"mlops: error: port {port} ({name}): Address already in use;"
        f" choose another with --{name}-port\n"
    )
    assert not list(tmp_path.glob("flights"))


def test_a_repository_is_served_without_an_example(repository: Path, stub: Path) -> None:
    with serving(repository, stub, "--", "--told", "something") as process:
        _wait_until((repository / "told").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (repository / "told").read_text() == "something"


def test_a_missing_repository_or_binary_is_named(tmp_path: Path, stub: Path) -> None:
    missing = tmp_path / "absent"
    done = mlops("serve", "--model-repository", missing, *FREE, "--server-binary", stub)
    assert (done.returncode, done.stderr) == (
        1,
        f"mlops: error: {missing} is not a directory\n",
    )
    done = mlops("serve", "--model-repository", tmp_path, *FREE, "--server-binary", missing)
    assert (done.returncode, done.stderr) == (1, f"mlops: error: {missing} is not a file\n")


@pytest.mark.parametrize("command", [[], ["serve"], ["train"]])
def test_help_names_every_command_and_option(command: list[str]) -> None:
    done = mlops(*command, "--help")
    assert done.returncode == 0
    expected = {
        "": ["serve", "train"],
        "serve": ["--example", "--model-repository", "--http-port", "--grpc-port",
                  "--metrics-port", "--ort-library", "--server-binary", "mlops serve --example"],
        "train": ["--trees", "--depth", "--seed", "--model-repository", "--force"],
    }  # fmt: skip
    for word in expected["".join(command)]:
        assert word in done.stdout


def _installed_server() -> Path | None:
    with contextlib.suppress(ServerError):
        return find_binary()
    return None


@pytest.mark.skipif(_installed_server() is None, reason="mlops-server is not built")
def test_the_real_server_serves_the_example_and_keeps_its_ports(repository: Path) -> None:
    binary = find_binary()
    with serving(repository, binary, "--example", "flights") as process:
        text = until(process, "Ctrl-C")
        assert "as LightGBM says" in text
        port = re.search(r"http (\d+)", text)[1]  # type: ignore[index]
        second = mlops("serve", "--model-repository", repository, *FREE, "--http-port", port)
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert f"port {port} (http): Address already in use" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
