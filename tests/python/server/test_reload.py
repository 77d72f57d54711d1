"""SIGHUP on the real server: what changes, what does not, and that no request notices."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from faults import eventually
from serving import RunningServer, infer_body, receive_reply
from tritonclient.utils import InferenceServerException


class Reloading:
    """A server with a configuration file and a log file."""

    def __init__(self, repository: Path, folder: Path, settings: str = "", *arguments: str):
        self.config = folder / "server.toml"
        self.log = folder / "server.log"
        self.write(settings)
        flags = [f"--config={self.config}", f"--log-file={self.log}", *arguments]
        self.server = RunningServer(repository, *flags)
        self._seen = 0

    def write(self, settings: str) -> None:
        self.config.write_text(settings + "\n")

    def lines(self) -> list[dict[str, object]]:
        """What the log says since the last call."""
        text = self.log.read_text()
        end = text.rfind("\n") + 1  # the last line may be on its way
        new, self._seen = text[self._seen : end], end
        return [json.loads(line) for line in new.splitlines()]

    def next_line(self, level: str) -> dict[str, object]:
        """The first of this level since lines() was called; what came with it is gone."""
        found: list[dict[str, object]] = []

        def came() -> bool:
            found.extend(line for line in self.lines() if line["level"] == level)
            return bool(found)

        eventually(came)
        return found[0]

    def reload(self) -> list[str]:
        """Messages of one reload, once it is over."""
        self.lines()
        self.server.process.send_signal(signal.SIGHUP)
        messages: list[str] = []
        while not any(m in ("reload: done", "reload: done in part") for m in messages) and not any(
            "nothing changes" in m for m in messages
        ):
            assert self.server.process.poll() is None
            messages += [str(line["message"]) for line in self.lines()]
        return messages

    def __enter__(self) -> Reloading:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()


def _idle_timeout(server: RunningServer) -> bool:
    """Whether a fresh connection is closed when nothing is asked on it for a while."""
    with closing(server.connect()) as client:
        client.settimeout(3)
        try:
            return client.recv(1) == b""
        except TimeoutError:
            return False


def test_what_can_change_changes_and_the_rest_is_named(
    small_repository: Path, tmp_path: Path
) -> None:
    with Reloading(small_repository, tmp_path, "log-verbose = 0\nhost = '127.0.0.1'") as running:
        server = running.server
        body = json.dumps({**json.loads(infer_body()), "id": "r-1"})
        assert server.request("POST", "/v2/models/type_fp32/infer", body)[0] == 200
        running.write(
            "log-verbose = 1\nidle-timeout-ms = 50\nrequest-bytes-max = 1000\n"
            "trace-config = ['level=TIMESTAMPS', 'rate=7']\nstrict-model-config = true"
        )
        messages = running.reload()
        assert "reload: log changed" in messages
        assert "reload: limits changed" in messages
        assert "reload: traces changed" in messages
        assert "reload: strict-model-config stays 'false'; 'true' needs a restart" in messages
        assert messages[-1] == "reload: done in part"
        assert server.request("POST", "/v2/models/type_fp32/infer", body)[0] == 200
        line = running.next_line("verbose")
        assert line["request_id"] == "r-1"
        assert (line["route"], line["status"], line["model"]) == ("infer", "200", "type_fp32")
        assert int(str(line["duration_us"])) >= 0
        assert _idle_timeout(server)
        large = infer_body(100)
        assert server.request("POST", "/v2/models/type_fp32/infer", large)[0] in (400, 413)
        assert json.loads(server.request("GET", "/v2/trace/setting")[1])["trace_rate"] == "7"
        assert server.stop() == 0


def test_a_wrong_file_changes_nothing(small_repository: Path, tmp_path: Path) -> None:
    with Reloading(small_repository, tmp_path) as running:
        running.write("log-verbos = 1")
        messages = running.reload()
        assert any("did you mean" in message for message in messages), messages
        running.write("log-verbose = ")
        assert any("line 1" in message for message in running.reload())
        running.config.unlink()
        running.reload()
        assert running.server.request("GET", "/v2/health/ready")[0] == 200


def test_the_command_line_still_counts_more(small_repository: Path, tmp_path: Path) -> None:
    with Reloading(small_repository, tmp_path, "", "--log-verbose=1") as running:
        running.write("log-verbose = 0")
        assert running.reload()[-1] == "reload: done"
        assert json.loads(running.server.request("GET", "/v2/logging")[1])["log_verbose_level"] == 1


def test_the_log_file_is_opened_anew(small_repository: Path, tmp_path: Path) -> None:
    with Reloading(small_repository, tmp_path) as running:
        assert json.loads(running.server.request("GET", "/v2/logging")[1])["log_file"] == str(
            running.log
        )
        old = running.log.rename(tmp_path / "server.log.1")
        running.server.process.send_signal(signal.SIGHUP)
        while not running.log.exists() or "reload: done" not in running.log.read_text():
            assert running.server.process.poll() is None
        assert running.server.stop() == 0
        assert "stopped" not in old.read_text()
        assert "stopped" in running.log.read_text()


def test_no_request_notices(small_repository: Path, tmp_path: Path) -> None:
    with Reloading(small_repository, tmp_path) as running:
        server = running.server
        results: list[int] = []
        stop = threading.Event()

        def ask() -> None:
            with closing(server.connect()) as client:
                body = infer_body().encode()
                head = "POST /v2/models/type_fp32/infer HTTP/1.1\r\nHost: h\r\n"
                while not stop.is_set():
                    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                    results.append(receive_reply(client)[0])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(20):
            running.write(f"request-bytes-max = {100_000 + i}\nlog-verbose = {i % 2}")
            running.reload()
        stop.set()
        for thread in threads:
            thread.join()
        assert len(results) > 20
        assert set(results) == {200}


def test_labels_follow_their_files(small_repository: Path, tmp_path: Path) -> None:
    model = tmp_path / "models" / "type_fp32"
    for version in ("1", "2"):
        (model / version).mkdir(parents=True)
        source = small_repository / "type_fp32" / "1" / "model.onnx"
        (model / version / "model.onnx").write_bytes(source.read_bytes())

    def label(version: int) -> None:
        (model / "config.pbtxt").write_text(
            "version_policy: { all { } }\n"
            f'parameters {{ key: "version_label.stable" value: {{ string_value: "{version}" }} }}'
        )

    label(1)
    with Reloading(tmp_path / "models", tmp_path) as running:
        url = "/v2/models/type_fp32/config"
        stable = '"version_label.stable"'
        assert stable in running.server.request("GET", url)[1].decode()
        label(9)
        messages = running.reload()
        assert any("no version that serves" in message for message in messages), messages
        label(2)
        assert running.reload()[-1] == "reload: done"


class Supervisor:
    """What systemd is to a service: a socket for its messages."""

    def __init__(self, folder: Path):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(20)

    def until(self, wanted: str) -> str:
        while True:
            message = self.socket.recv(4096).decode()
            if wanted in message.splitlines():
                return message


def test_a_supervisor_hears_of_it(
    small_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(supervisor.path))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    with closing(supervisor.socket), Reloading(small_repository, tmp_path) as running:
        assert "STATUS=2 models are served" in supervisor.until("READY=1")
        supervisor.until("WATCHDOG=1")
        supervisor.until("WATCHDOG=1")
        running.server.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in supervisor.until("RELOADING=1")
        supervisor.until("READY=1")
        running.server.process.terminate()
        supervisor.until("STOPPING=1")
        assert running.server.process.wait(30) == 0


def test_a_full_disk_makes_it_not_ready_until_there_is_room(
    small_repository: Path, tmp_path: Path
) -> None:
    setting = "ready-disk-free-mb = 0"
    with Reloading(small_repository, tmp_path, setting) as running:
        server = running.server
        assert server.request("GET", "/v2/health/ready")[0] == 200
        running.write("ready-disk-free-mb = 1000000000")
        running.reload()
        while server.request("GET", "/v2/health/ready")[0] == 200:
            assert server.process.poll() is None
        assert server.metric('mlops_server_trouble{kind="disk"}') == 1
        assert server.metric("mlops_server_ready ") == 0
        # Who asks all the same is answered.
        assert server.request("POST", "/v2/models/type_fp32/infer", infer_body())[0] == 200
        assert server.request("GET", "/v2/health/live")[0] == 200
        running.write(setting)
        running.reload()
        while server.request("GET", "/v2/health/ready")[0] != 200:
            assert server.process.poll() is None


def test_restricted_calls_follow_the_file_on_open_connections(
    small_repository: Path, tmp_path: Path
) -> None:
    def restrict(calls: str) -> str:
        doors = ("http-restricted-api", "grpc-restricted-protocol")
        return "\n".join(f'{door} = ["{calls}"]' for door in doors)

    with Reloading(small_repository, tmp_path) as running:
        server = running.server
        http = triton_http.InferenceServerClient(f"127.0.0.1:{server.http}")
        grpc = triton_grpc.InferenceServerClient(f"127.0.0.1:{server.grpc}")

        def allowed(key: str) -> list[bool]:
            told = []
            for client, prefix in ((http, ""), (grpc, "triton-grpc-protocol-")):
                told.append(True)
                try:
                    client.get_server_metadata(headers={f"{prefix}key": key})
                except InferenceServerException as refused:
                    told[-1] = "is restricted" not in refused.message()
            return told

        for setting, accepted in (
            (restrict("metadata:key=old"), "old"),
            (restrict("metadata:key=new"), "new"),
            (restrict("inference:key=new"), "old new"),
            ("", "old new"),
        ):
            running.write(setting)
            assert running.reload()[-1] == "reload: done"
            for key in ("old", "new"):
                assert allowed(key) == [key in accepted.split()] * 2, (setting, key)
        http.close()
        grpc.close()
        assert server.stop() == 0


def test_reloading_needs_no_file(small_repository: Path) -> None:
    with RunningServer(small_repository) as server:
        assert isinstance(server.process, subprocess.Popen)
        server.process.send_signal(signal.SIGHUP)
        assert server.process.stderr is not None
        while "reload: done" not in server.process.stderr.readline():
            assert server.process.poll() is None
        assert server.stop() == 0
