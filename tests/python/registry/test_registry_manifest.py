"""Manifests and names that anyone may have written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_bundles import FACTS, bundle_files, facts_of

from mlops_engine import InvalidArgument
from mlops_engine.registry import decode, encode, parse
from mlops_engine.registry.manifest import digest
from mlops_engine.registry.names import check_file_name, check_file_names, check_head

GOOD = json.loads(bundle_files()["bundle.json"])


def changed(**members: object) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


def entry(size: object = 1, sha256: object = "0" * 64) -> dict[str, object]:
    return {"sha256": sha256, "bytes": size}


def with_file(name: str) -> bytes:
    return changed(files={**GOOD["files"], name: entry()})


def test_what_was_written_is_read() -> None:
    data = bundle_files(lineage={"run": "r1"}, metrics={"auc": 0.7})["bundle.json"]
    manifest = decode(data)
    assert manifest.files["model.onnx"] == facts_of(b"graph")
    assert (manifest.semantic_version, manifest.lineage) == ("1.2.3", {"run": "r1"})
    assert manifest.raw["metrics"] == {"auc": 0.7}
    assert digest(data) == "sha256:" + facts_of(data).sha256


def test_equal_bundles_have_equal_bytes() -> None:
    one, two = facts_of(b"1"), facts_of(b"2")
    files = {"model.onnx": one, "a": two}
    assert encode(files, FACTS) == encode(dict(reversed(files.items())), FACTS)


REFUSED = {
    "no JSON": (b"{", "not valid"),
    "no UTF-8": (b"\xff\xfe{}", "not valid"),
    "a list": (b"[]", "Expected `object`"),
    "nested deeply": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    "a key twice": (b'{"format": 1, "format": 1}', "there twice"),
    "NaN": (changed(metrics=float("nan")), "NaN is no JSON"),
    "another format": (changed(format=2), "$.format"),
    "no files": (changed(files={}), "$.files"),
    "no model": (changed(files={"card.md": entry()}), "no model.onnx"),
    "a short digest": (changed(files={"model.onnx": entry(1, "abc")}), "$.files"),
    "a digest in capitals": (changed(files={"model.onnx": entry(1, "A" * 64)}), "$.files"),
    "a negative size": (changed(files={"model.onnx": entry(-1)}), "$.files"),
    "a size that is text": (changed(files={"model.onnx": entry("1")}), "$.files"),
    "an absurd size": (changed(files={"model.onnx": entry(1 << 60)}), "$.files"),
    "absurd sizes together": (
        changed(files={n: entry(1 << 40) for n in ["model.onnx", *"abcd"]}),
        "are allowed",
    ),
    "more said of a file": (
        changed(files={"model.onnx": {**entry(), "url": "x"}}),
        "unknown field",
    ),
    "no version": (changed(semantic_version="1.2"), "no semantic version"),
    "a shape below -1": (
        changed(
            signature={"inputs": [{"name": "x", "datatype": "FP32", "shape": [-2]}], "outputs": []}
        ),
        "$.signature",
    ),
    "itself": (with_file("bundle.json"), "cannot hold the digest"),
    "its signature": (with_file("model.sig"), "cannot hold the digest"),
    "a path that leads out": (with_file("../x"), "refused"),
    "an absolute path": (with_file("/etc/passwd"), "refused"),
    "a pickle": (with_file("model.pkl"), "can run code"),
    "an archive": (with_file("weights.tar.gz"), "archives are not unpacked"),
    "two files that differ in case": (with_file("Model.onnx"), "one file on some systems"),
    "a file that is a folder": (with_file("model.onnx/x"), "is a file itself"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_manifest_is_refused_with_its_reason(case: str) -> None:
    data, reason = REFUSED[case]
    with pytest.raises(InvalidArgument) as raised:
        decode(data)
    assert reason in str(raised.value)


def test_a_manifest_is_bounded() -> None:
    with pytest.raises(InvalidArgument, match="larger than"):
        decode(b" " * (9 << 20))
    with pytest.raises(InvalidArgument, match="12 bytes; 11 are allowed"):
        decode(bundle_files()["bundle.json"], bytes_max=11)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/../b", "a//b", "a/", "/a", "C:x", "a\\b", ".hidden", "a/.git/x", "a\0b",
     "a\nb", "a ", " a", "a.", "e\u0301", "\ud800", "x" * 256, "a/" * 8 + "b", "\u202ea", "m.PT",
     "a.so", "a.npz"],
)  # fmt: skip
def test_file_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        check_file_name(name)


@pytest.mark.parametrize("name", ["model.onnx", "a/b/c.data", "MLmodel", "é.txt", "weights.bin"])
def test_file_names_that_are_taken(name: str) -> None:
    assert check_file_name(name) == name
    check_file_names([name, "other"])


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\x80\x04\x95\x10", "pickle"),
        (b"\x80\x02}q", "pickle"),
        (b"\x7fELF", "program"),
        (b"\0" * 257 + b"ustar\0", "tar"),
    ],
)
def test_files_are_known_by_what_they_hold(head: bytes, what: str) -> None:
    with pytest.raises(InvalidArgument, match=what):
        check_head("model.onnx", head)


@pytest.mark.parametrize("head", [b"", b"\x08\x07\x12\x04test", b"# card", b"\x80\x3f\0\0"])
def test_ordinary_files_pass(head: bytes) -> None:
    check_head("model.onnx", head)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.sampled_from(list(GOOD)), JSON)
def test_any_member_may_be_anything(member: str, value: object) -> None:
    try:
        manifest = decode(json.dumps({**GOOD, member: value}).encode())
    except InvalidArgument:
        return
    assert decode(encode(manifest.files, {"semantic_version": manifest.semantic_version}))


@given(st.integers(0, 10_000), st.integers(0, 255), st.binary(max_size=4))
def test_any_byte_may_be_any_other(at: int, byte: int, more: bytes) -> None:
    data = bytearray(bundle_files()["bundle.json"])
    data[at % len(data)] = byte
    data[at % len(data) : at % len(data)] = more
    try:
        manifest = decode(bytes(data))
    except InvalidArgument:
        return
    assert "model.onnx" in manifest.files


@given(st.text(max_size=40))
def test_an_address_is_read_or_refused(text: str) -> None:
    try:
        address = parse("models:/" + text)
    except InvalidArgument:
        return
    assert parse(str(address)) == address
