"""The image, really built and run with buildah on a base of debootstrap: `make test-container`.

Not a part of `make test`: it needs root (chroot isolation), buildah and debootstrap, a few
hundred megabytes and minutes. What it needs comes in by environment: MLOPS_WHEEL,
MLOPS_ONNXRUNTIME_WHEEL, and MLOPS_CONTAINER_BASE, a folder with a root file system.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("MLOPS_WHEEL", "MLOPS_ONNXRUNTIME_WHEEL", "MLOPS_CONTAINER_BASE")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot isolation needs root"),
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed"),
    pytest.mark.skipif(
        any(name not in os.environ for name in NEEDED), reason=f"needs {', '.join(NEEDED)}"
    ),
]
BASE = "localhost/mlops-test-base"
IMAGE = "localhost/mlops-server-test"


def buildah(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["buildah", "--storage-driver=vfs", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def pid_of_server(launcher: int) -> int:
    """The process below the launcher that the image's entry point became."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    below = {launcher}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    (server,) = [
        pid
        for pid in below - {launcher}
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/usr/local/bin/mlops-server")
    ]
    return server


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    base = buildah("from", "scratch")
    buildah("copy", "--quiet", base, os.environ["MLOPS_CONTAINER_BASE"], "/")
    buildah("commit", "--quiet", base, BASE)
    buildah("rm", base)
    subprocess.run(
        [
            ROOT / "deploy" / "container" / "build.sh",
            os.environ["MLOPS_WHEEL"],
            os.environ["MLOPS_ONNXRUNTIME_WHEEL"],
            IMAGE,
            "--isolation=chroot",
            "--pull=never",
            f"--build-arg=TOOLS_IMAGE={BASE}",
            f"--build-arg=BASE_IMAGE={BASE}",
        ],
        check=True,
        timeout=600,
        env={**os.environ, "BUILDAH": "buildah --storage-driver=vfs"},
    )
    made = buildah("from", IMAGE)
    yield made
    buildah("rm", made)
    buildah("rmi", IMAGE, BASE)


def test_the_image_says_what_it_is(container: str) -> None:
    config = json.loads(buildah("inspect", "--type=image", IMAGE))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert {port.split("/")[0] for port in config["ExposedPorts"]} == {"8000", "8001", "8002"}
    assert config["Entrypoint"][0] == "/usr/local/bin/mlops-server"
    assert config["StopSignal"] == "SIGTERM"


def test_it_serves_a_model_and_stops_when_asked(container: str, tmp_path: Path) -> None:
    model = tmp_path / "models" / "identity"
    (model / "1").mkdir(parents=True)
    shutil.copy(
        ROOT / "tests" / "models" / "tiny" / "identity_f32.onnx", model / "1" / "model.onnx"
    )
    for folder in (tmp_path, tmp_path / "models", model, model / "1"):
        folder.chmod(0o755)
    command = ["buildah", "--storage-driver=vfs", "run", "--isolation=chroot"]
    command += [f"--volume={tmp_path / 'models'}:/models:ro", container, "--"]
    command += ["/usr/local/bin/mlops-server", "--model-repository=/models", "--host=127.0.0.1"]
    command += ["--ort-library=/usr/local/lib/libonnxruntime.so"]
    command += ["--http-port=0", "--grpc-port=0", "--metrics-port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = json.loads(process.stdout.readline())["http_port"]
            assert json.loads(process.stdout.readline())["event"] == "ready"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/identity") as reply:
                assert json.load(reply)["platform"] == "onnxruntime_onnx"
        finally:
            # To the server, as an orchestrator does: buildah, told to end, kills what it runs.
            os.kill(pid_of_server(process.pid), signal.SIGTERM)
            assert process.wait(60) == 0
