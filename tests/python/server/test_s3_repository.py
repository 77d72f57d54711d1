"""Model repositories on S3-compatible storage: moto's server on the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from serving import RunningServer, infer_body

BUCKET = "models"


class Bucket:
    """A bucket of a store that listens on a free port."""

    def __init__(self, port: int):
        self.host = f"127.0.0.1:{port}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://{self.host}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def remove(self, prefix: str) -> None:
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        for found in listed.get("Contents", []):
            self.client.delete_object(Bucket=BUCKET, Key=found["Key"])

    def clear(self) -> None:
        self.remove("")


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[ThreadedMotoServer, Bucket]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield server, Bucket(server.get_host_and_port()[1])
    server.stop()


@pytest.fixture
def bucket(store: tuple[ThreadedMotoServer, Bucket], monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store[1].clear()
    return store[1]


@pytest.fixture
def model(small_repository: Path) -> bytes:
    return (small_repository / "type_fp32" / "1" / "model.onnx").read_bytes()


def serve(bucket: Bucket, cache: Path, *arguments: str, **more: Any) -> RunningServer:
    location: Any = f"s3://{bucket.host}/{BUCKET}/repo"
    flags = ("--model-cache-directory", str(cache), *arguments)
    return RunningServer(location, *flags, **more)


def index(server: RunningServer) -> dict[tuple[str, str], str]:
    found = json.loads(server.request("POST", "/v2/repository/index", "")[1])
    return {(e["name"], e.get("version", "")): e.get("state", "") for e in found}


def wait_for(server: RunningServer, name: str, version: str, *, there: bool = True) -> None:
    while (index(server).get((name, version)) == "READY") != there:
        assert server.process.poll() is None


def infer(server: RunningServer, model: str = "type_fp32") -> int:
    return server.request("POST", f"/v2/models/{model}/infer", infer_body())[0]


def test_a_bucket_is_served(bucket: Bucket, model: bytes, tmp_path: Path) -> None:
    bucket.put("repo/type_fp32/1/model.onnx", model)
    bucket.put("repo/type_fp32/config.pbtxt", b'name: "type_fp32"\nmax_batch_size: 4\n')
    bucket.put("elsewhere/other/1/model.onnx", model)
    with serve(bucket, tmp_path) as server:
        assert server.started["models"] == 1
        assert infer(server) == 200
        config = json.loads(server.request("GET", "/v2/models/type_fp32/config")[1])
        assert config["max_batch_size"] == 4
        assert server.stop() == 0


def test_polling_follows_the_bucket(bucket: Bucket, model: bytes, tmp_path: Path) -> None:
    bucket.put("repo/type_fp32/1/model.onnx", model)
    flags = ("--model-control-mode=poll", "--repository-poll-secs=1")
    with serve(bucket, tmp_path, *flags) as server:
        bucket.put("repo/type_fp32/2/model.onnx", model)
        wait_for(server, "type_fp32", "2")
        bucket.put("repo/type_fp32/3/model.onnx", b"broken")
        while index(server).get(("type_fp32", "3")) != "UNAVAILABLE":
            assert infer(server) == 200
        bucket.put("repo/second/1/model.onnx", model)
        wait_for(server, "second", "1")
        bucket.remove("repo/type_fp32/")
        wait_for(server, "type_fp32", "2", there=False)
        assert infer(server, "second") == 200


def test_explicit_loads_fetch_what_they_need(bucket: Bucket, model: bytes, tmp_path: Path) -> None:
    bucket.put("repo/a/1/model.onnx", model)
    bucket.put("repo/b/1/model.onnx", model)
    flags = ("--model-control-mode=explicit", "--load-model=a")
    with serve(bucket, tmp_path, *flags) as server:
        assert set(index(server)) == {("a", "1")}
        assert server.request("POST", "/v2/repository/models/b/load", "")[0] == 200
        assert infer(server, "b") == 200
        status, body = server.request("POST", "/v2/repository/models/c/load", "")
        assert status >= 400
        assert b"failed to poll from model repository" in body


def test_what_was_fetched_serves_when_the_store_is_away(
    bucket: Bucket, model: bytes, tmp_path: Path
) -> None:
    bucket.put("repo/type_fp32/1/model.onnx", model)
    with serve(bucket, tmp_path) as server:
        assert server.stop() == 0
    bucket.client.delete_object(Bucket=BUCKET, Key="repo/type_fp32/1/model.onnx")
    bucket.client.delete_bucket(Bucket=BUCKET)
    try:
        with serve(bucket, tmp_path) as server:
            assert infer(server) == 200
            server.process.terminate()
            _, log = server.process.communicate(timeout=30)
            assert "NoSuchBucket" in log
    finally:
        bucket.client.create_bucket(Bucket=BUCKET)


def test_a_store_that_never_answered_is_an_error(bucket: Bucket, tmp_path: Path) -> None:
    location: Any = f"s3://{bucket.host}/not-there/repo"
    flags = ("--model-cache-directory", str(tmp_path))
    with RunningServer(location, *flags, "--exit-on-error=true", wait_ready=False) as server:
        _, log = server.process.communicate(timeout=30)
        assert server.process.returncode == 1
        assert "NoSuchBucket" in log
        assert "secret" not in log


@pytest.mark.parametrize("place", ["s3://", "s3://Bad_Bucket/x", "s3://127.0.0.1:x/bucket"])
def test_a_location_that_is_none_is_refused(place: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="expected s3://"),
        RunningServer(place, "--model-cache-directory", str(tmp_path)),
    ):
        pass
