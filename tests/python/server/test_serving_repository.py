"""Repositories that change under a running server, through tritonclient."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from onnx import TensorProto, helper
from serving import RunningServer, onnxruntime_library, server_binary
from tritonclient.utils import InferenceServerException

Client = Any
Connect = Callable[[RunningServer], Client]


def model_bytes(factor: float, batch: str | int = "batch") -> bytes:
    """y = x * factor, four floats a row: the factor tells which version answered."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4])
    constant = helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])
    graph = helper.make_graph([helper.make_node("Mul", ["x", "factor"], ["y"])], "g", [x], [y])
    graph.initializer.append(constant)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def add_version(repository: Path, name: str, version: int, factor: float) -> None:
    """Published whole, by a rename."""
    folder = repository / name
    folder.mkdir(exist_ok=True)
    hidden = folder / f".{version}.new"
    hidden.mkdir()
    (hidden / "model.onnx").write_bytes(model_bytes(factor))
    final = folder / str(version)
    if final.exists():
        os.replace(hidden / "model.onnx", final / "model.onnx")
        hidden.rmdir()
    else:
        hidden.rename(final)


def http_client(server: RunningServer) -> Client:
    return httpclient.InferenceServerClient(f"127.0.0.1:{server.http}", concurrency=4)


def grpc_client(server: RunningServer) -> Client:
    return grpcclient.InferenceServerClient(f"127.0.0.1:{server.grpc}")


@pytest.fixture(params=[http_client, grpc_client], ids=["http", "grpc"])
def connect(request: pytest.FixtureRequest) -> Connect:
    chosen: Connect = request.param
    return chosen


def module_of(client: Client) -> Any:
    return httpclient if type(client).__module__.startswith("tritonclient.http") else grpcclient


def ask(client: Client, model: str, version: str = "", **parameters: Any) -> float:
    """The factor of the version that answered."""
    module = module_of(client)
    tensor = module.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 4), np.float32))
    result = client.infer(model, [tensor], model_version=version, parameters=parameters or None)
    return float(result.as_numpy("y")[0, 0])


def index_of(client: Client) -> dict[str, tuple[str, str]]:
    if module_of(client) is httpclient:
        entries = client.get_model_repository_index()
    else:
        entries = client.get_model_repository_index(as_json=True).get("models", [])
    return {
        f"{e['name']}/{e.get('version', '')}": (e.get("state", ""), e.get("reason", ""))
        for e in entries
    }


def config_of(client: Client, model: str) -> dict[str, Any]:
    if module_of(client) is httpclient:
        return dict(client.get_model_config(model))
    return dict(client.get_model_config(model, as_json=True)["config"])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "models"
    made.mkdir()
    add_version(made, "a", 1, 1.0)
    add_version(made, "a", 2, 2.0)
    add_version(made, "b", 1, 10.0)
    return made


@pytest.fixture
def explicit(repository: Path) -> Iterator[RunningServer]:
    with RunningServer(
        repository, "--model-control-mode=explicit", "--threads=1", "--load-model=a"
    ) as server:
        yield server
        assert server.stop() == 0


def test_load_unload_and_index(explicit: RunningServer, connect: Connect) -> None:
    client = connect(explicit)
    assert index_of(client) == {"a/2": ("READY", ""), "b/": ("", "")}
    assert not client.is_model_ready("b")
    client.load_model("b")
    assert ask(client, "b") == 10.0
    client.unload_model("a")
    assert not client.is_model_ready("a")
    assert index_of(client)["a/2"] == ("UNAVAILABLE", "unloaded")
    client.unload_model("no_such_model")
    with pytest.raises(InferenceServerException, match="is not found"):
        ask(client, "a")
    client.load_model("a")
    assert ask(client, "a") == 2.0
    assert client.is_server_ready()


def test_only_ready_models_when_asked(explicit: RunningServer) -> None:
    status, body = explicit.request("POST", "/v2/repository/index", json.dumps({"ready": True}))
    assert status == 200
    assert [entry["name"] for entry in json.loads(body)] == ["a"]
    status, body = explicit.request("POST", "/v2/repository/index", '{"ready": "yes"}')
    assert (status, json.loads(body)) == (
        400,
        {"error": "Invalid value for 'ready': expected a boolean"},
    )
    status, body = explicit.request("POST", "/v2/repository/other/index", "{}")
    assert status == 501


def test_a_load_with_a_configuration_stays_until_unloaded(
    explicit: RunningServer, connect: Connect
) -> None:
    client = connect(explicit)
    config = {
        "backend": "onnxruntime",
        "max_batch_size": 3,
        "version_policy": {"specific": {"versions": [1]}},
    }
    client.load_model("a", config=json.dumps(config))
    assert ask(client, "a") == 1.0
    assert not client.is_model_ready("a", "2")
    shown = config_of(client, "a")
    assert shown["max_batch_size"] == 3
    assert shown["input"][0]["dims"] in ([4], ["4"])
    client.load_model("a")
    assert ask(client, "a") == 1.0
    client.unload_model("a")
    client.load_model("a")
    assert ask(client, "a") == 2.0


def test_a_request_above_max_batch_size_is_refused(explicit: RunningServer) -> None:
    client = http_client(explicit)
    client.load_model("a", config=json.dumps({"max_batch_size": 3}))
    tensor = httpclient.InferInput("x", [4, 4], "FP32")
    tensor.set_data_from_numpy(np.ones((4, 4), np.float32))
    with pytest.raises(InferenceServerException, match="batch-size must be <= 3 for 'a'"):
        client.infer("a", [tensor])


def test_a_load_with_files(explicit: RunningServer, connect: Connect) -> None:
    client = connect(explicit)
    content = model_bytes(7.0)
    with pytest.raises(InferenceServerException) as caught:
        client.load_model("a", files={"file:1/model.onnx": content})
    assert "failed to load 'a', failed to poll from model repository" in str(caught.value)
    assert ask(client, "a") == 2.0
    config = json.dumps({"backend": "onnxruntime"})
    client.load_model("sent", config=config, files={"file:5/model.onnx": content})
    assert ask(client, "sent", "5") == 7.0
    client.load_model("a", config=config, files={"file:1/model.onnx": content})
    assert ask(client, "a") == 7.0
    assert not client.is_model_ready("a", "2")
    client.unload_model("a")
    client.load_model("a")
    client.unload_model("sent")
    assert ask(client, "a") == 2.0


@pytest.mark.parametrize("name", ["../x", "1/../../x", "/tmp/x", "x", "1/" + "a" * 300, ""])
def test_file_names_that_lead_elsewhere(
    explicit: RunningServer, connect: Connect, name: str
) -> None:
    client = connect(explicit)
    with pytest.raises(InferenceServerException, match="failed to poll from model repository"):
        client.load_model("m", config="{}", files={f"file:{name}": b"x"})
    assert client.is_server_ready()


@pytest.mark.parametrize("name", ["../etc", "a/../b", "..", "/etc/passwd", "model/", " .."])
def test_names_with_traversal_are_refused(explicit: RunningServer, name: str) -> None:
    client = grpc_client(explicit)
    with pytest.raises(InferenceServerException, match="path traversal characters"):
        client.load_model(name)
    client.unload_model(name)


@pytest.mark.parametrize("name", ["", " ", "\t", " \t \n "])
def test_empty_names_are_refused(explicit: RunningServer, name: str) -> None:
    with pytest.raises(InferenceServerException, match="Model name cannot be empty"):
        grpc_client(explicit).load_model(name)


def test_load_errors(explicit: RunningServer, repository: Path, connect: Connect) -> None:
    client = connect(explicit)
    for name in ("unknown_model", "...", "model..1"):
        with pytest.raises(InferenceServerException) as caught:
            client.load_model(name)
        expected = f"failed to load '{name}', failed to poll from model repository"
        assert expected in str(caught.value)
    (repository / "a" / "config.pbtxt").write_text("max_batchsize: 4")
    with pytest.raises(InferenceServerException, match="did you mean 'max_batch_size'"):
        client.load_model("a")
    assert ask(client, "a") == 2.0
    (repository / "a" / "config.pbtxt").write_text('input { name: "z" dims: [ 4 ] }')
    with pytest.raises(InferenceServerException, match="load failed for model 'a': version 2 is"):
        client.load_model("a")
    assert ask(client, "a") == 2.0
    assert client.is_server_ready()


def test_control_is_refused_in_the_other_modes(repository: Path, connect: Connect) -> None:
    with RunningServer(repository, "--threads=1") as server:
        client = connect(server)
        for call in (client.load_model, client.unload_model):
            with pytest.raises(InferenceServerException, match="explicit model load / unload is"):
                call("a")
        assert index_of(client) == {"a/2": ("READY", ""), "b/1": ("READY", "")}


def test_labels_choose_versions(repository: Path, connect: Connect) -> None:
    (repository / "a" / "config.pbtxt").write_text(
        """version_policy { all {} }
        parameters { key: "version_label.stable" value { string_value: "1" } }
        parameters { key: "version_label.canary" value { string_value: "2" } }"""
    )
    with RunningServer(repository, "--threads=1") as server:
        client = connect(server)
        assert ask(client, "a") == 1.0
        assert ask(client, "a", version_label="canary") == 2.0
        assert ask(client, "a", "2") == 2.0
        with pytest.raises(InferenceServerException, match="no version labelled 'beta'"):
            ask(client, "a", version_label="beta")


def test_polling_follows_the_repository(repository: Path) -> None:
    with RunningServer(
        repository, "--model-control-mode=poll", "--repository-poll-secs=1", "--threads=1"
    ) as server:
        client = http_client(server)
        assert ask(client, "a") == 2.0
        add_version(repository, "a", 3, 3.0)
        shutil.rmtree(repository / "b")
        for _ in range(100):
            if ask(client, "a") == 3.0 and not client.is_model_ready("b"):
                break
            threading.Event().wait(0.1)
        assert ask(client, "a") == 3.0
        assert index_of(client) == {"a/2": ("UNAVAILABLE", "unloaded"), "a/3": ("READY", "")}
        assert server.stop() == 0


def test_swaps_under_load_lose_nothing(explicit: RunningServer, repository: Path) -> None:
    """Every reply is right and says which version it is from; the newest one only ever grows."""
    stop = threading.Event()
    problems: list[object] = []
    answers = [0, 0, 0]

    def predict(which: int, connect_to: Connect) -> None:
        client = connect_to(explicit)
        newest = 0.0
        while not stop.is_set():
            try:
                factor = ask(client, "a")
            except InferenceServerException as error:
                problems.append(error)
                return
            if factor < newest:
                problems.append((factor, newest))
            newest = max(newest, factor)
            answers[which] += 1

    doors = (http_client, grpc_client, http_client)
    threads = [threading.Thread(target=predict, args=(i, door)) for i, door in enumerate(doors)]
    for thread in threads:
        thread.start()
    control = http_client(explicit)
    for version in range(3, 23):
        add_version(repository, "a", version, float(version))
        control.load_model("a")
        before = list(answers)
        while not problems and any(a == b for a, b in zip(answers, before, strict=True)):
            stop.wait(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems
    assert ask(control, "a") == 22.0


def run_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(server_binary()), "--ort-library", str(onnxruntime_library()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_exit_on_error(repository: Path) -> None:
    (repository / "b" / "1" / "model.onnx").write_bytes(b"no model")
    ports = ["--http-port=0", "--grpc-port=0", "--metrics-port=-1", "--host=127.0.0.1"]
    done = run_server("--model-repository", str(repository), "--exit-on-error=true", *ports)
    assert done.returncode == 1
    assert "load failed for model 'b'" in done.stderr


def test_check_says_what_is_inferred_and_what_is_given(repository: Path) -> None:
    (repository / "b" / "config.pbtxt").write_text("max_batch_size: 8 optimization { }")
    done = run_server("--model-repository", str(repository), "--check")
    assert done.returncode == 0, done.stderr
    assert "model a: versions 2 (of 1 2)" in done.stdout
    assert "model a: no config.pbtxt; everything is inferred from model.onnx" in done.stdout
    assert "model b: max_batch_size = 8 (config.pbtxt)" in done.stdout
    assert "model b: 'optimization' (line 1, column " in done.stdout
    (repository / "b" / "config.pbtxt").write_text("max_batchsize: 8")
    done = run_server("--model-repository", str(repository), "--check")
    assert done.returncode == 1
    assert "did you mean 'max_batch_size'" in done.stdout


def test_a_configuration_file(repository: Path, tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text(
        f'model-repository = "{repository}"\nmodel-control-mode = "explicit"\n'
        "[limits]\nconnections-max = 77\n"
    )
    done = run_server("--config", str(config), "--check")
    assert done.returncode == 0, done.stderr
    assert "model-control-mode = explicit" in done.stdout
    assert "connections-max = 77" in done.stdout
    config.write_text("http-prt = 1")
    done = run_server("--config", str(config), "--check")
    assert done.returncode == 2
    assert "line 1: http-prt: unknown key; did you mean 'http-port'?" in done.stderr


ENSEMBLE = """
platform: "ensemble" max_batch_size: 8
input { name: "IN" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
ensemble_scheduling { step [
  { model_name: "b" model_version: -1 input_map { key: "x" value: "mid" }
    output_map { key: "y" value: "y" } },
  { model_name: "a" model_version: 2 input_map { key: "x" value: "IN" }
    output_map { key: "y" value: "mid" } } ] }
"""


def test_ensembles(repository: Path, connect: Connect) -> None:
    folder = repository / "both"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(ENSEMBLE)
    with RunningServer(repository, "--threads=1", "--model-control-mode=explicit") as server:
        client = connect(server)
        client.load_model("both")
        module = module_of(client)
        tensor = module.InferInput("IN", [3, 4], "FP32")
        tensor.set_data_from_numpy(np.arange(12, dtype=np.float32).reshape(3, 4))
        result = client.infer("both", [tensor], request_id="id")
        expected = np.arange(12, dtype=np.float32).reshape(3, 4) * 20
        np.testing.assert_array_equal(result.as_numpy("y"), expected)
        statistics = server.request("GET", "/v2/models/stats")[1]
        counts = {m["name"]: m["inference_count"] for m in json.loads(statistics)["model_stats"]}
        assert counts == {"a": 3, "b": 3, "both": 3}
        config = config_of(client, "both")
        steps = config["ensemble_scheduling"]["step"]
        assert [step["model_name"] for step in steps] == ["b", "a"]
        assert config["platform"] == "ensemble"
        client.unload_model("a")
        assert not client.is_model_ready("both")
        assert client.is_model_ready("b")
        assert server.stop() == 0


def test_configured_models(repository: Path, connect: Connect) -> None:
    """A reshaped input, a label file, and a back end without a file."""
    fixed = repository / "fixed"
    (fixed / "1").mkdir(parents=True)
    (fixed / "1" / "model.onnx").write_bytes(model_bytes(3.0, batch=1))
    (fixed / "labels.txt").write_text("red\ngreen\n")
    (fixed / "config.pbtxt").write_text(
        """max_batch_size: 0
        input { name: "x" data_type: TYPE_FP32 dims: 4 reshape { shape: [ 1, 4 ] } }
        output { name: "y" data_type: TYPE_FP32 dims: 4 reshape { shape: [ 1, 4 ] }
                 label_filename: "labels.txt" }"""
    )
    (repository / "mirror" / "1").mkdir(parents=True)
    (repository / "mirror" / "config.pbtxt").write_text(
        """backend: "identity" max_batch_size: 4
        input { name: "x" data_type: TYPE_FP32 dims: 4 }
        output { name: "y" data_type: TYPE_FP32 dims: 4 }"""
    )
    with RunningServer(repository, "--threads=1") as server:
        client = connect(server)
        assert ask(client, "mirror") == 1.0
        module = module_of(client)
        tensor = module.InferInput("x", [4], "FP32")
        tensor.set_data_from_numpy(np.ones(4, np.float32))
        result = client.infer("fixed", [tensor])
        np.testing.assert_array_equal(result.as_numpy("y"), np.full(4, 3.0, np.float32))
        shown = config_of(client, "fixed")
        assert shown["output"][0]["label_filename"] == "labels.txt"
        assert shown["input"][0]["reshape"]["shape"] in ([1, 4], ["1", "4"])
        assert server.stop() == 0


def test_check_fills_the_cache_directory(repository: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    flags = ("--model-repository", str(repository), "--cache-directory", str(cache), "--check")
    done = run_server(*flags)
    assert done.returncode == 0, done.stdout
    assert list((cache / "graphs").glob("*/model.onnx"))
    (cache / "graphs").chmod(0o777)
    done = run_server(*flags)
    assert done.returncode == 1
    assert "can be written by other users" in done.stdout
