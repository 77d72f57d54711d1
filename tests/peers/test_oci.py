"""Debian's docker-registry as a store of bundles: `apt-get install docker-registry`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from environment import ROOT
from registry_servers import free_port

from mlops_engine import InvalidArgument, NotFound, Unavailable
from mlops_engine.registry import Store, open_source, resolve
from mlops_engine.registry.web import Credentials, WebOptions

sys.path.insert(0, str(ROOT / "tests/python/registry"))

from registry_bundles import bundle_files, facts_of, read_files

BINARY = os.environ.get("MLOPS_DOCKER_REGISTRY") or shutil.which("docker-registry")
pytestmark = pytest.mark.skipif(BINARY is None, reason="docker-registry is not installed")
TYPE = "application/vnd.oci.image.manifest.v1+json"
OLD = bundle_files({"model.onnx": b"old", "w/a.data": b"w" * 3_000_000})
NEW = bundle_files({"model.onnx": b"new", "w/a.data": b"w" * 3_000_000}, semantic_version="1.3.0")


@contextlib.contextmanager
def registry(folder: Path, auth: str = "") -> Iterator[str]:
    """Run the registry over a folder; yields host and port."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}"
    config = f"version: 0.1\n{storage}\nhttp: {{addr: '127.0.0.1:{port}'}}\n{auth}"
    (folder / "config.yml").write_text(config)
    with (folder / "log").open("wb") as log:
        command = [str(BINARY), "serve", folder / "config.yml"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while not _answers(f"http://127.0.0.1:{port}/v2/"):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)  # until a port that others own is open
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=5).status)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def send(method: str, url: str, data: bytes, kind: str) -> str:
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return str(reply.headers.get("Location", ""))


def push(host: str, repository: str, tag: str, files: Mapping[str, bytes]) -> None:
    """Push as ORAS does: a layer for each file, named by its title."""
    layers = []
    for name, data in {"": b"{}", **files}.items():
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        location = send("POST", f"http://{host}/v2/{repository}/blobs/uploads/", b"", "text/plain")
        joined = "&" if "?" in location else "?"
        send("PUT", f"{location}{joined}digest={digest}", data, "application/octet-stream")
        layers.append(
            {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}
        )
        layers[-1]["annotations"] = {"org.opencontainers.image.title": name}
    config = {**layers[0], "mediaType": "application/vnd.oci.empty.v1+json"}
    manifest = {"schemaVersion": 2, "mediaType": TYPE, "config": config, "layers": layers[1:]}
    url = f"http://{host}/v2/{repository}/manifests/{tag}"
    send("PUT", url, json.dumps(manifest).encode(), TYPE)


def test_artifacts_are_pulled_by_tag_and_range(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with registry(tmp_path / "registry") as host:
        for tag, files in (("1.2.3", OLD), ("champion", OLD), ("1.3.0", NEW), ("7", NEW)):
            push(host, "team/m", tag, files)
        source = open_source(f"oci+http://{host}/team")
        for address, files in {
            "models:/m@champion": OLD,
            "models:/m/^1.2": NEW,
            "models:/m/=1.2.3": OLD,
            "models:/m/7": NEW,
        }.items():
            reference = resolve(address, source)
            assert reference.digest == "sha256:" + facts_of(files["bundle.json"]).sha256
            assert read_files(reference.pull(tmp_path, store=store).directory) == files
        push(host, "team/m", "champion", NEW)
        assert resolve("models:/m@champion", source).manifest.semantic_version == "1.3.0"
        body = source.open(next(f for f in reference.files if f.name == "w/a.data"), 2_999_999)
        assert (body.start, body.readinto(memoryview(bytearray(10)))) == (2_999_999, 1)
        for wrong, error in {
            "models:/m@other": NotFound,
            "models:/other@champion": NotFound,
            "models:/M": InvalidArgument,
        }.items():
            with pytest.raises(error):
                resolve(wrong, source)


def test_passwords(tmp_path: Path) -> None:
    bcrypt = "u:$2y$05$" + "Kz1S2L0bLSlvMYz5dDaJPOvsVqGKJRmnxE8eZGbRzQe6YbKQnv9Na"
    (tmp_path / "htpasswd").write_text(bcrypt + "\n")
    auth = f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n"
    with registry(tmp_path / "registry", auth) as host:
        for options in (None, WebOptions(Credentials("u", "wrong"))):
            with pytest.raises(Unavailable, match=r"credentials|401"):
                resolve("models:/m@champion", open_source(f"oci+http://{host}/team", options))
