"""The same questions to each kind of source, over real servers on the loopback."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from fault_server import FaultServer
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from registry_bundles import bundle_files, facts_of, read_files, transfer, write_files

from mlops_engine import InvalidArgument, NotFound, Unavailable
from mlops_engine.registry import Source, Store, catalog, open_source, push, resolve
from mlops_engine.registry.catalog import Catalog, Entry
from mlops_engine.registry.sources import oci
from mlops_engine.registry.sources.bucket import BucketRegistry
from mlops_engine.registry.web import Credentials, Web, WebOptions, show

KEYS = ["format", "versions", "aliases", "1", "tags", "schemaVersion", "layers", "digest"]
VERSIONS = {
    "1": bundle_files({"model.onnx": b"one", "w/é.data": b"weights"}),
    "2": bundle_files({"model.onnx": b"two" * 1_000_000}, semantic_version="1.3.0"),
}
CATALOG = Catalog(
    versions={
        "1": Entry("1.2.3", {"stage": "prod"}),
        "2": Entry("1.3.0", digest="sha256:" + facts_of(VERSIONS["2"]["bundle.json"]).sha256),
    },
    aliases={"champion": "1"},
)


def paths(index: bytes | None) -> dict[str, bytes]:
    found = {f"m/{v}/{n}": d for v, files in VERSIONS.items() for n, d in files.items()}
    return found if index is None else {"m/index.json": index, **found}


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[Any, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    yield boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys), url
    server.stop()


def s3_source(s3: tuple[Any, str], bucket: str, files: Mapping[str, bytes]) -> Source:
    client, url = s3
    client.create_bucket(Bucket=bucket)
    for path, data in files.items():
        client.put_object(Bucket=bucket, Key=f"team/{path}", Body=data)
    keys = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}
    return open_source(f"s3://{bucket}/team", objects={"endpoint": url, **keys})


@pytest.fixture(params=["plain", "s3"])
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    with FaultServer() as server:
        if request.param == "plain":
            server.files = {f"/a%20b/{_quoted(p)}": d for p, d in paths(CATALOG.encoded()).items()}
            yield open_source(f"{server.url}/a%20b/")
        else:
            s3 = request.getfixturevalue("s3")
            yield s3_source(s3, "catalogued", paths(CATALOG.encoded()))


def _quoted(path: str) -> str:
    return path.replace("é", "%C3%A9")


def test_versions_are_found_and_pulled(source: Source, tmp_path: Path) -> None:
    expected = {
        "models:/m@champion": "1",
        "models:/m/2": "2",
        "models:/m": "2",
        "models:/m/^1.2": "2",
        "models:/m/~1.2": "1",
        "models:/m?stage=prod": "1",
    }
    found = {address: resolve(address, source).version.id for address in expected}
    assert found == expected
    for version, files in VERSIONS.items():
        reference = resolve(f"models:/m/{version}", source)
        pulled = reference.pull(tmp_path, store=Store(tmp_path / "store"))
        assert read_files(pulled.directory) == files
        assert pulled.digest == "sha256:" + facts_of(files["bundle.json"]).sha256
    for wrong in ("models:/m@other", "models:/other", "models:/m/3"):
        with pytest.raises(NotFound):
            resolve(wrong, source)


def test_a_bucket_laid_out_as_tritons(s3: tuple[Any, str], tmp_path: Path) -> None:
    source = s3_source(s3, "triton", paths(None))
    reference = resolve("models:/m", source)
    assert reference.version.id == "2"
    pulled = reference.pull(tmp_path, store=Store(tmp_path / "store"))
    assert read_files(pulled.directory) == VERSIONS["2"]


def test_a_bucket_is_pushed_to(s3: tuple[Any, str], tmp_path: Path) -> None:
    source = s3_source(s3, "pushed", paths(None))  # two versions, and no index
    assert isinstance(source, BucketRegistry)
    graph = tmp_path / "graph.onnx"
    for text, expected in (("new", ("3", "2.0.0")), ("newer", ("4", "2.1.0"))):
        graph.write_text(text)  # of which nothing is known, not even a signature: major
        pushed = push(source, "m", graph, tags={"stage": text})
        assert (pushed.version.id, pushed.semantic_version) == expected
    source.set_alias("m", "champion", 3)
    source.set_tag("m", 3, "stage", "old")
    reference = resolve("models:/m@champion", source)
    assert reference.version.tags == {
        "stage": "old",
        "semantic_version": "2.0.0",
        "digest": reference.digest,
    }
    pulled = reference.pull(tmp_path / "models", store=Store(tmp_path / "store"))
    assert (pulled.directory / "model.onnx").read_text() == "new"
    assert resolve("models:/m/~1.3", source).version.id == "2"  # known from its manifest
    with pytest.raises(NotFound):
        source.set_alias("m", "champion", 9)


def test_writers_of_one_bucket_lose_nothing(s3: tuple[Any, str], tmp_path: Path) -> None:
    source = s3_source(s3, "contended", {})
    assert isinstance(source, BucketRegistry)

    def write(n: int) -> None:
        files = write_files(tmp_path / str(n), bundle_files({"model.onnx": f"graph {n}".encode()}))
        source.publish("m", {p.name: p for p in files.iterdir()}, {"writer": str(n)})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = source.versions("m")
    assert {v.id for v in versions} == {"1", "2", "3", "4"}
    assert {v.tags["writer"] for v in versions} == {"0", "1", "2", "3"}
    for version in versions:
        assert resolve(f"models:/m/{version.id}", source).version.tags == version.tags


def test_an_object_is_gone_on_with(s3: tuple[Any, str], tmp_path: Path) -> None:
    source = s3_source(s3, "resumed", paths(None))
    files = {file.name: file for file in resolve("models:/m/2", source).files}
    data = VERSIONS["2"]["model.onnx"]
    (tmp_path / "part").write_bytes(data[:1_000_000])
    assert transfer().fetch(source, files["model.onnx"], tmp_path / "part") == facts_of(data)
    body = source.open(files["model.onnx"], 2_999_999)
    assert (body.start, body.readinto(memoryview(bytearray(10)))) == (2_999_999, 1)


def test_a_store_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with FaultServer() as server:
        url = server.url
    for source in (
        open_source(url),
        open_source(f"mlflow+{url}"),
        open_source("s3://b/p", objects={"endpoint": url, "skip_signature": True}),
    ):
        with pytest.raises(Unavailable):
            resolve("models:/m@champion", source)


@pytest.mark.parametrize(
    "index", [b"{", b'{"format": 2}', b'{"versions": {"a": {}}}', b'{"aliases": {"a": "0"}}']
)
def test_an_index_that_is_not_valid_is_refused(index: bytes) -> None:
    with FaultServer() as server:
        server.files["/m/index.json"] = index
        with pytest.raises(InvalidArgument, match="not valid"):
            resolve("models:/m", open_source(server.url))


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda x: st.dictionaries(st.sampled_from(KEYS), x),
    ).map(lambda x: json.dumps(x).encode())
)
def test_any_bytes_are_an_index_or_an_artifact_or_refused(data: bytes) -> None:
    for read in (lambda: catalog.decode(data, "x").listed("m", "r"), lambda: oci._decode(data)):
        with contextlib.suppress(InvalidArgument):
            read()


def test_a_manifest_that_the_index_does_not_know_is_refused(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.files = {f"/{p}": d for p, d in paths(CATALOG.encoded()).items()}
        server.files["/m/2/bundle.json"] = VERSIONS["1"]["bundle.json"]
        with pytest.raises(InvalidArgument, match="is not what"):
            resolve("models:/m/2", open_source(server.url))


def test_a_folder_is_a_source_by_its_path(tmp_path: Path) -> None:
    write_files(tmp_path / "m" / "1", VERSIONS["1"])
    for name in (str(tmp_path), tmp_path.as_uri()):
        assert resolve("models:/m", name).version.id == "1"
    for wrong in ("ftp://host", str(tmp_path / "not-there")):
        with pytest.raises(InvalidArgument):
            open_source(wrong)


def test_credentials_go_to_their_origin_alone() -> None:
    with FaultServer() as there, FaultServer() as here:
        there.files["/f"] = here.files["/f"] = b"data"
        web = Web(here.url.replace("//", "//us%65r:p%40ss@"))
        for url in ("f", f"{there.url}/f"):
            with web.get(url) as reply:
                assert reply.read() == b"data"
        assert here.requests[0][2]["Authorization"] == "Basic dXNlcjpwQHNz"
        assert "Authorization" not in there.requests[0][2]
        assert "p@ss" not in f"{web.base} {show(here.url)} {Credentials('u', 'p@ss')!r}"


def test_a_kept_connection_that_was_closed_is_opened_anew() -> None:
    with FaultServer() as server:
        server.files = {"/f": b"data", "/cut": b"data"}
        web = Web(server.url)
        for _ in range(3):
            with web.get("f") as reply:
                assert reply.read() == b"data"
        server.cuts["/cut"] = [2]
        with web.get("cut") as reply, pytest.raises(Unavailable, match="broke off"):
            reply.read()
        with web.get("f") as reply:
            assert reply.read() == b"data"
        web.close()


def test_replies_are_bounded() -> None:
    with FaultServer() as server:
        server.files["/f"] = b"x" * 1000
        with Web(server.url).get("f") as reply, pytest.raises(InvalidArgument, match="more than"):
            reply.read(999)
        with pytest.raises(Unavailable, match="no JSON"):
            Web(server.url).json("GET", "f")


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, NotFound), (400, InvalidArgument), (403, Unavailable), (502, Unavailable)],
)
def test_statuses_mean_something(status: int, error: type[Exception]) -> None:
    with FaultServer() as server:
        server.statuses = [status]
        with pytest.raises(error, match=str(status)):
            Web(server.url, WebOptions(Credentials("u", "secret"))).get("f")
