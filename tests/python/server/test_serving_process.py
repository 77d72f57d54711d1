"""The process around the server: command line, readiness, metrics, signals, hostile models."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import hostile
from serving import RunningServer, infer_body, receive_reply, server_binary


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(server_binary()), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_and_version_need_nothing_else() -> None:
    helped = _run("--help")
    assert helped.returncode == 0
    assert "--model-repository DIR" in helped.stdout
    version = _run("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("mlops-server ")


def test_wrong_command_lines_say_what_is_wrong(tmp_path: Path) -> None:
    unknown = _run("--model-repo", "x")
    assert unknown.returncode == 2
    assert "did you mean --model-repository?" in unknown.stderr
    missing = _run("--model-repository", str(tmp_path / "none"), "--http-port=0")
    assert missing.returncode == 1
    assert "is not a folder" in missing.stderr


def test_check_prints_what_was_resolved(tmp_path: Path) -> None:
    checked = _run("--model-repository", str(tmp_path), "--grpc-port=9", "--check")
    assert checked.returncode == 0
    assert "grpc-port = 9\n" in checked.stdout
    assert _run("--model-repository", str(tmp_path / "none"), "--check").returncode == 1


def test_a_link_to_the_server_finds_the_wheel_beside_the_link(tmp_path: Path) -> None:
    library = tmp_path / "lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.30.0"
    library.parent.mkdir(parents=True)
    library.touch()
    (tmp_path / "bin").mkdir()
    binary = server_binary()
    assert binary is not None
    (tmp_path / "bin/mlops-server").symlink_to(binary.resolve())
    (tmp_path / "models").mkdir()
    command = [tmp_path / "bin/mlops-server", "--model-repository", tmp_path / "models", "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0
    found = [line for line in checked.stdout.splitlines() if line.startswith("ort-library = ")]
    assert found[0] == f"ort-library = {library}"
    assert found[-1] == "ort-library = libonnxruntime.so"


def test_ready_comes_after_listening_and_soon(small_repository: Path) -> None:
    fastest = 1e9
    for _ in range(3):
        with RunningServer(small_repository) as server:
            assert server.started["models"] == 2
            fastest = min(fastest, server.started["start_ms"])
            assert server.stop() == 0
    assert fastest < 2000  # the budget is 500 on an idle machine; tests share theirs


def test_busy_port_is_an_error(small_repository: Path) -> None:
    with RunningServer(small_repository) as server:
        second = _run("--model-repository", str(small_repository), f"--http-port={server.http}")
        assert second.returncode == 1
        assert "Address already in use" in second.stderr


def test_metrics_page(server: RunningServer) -> None:
    name = 'mlops_server_requests_total{protocol="http",route="infer",status="200"}'
    before = server.metric(name)
    success = server.metric('nv_inference_request_success{model="type_fp32"')
    assert server.request("POST", "/v2/models/type_fp32/infer", infer_body())[0] == 200
    assert server.metric(name) == before + 1
    assert server.metric('nv_inference_request_success{model="type_fp32"') == success + 1
    assert server.metric("process_resident_memory_bytes ") > 1 << 20
    assert server.metric("mlops_server_connections_open ") >= 1


def test_log_is_one_json_object_a_line(small_repository: Path) -> None:
    with RunningServer(small_repository) as server:
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
    events = [json.loads(line) for line in log.splitlines()]
    assert {"time", "level", "message"} <= set(events[0])
    assert events[-1]["message"] == "stopped"


def _half_a_request(server: RunningServer) -> tuple[socket.socket, bytes]:
    """A connection whose request the server has begun to read, and the rest of it."""
    body = infer_body().encode()
    lines = ["POST /v2/models/type_fp32/infer HTTP/1.1", "Host: h", "Expect: 100-continue"]
    client = server.connect()
    client.sendall("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode())
    assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    return client, body


def test_sigterm_finishes_what_is_in_flight(small_repository: Path) -> None:
    with RunningServer(small_repository, "--threads=1") as server:
        busy, body = _half_a_request(server)
        with closing(busy), closing(server.connect()) as idle:
            idle.sendall(b"GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n")
            assert receive_reply(idle)[0] == 200
            server.process.send_signal(signal.SIGTERM)
            assert idle.recv(1) == b""  # closed: nothing was in flight
            busy.sendall(body)
            assert receive_reply(busy)[0] == 200
            assert busy.recv(1) == b""
        assert server.process.wait(30) == 0


def test_exit_timeout_ends_what_does_not_finish(small_repository: Path) -> None:
    with RunningServer(small_repository, "--exit-timeout-s=0") as server:
        stuck, _ = _half_a_request(server)
        with closing(stuck):
            assert server.stop() == 0


def test_second_signal_ends_it_at_once(small_repository: Path) -> None:
    with RunningServer(small_repository, "--exit-timeout-s=600") as server:
        stuck, _ = _half_a_request(server)
        with closing(stuck):
            server.process.send_signal(signal.SIGTERM)
            assert server.process.stderr is not None
            while "draining" not in server.process.stderr.readline():
                pass
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(10) == -signal.SIGTERM


def test_a_model_that_fails_keeps_it_from_being_ready_and_nothing_else(
    small_repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "type_fp32").symlink_to(small_repository / "type_fp32")
    broken = tmp_path / "broken" / "1" / "model.onnx"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"not a model")
    with RunningServer(tmp_path, wait_ready=False) as server:
        while server.request("GET", "/v2/models/type_fp32/ready")[0] != 200:
            pass
        assert server.request("POST", "/v2/models/type_fp32/infer", infer_body())[0] == 200
        assert server.request("GET", "/v2/health/live")[0] == 200
        assert server.request("GET", "/v2/health/ready")[0] == 400
        assert server.request("GET", "/v2/models/broken/ready")[0] == 400
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
        assert "broken" in log


def test_signal_while_models_load_is_obeyed(zoo_repository: Path) -> None:
    with RunningServer(zoo_repository, wait_ready=False) as server:
        assert server.stop() == 0


def test_many_clients_of_all_kinds_at_once(server: RunningServer) -> None:
    results: list[int] = []

    def ask() -> None:
        results.extend(
            server.request("POST", "/v2/models/type_fp32/infer", infer_body(i))[0]
            for i in range(20)
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 160


def _all_tried(server: RunningServer) -> bool:
    index = json.loads(server.request("POST", "/v2/repository/index", "")[1])
    return all(entry.get("state", "LOADING") != "LOADING" for entry in index)


def test_hostile_models_do_not_keep_good_ones_from_being_served(
    small_repository: Path, tmp_path: Path
) -> None:
    cases = [*hostile.build_hostile(tmp_path), *hostile.build_hostile_links(tmp_path)]
    (tmp_path / "type_fp32").symlink_to(small_repository / "type_fp32")
    with RunningServer(tmp_path, wait_ready=False) as server:
        deadline = time.monotonic() + 200
        while not _all_tried(server):
            assert time.monotonic() < deadline
            assert server.process.poll() is None
        assert server.request("POST", "/v2/models/type_fp32/infer", infer_body())[0] == 200
        for case in cases:
            if case.loads is False:
                assert server.request("GET", f"/v2/models/{case.name}")[0] == 404, case.why
        assert server.stop() == 0
