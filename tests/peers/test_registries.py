"""The real MLflow server, written by its own client and read by ours; the real model-signing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from environment import ROOT, python_with
from moto.server import ThreadedMotoServer
from registry_servers import SIGNING, client, mlflow_server

from mlops_engine import InvalidArgument, NotFound, Unavailable
from mlops_engine.registry import Store, Trust, active, open_source, push, resolve
from mlops_engine.registry.approval import approve, promote
from mlops_engine.registry.bundle import Bundle
from mlops_engine.registry.manifest import decode, digest
from mlops_engine.registry.signing import load_public_key, sign
from mlops_engine.registry.sources.mlflow import MlflowSource
from mlops_engine.registry.web import Credentials, WebOptions
from mlops_engine.registry.webhook import Checker, Webhook

sys.path.insert(0, str(ROOT / "tests/python/registry"))

from registry_bundles import bundle_files, read_files, write_files

GRAPH = ROOT / "tests/models/tiny/matmul.onnx"
BUNDLE = bundle_files({"model.onnx": GRAPH.read_bytes(), "w/a.data": b"w" * 3_000_000})
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
REGION = {"AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an S3 server with a bucket called `mlflow`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    made: Any = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    made.create_bucket(Bucket="mlflow")
    yield url
    server.stop()


@pytest.fixture(scope="module", params=["files", "proxied", "presigned"])
def mlflow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server that keeps artifacts in files, or in S3 with and without addresses of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "files":
        with mlflow_server(folder, "--artifacts-destination", str(folder / "artifacts")) as url:
            yield url
        return
    more = {"MLFLOW_S3_ENDPOINT_URL": request.getfixturevalue("bucket"), **KEYS, **REGION}
    if request.param == "presigned":
        more["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "true"
    with mlflow_server(folder, "--artifacts-destination", "s3://mlflow/x", **more) as url:
        yield url


def test_what_mlflows_client_does_is_followed(mlflow: str, tmp_path: Path) -> None:
    store, repository = Store(tmp_path / "store"), tmp_path / "models"
    bundle = write_files(tmp_path / "bundle", BUNDLE)
    steps = [
        ["log_onnx", "m", str(GRAPH)],
        ["set_alias", "m", "champion", "1"],
        ["log_folder", "m", str(bundle), {"semantic_version": "1.2.3", "stage": "prod"}],
    ]
    assert client(mlflow, tmp_path, *steps) == ["1", None, "2"]
    source = open_source(f"mlflow+{mlflow}")

    reference = resolve("models:/m@champion", source)
    assert reference.digest.startswith("listing-sha256:")
    assert reference.pull(repository, store=store).number == 1
    served = read_files(repository / "m" / "1")
    assert {"MLmodel", "model.onnx", "bundle.json"} <= set(served)

    client(mlflow, tmp_path, ["set_alias", "m", "champion", "2"])
    for address in ("models:/m@champion", "models:/m/2", "models:/m/^1.2", "models:/m?stage=prod"):
        assert resolve(address, source).digest == digest(BUNDLE["bundle.json"])
    pulled = resolve("models:/m@champion", source).pull(repository, store=store)
    assert read_files(pulled.directory) == BUNDLE
    assert active(repository, "m") == [2]
    for wrong in ("models:/m@other", "models:/other@champion", "models:/m/9", "models:/m/^7"):
        with pytest.raises(NotFound):
            resolve(wrong, source)


def test_what_we_push_mlflow_has(mlflow: str, keys: Path, tmp_path: Path) -> None:
    source = open_source(f"mlflow+{mlflow}")
    assert isinstance(source, MlflowSource)
    folder = write_files(tmp_path / "pushed", BUNDLE)
    key = (keys / "right.key").read_bytes()
    first = push(source, "pushed", folder, tags={"stage": "test"}, private_key=key)
    (folder / "model.onnx").write_bytes(b"another graph")
    write_files(folder, bundle_files({n: (folder / n).read_bytes() for n in ("model.onnx",)}))
    (folder / "w/a.data").unlink()
    second = push(source, "pushed", folder)
    versions = [(p.version.id, p.semantic_version) for p in (first, second)]
    assert versions == [("1", "1.0.0"), ("2", "1.1.0")]

    approvers = [("*", load_public_key((keys / "wrong.pub").read_bytes()))]
    with pytest.raises(InvalidArgument, match="not approved"):
        promote(source, "pushed", 1, "champion", approvers)
    approve(source, "pushed", 1, "champion", (keys / "wrong.key").read_bytes())
    promote(source, "pushed", 1, "champion", approvers)
    [(version, tags, names)] = client(mlflow, tmp_path, ["describe", "pushed", "champion"])
    assert (version, tags["semantic_version"], tags["stage"]) == ("1", "1.0.0", "test")
    assert names == ["bundle.json", "model.onnx", "model.sig", "w/a.data"]

    trust = Trust.from_files("enforce", [("pushed", keys / "right.pub")])
    reference = resolve("models:/pushed@champion", source)
    pulled = reference.pull(tmp_path / "models", store=Store(tmp_path / "store"), verify=trust)
    assert pulled.digest == first.digest == tags["digest"]


def test_ranges_are_used_where_they_work(mlflow: str, tmp_path: Path) -> None:
    source = open_source(f"mlflow+{mlflow}")
    files = {file.name: file for file in resolve("models:/m/2", source).files}
    body = source.open(files["w/a.data"], 2_999_999)
    rest = bytearray(4_000_000)
    count = body.readinto(memoryview(rest))
    assert count > 0
    # From S3 through the server there are none: all of it comes again, and the body says so.
    assert (body.start, bytes(rest[:1])) in {(2_999_999, b"w"), (0, b"w")}
    body.close()


def test_passwords(tmp_path: Path) -> None:
    password = "correct-horse-battery"
    secrets = {
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "key",
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": password,
    }
    flags = ("--app-name", "basic-auth", "--artifacts-destination", str(tmp_path / "artifacts"))
    with mlflow_server(tmp_path / "server", *flags, **secrets) as url:
        client(url, tmp_path, ["log_onnx", "m", str(GRAPH)], **secrets)
        right = WebOptions(Credentials("admin", password))
        assert resolve("models:/m/1", open_source(f"mlflow+{url}", right)).version.id == "1"
        for wrong in (None, WebOptions(Credentials("admin", "wrong"))):
            with pytest.raises(Unavailable, match="401"):
                resolve("models:/m/1", open_source(f"mlflow+{url}", wrong))


def test_a_webhook_of_mlflow_wakes_the_agent(tmp_path: Path) -> None:
    allowed = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
    allowed["MLFLOW_WEBHOOK_CACHE_TTL"] = "1"
    flags = ("--artifacts-destination", str(tmp_path / "artifacts"))
    woken = threading.Event()
    webhook = Webhook("127.0.0.1", 0, Checker("secret"), woken.set)
    try:
        with mlflow_server(tmp_path / "server", *flags, **allowed) as url:
            source = open_source(f"mlflow+{url}")
            assert isinstance(source, MlflowSource)
            push(source, "m", write_files(tmp_path / "bundle", BUNDLE))
            event = {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}
            where = f"http://127.0.0.1:{webhook.port}/"
            hook = {"name": "agent", "url": where, "secret": "secret", "events": [event]}
            source.post("webhooks", hook)
            client(url, tmp_path, ["set_alias", "m", "champion", "1"])
            assert woken.wait(60)
    finally:
        webhook.close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    private = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
    for name in ("right", "wrong"):
        subprocess.run([*private, folder / f"{name}.key"], check=True)
        public = ["openssl", "ec", "-in", folder / f"{name}.key", "-pubout", "-out"]
        subprocess.run([*public, folder / f"{name}.pub"], check=True, capture_output=True)
    return folder


def model_signing(*arguments: str | Path) -> int:
    command = [python_with(*SIGNING), "-m", "model_signing", *arguments]
    return subprocess.run(command, check=False, capture_output=True).returncode


def test_their_signatures_are_ours(keys: Path, tmp_path: Path) -> None:
    folder, signature = write_files(tmp_path / "model", BUNDLE), tmp_path / "model" / "model.sig"
    how = ("--signature", signature, "--private_key", keys / "right.key")
    assert model_signing("sign", "key", folder, *how) == 0
    data = BUNDLE["bundle.json"]
    bundle = Bundle(digest(data), decode(data), data, signature.read_bytes())
    Trust.from_files("enforce", [("m", keys / "right.pub")])("m", bundle)
    with pytest.raises(InvalidArgument, match="not by the key"):
        Trust.from_files("enforce", [("m", keys / "wrong.pub")])("m", bundle)


def test_our_signatures_are_theirs(keys: Path, tmp_path: Path) -> None:
    folder, data = write_files(tmp_path / "model", BUNDLE), BUNDLE["bundle.json"]
    signature = folder / "model.sig"
    signature.write_bytes(sign(decode(data), data, (keys / "right.key").read_bytes()))
    for key, expected in (("right.pub", 0), ("wrong.pub", 1)):
        how = ("--signature", signature, "--public_key", keys / key)
        assert model_signing("verify", "key", folder, *how) == expected
    (folder / "extra").write_bytes(b"")
    how = ("--signature", signature, "--public_key", keys / "right.pub")
    assert model_signing("verify", "key", folder, *how) == 1
