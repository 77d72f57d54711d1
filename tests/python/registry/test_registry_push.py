"""Versions into a registry: what changed decides their number, and two people an alias."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from registry_bundles import read_files, write_files
from test_registry_signing import private_pem, public_pem

from mlops_engine import AlreadyExists, InvalidArgument, NotFound
from mlops_engine.cli.main import main
from mlops_engine.registry import LocalRegistry, Store, Trust, encode, push, resolve
from mlops_engine.registry.approval import approve, promote
from mlops_engine.registry.hashing import digest_file
from mlops_engine.registry.signing import load_public_key

MAKER, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
SHAPE = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}], "outputs": []}
WIDER = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 5]}], "outputs": []}


@pytest.fixture
def registry(tmp_path: Path) -> LocalRegistry:
    return LocalRegistry(tmp_path / "registry")


def made(folder: Path, graph: str, **facts: Any) -> Path:
    """Write a bundle as a trainer does."""
    path = write_files(folder / graph, {"model.onnx": graph.encode()})
    files = {"model.onnx": digest_file(path / "model.onnx")}
    facts = {"semantic_version": "9.9.9", "signature": SHAPE, "lineage": {}, **facts}
    (path / "bundle.json").write_bytes(encode(files, facts))
    return path


def test_the_version_says_what_changed(registry: LocalRegistry, tmp_path: Path) -> None:
    june, july = {"data": {"sha256": "1"}, "options": {}}, {"data": {"sha256": "2"}, "options": {}}
    more = {"data": {"sha256": "2"}, "options": {"trees": 500}}
    steps = [
        ("a", {"lineage": june}, "1.0.0"),
        ("b", {"lineage": july}, "1.1.0"),
        ("c", {"lineage": july}, "1.1.1"),  # built again
        ("d", {"lineage": more}, "1.2.0"),
        ("e", {"lineage": more, "signature": WIDER}, "2.0.0"),
        ("f", {"signature": WIDER}, "2.1.0"),
        ("g", {"signature": WIDER}, "2.2.0"),  # nothing says that it is the same data
    ]
    for graph, facts, expected in steps:
        pushed = push(registry, "m", made(tmp_path, graph, **facts))
        assert pushed.semantic_version == expected
        manifest = resolve(f"models:/m/{pushed.version.id}", registry).manifest
        assert manifest is not None
        assert (manifest.semantic_version, manifest.name) == (expected, "m")
        assert manifest.lineage == facts.get("lineage", {})
        assert pushed.version.tags["digest"] == pushed.digest


def test_what_a_push_refuses(registry: LocalRegistry, tmp_path: Path) -> None:
    push(registry, "m", made(tmp_path, "a"))
    with pytest.raises(AlreadyExists, match="the very same files"):
        push(registry, "m", made(tmp_path, "a"))
    with pytest.raises(InvalidArgument, match="is less than what changed"):
        push(registry, "m", made(tmp_path, "b", signature=WIDER), semantic_version="1.1.0")
    assert push(registry, "m", made(tmp_path, "c"), semantic_version="3.0.0").version.id == "2"
    for name, data, reason in (
        ("model.pkl", b"", "can run code"),
        ("weights.data", b"PK\x03\x04", "zip archive"),
    ):
        folder = write_files(tmp_path / name, {"model.onnx": b"graph", name: data})
        with pytest.raises(InvalidArgument, match=reason):
            push(registry, "m", folder)
    with pytest.raises(InvalidArgument, match=r"no model\.onnx"):
        push(registry, "m", write_files(tmp_path / "empty", {"x": b""}))
    assert len(registry.versions("m")) == 2


def test_what_was_pushed_and_signed_is_pulled(registry: LocalRegistry, tmp_path: Path) -> None:
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(b"graph")
    push(registry, "m", graph, tags={"stage": "test"}, private_key=private_pem(MAKER))
    trust = Trust("enforce", [("m", load_public_key(public_pem(MAKER)))])
    reference = resolve("models:/m?stage=test", registry)
    pulled = reference.pull(tmp_path / "models", store=Store(tmp_path / "store"), verify=trust)
    assert set(read_files(pulled.directory)) == {"model.onnx", "bundle.json", "model.sig"}


def test_an_alias_moves_when_a_second_person_agreed(
    registry: LocalRegistry, tmp_path: Path
) -> None:
    key = private_pem(MAKER)
    for graph in ("a", "b"):
        push(registry, "m", made(tmp_path, graph), private_key=key)
    both = [("m*", load_public_key(public_pem(k))) for k in (MAKER, OTHER)]

    def refused(number: int, alias: str = "champion", approvers: Any = both) -> None:
        with pytest.raises(InvalidArgument, match="not approved"):
            promote(registry, "m", number, alias, approvers)
        with pytest.raises(NotFound):
            resolve(f"models:/m@{alias}", registry)

    refused(2)
    approve(registry, "m", 2, "champion", key)  # who made it does not approve it
    refused(2)
    approve(registry, "m", 1, "champion", private_pem(OTHER))
    refused(2)  # another version was meant
    registry.set_tag(
        "m", 2, "approval.champion", registry.versions("m")[0].tags["approval.champion"]
    )
    refused(2)  # and its approval is no other's
    registry.set_tag("m", 2, "approval.champion", "no base64!")
    refused(2)
    approve(registry, "m", 2, "champion", private_pem(OTHER))
    refused(2, "other")
    refused(2, approvers=[("n", load_public_key(public_pem(OTHER)))])
    promote(registry, "m", 2, "champion", both)
    assert resolve("models:/m@champion", registry).version.id == "2"


def test_the_commands(
    registry: LocalRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "maker.key").write_bytes(private_pem(MAKER))
    (tmp_path / "other.key").write_bytes(private_pem(OTHER))
    (tmp_path / "other.pub").write_bytes(public_pem(OTHER))
    where = ["--source", str(registry.root)]
    folder = str(made(tmp_path, "a"))
    key = ["--sign", str(tmp_path / "maker.key"), "--tag", "stage=test"]
    assert main(["push", folder, "--model", "m", *where, *key]) == 0
    assert json.loads(capsys.readouterr().out)["semantic_version"] == "1.0.0"
    assert main(["push", folder, "--model", "m", *where]) == 1
    assert "very same files" in capsys.readouterr().err
    promotion = ["promote", "models:/m", "champion", *where]
    approver = ["--approver", f"m={tmp_path / 'other.pub'}"]
    assert main([*promotion, *approver]) == 1
    assert main([*promotion, "--approve", str(tmp_path / "other.key")]) == 0
    assert main([*promotion, *approver]) == 0
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["approved", "promoted"]
    assert main(["push", folder, "--model", "m", "--source", str(tmp_path)]) == 1
    assert "is only read" in capsys.readouterr().err
