"""Hugging Face's hub: the answers are those of the real one, in the order its own client asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer
from registry_bundles import facts_of, read_files

from mlops_engine import InvalidArgument, NotFound, Unavailable
from mlops_engine.registry import Store, open_source, resolve
from mlops_engine.registry.sources.hub import HubSource

COMMIT, OLDER = "a" * 40, "b" * 40
GRAPH = b"graph" * 1000
FILES = {
    "onnx/model.onnx": GRAPH,
    "onnx/model.onnx_data": b"weights",
    "config.json": b"{}",
    ".gitattributes": b"",
    "pytorch_model.bin": b"PK\x03\x04",
}


def entry(name: str, data: bytes) -> dict[str, object]:
    found: dict[str, object] = {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
    if name.endswith((".onnx", ".bin")):
        found["lfs"] = {"oid": facts_of(data).sha256, "size": len(data), "pointerSize": 134}
    return found


@pytest.fixture
def hub() -> Iterator[FaultServer]:
    with FaultServer() as server:
        model, tree = "/api/models/org/name", [entry(n, d) for n, d in FILES.items()]
        refs = {"tags": [{"name": "v1.2.0"}, {"name": "v1.10.0"}, {"name": "odd"}], "branches": []}
        server.files = {f"/org/name/resolve/{COMMIT}/{n}": d for n, d in FILES.items()}
        server.files |= {
            f"{model}/revision/main": json.dumps({"sha": COMMIT}).encode(),
            f"{model}/revision/v1.10.0": json.dumps({"sha": COMMIT}).encode(),
            f"{model}/revision/odd": b'{"sha": "../x"}',
            f"{model}/tree/{COMMIT}": json.dumps(
                [{"type": "directory", "path": "onnx"}, *tree]
            ).encode(),
            f"{model}/refs": json.dumps(refs).encode(),
        }
        yield server


@pytest.mark.parametrize(
    "address", ["models:/org--name@main", "models:/org--name", "models:/org--name/^1.2"]
)
def test_a_commit_is_pulled(hub: FaultServer, tmp_path: Path, address: str) -> None:
    reference = resolve(address, open_source(f"hf+{hub.url}"))
    assert reference.version.id == COMMIT
    pulled = reference.pull(tmp_path, store=Store(tmp_path / "store"), name="m")
    served = read_files(pulled.directory)
    assert served.pop("bundle.json")
    assert served == {"model.onnx": GRAPH, "model.onnx_data": b"weights"}
    assert pulled.number == 1


def test_a_file_is_checked_against_the_hubs_digest(hub: FaultServer, tmp_path: Path) -> None:
    hub.spoil = lambda path, data: data.replace(b"graph", b"GRAPH")
    reference = resolve("models:/org--name", open_source(f"hf+{hub.url}"))
    with pytest.raises(InvalidArgument, match="has the SHA-256"):
        reference.pull(tmp_path, store=Store(tmp_path / "store"))


def test_what_a_hub_may_answer_wrongly(hub: FaultServer) -> None:
    source = open_source(f"hf+{hub.url}")
    for address, error in {
        "models:/org--other": NotFound,
        "models:/org--name@odd": Unavailable,
        "models:/org--name?a=b": InvalidArgument,
        "models:/org--name/^3": NotFound,
    }.items():
        with pytest.raises(error):
            resolve(address, source)
    with pytest.raises(NotFound, match="no ONNX"):
        resolve("models:/org--name", HubSource(hub.url, folder="elsewhere"))
