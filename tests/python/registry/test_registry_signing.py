"""Signatures: what a key vouches for, and what is refused. The real model-signing: tests/peers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from registry_bundles import MemorySource, bundle_files

from mlops_engine import InvalidArgument
from mlops_engine.registry import Store, Trust, active, decode, resolve
from mlops_engine.registry.bundle import Bundle, from_store
from mlops_engine.registry.manifest import digest
from mlops_engine.registry.signing import load_public_key, sign, verify_signature


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
PUBLIC = load_public_key(public_pem(KEY))
FILES = bundle_files({"model.onnx": b"graph", "w/a.data": b"weights"}, name="m")


def signed_bundle(key: Any = KEY, files: dict[str, bytes] = FILES) -> Bundle:
    data = files["bundle.json"]
    manifest = decode(data)
    return Bundle(digest(data), manifest, data, sign(manifest, data, private_pem(key)))


BUNDLE = signed_bundle()


def opened(bundle: Bundle) -> tuple[dict[str, Any], dict[str, Any]]:
    envelope = json.loads(bundle.signature or b"")
    return envelope, json.loads(base64.b64decode(envelope["dsseEnvelope"]["payload"]))


def signed_again(statement: dict[str, Any]) -> Bundle:
    """Return the bundle with another statement, correctly signed by the right key."""
    from cryptography.hazmat.primitives import hashes

    payload = json.dumps(statement).encode()
    kind = "application/vnd.in-toto+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    envelope = opened(BUNDLE)[0]
    signature = KEY.sign(message, ec.ECDSA(hashes.SHA256()))
    envelope["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    envelope["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    return dataclasses.replace(BUNDLE, signature=json.dumps(envelope).encode())


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_what_was_signed_is_verified(curve: type[ec.EllipticCurve]) -> None:
    key = ec.generate_private_key(curve())
    verify_signature(signed_bundle(key), load_public_key(public_pem(key)))
    with pytest.raises(InvalidArgument, match="not by the key"):
        verify_signature(signed_bundle(key), load_public_key(public_pem(_again(curve))))


def _again(curve: type[ec.EllipticCurve]) -> Any:
    return ec.generate_private_key(curve())


@pytest.mark.parametrize(
    "files",
    [
        bundle_files({"model.onnx": b"GRAPH", "w/a.data": b"weights"}, name="m"),
        bundle_files({"model.onnx": b"graph"}, name="m"),
        bundle_files({"model.onnx": b"graph", "w/a.data": b"weights", "x": b""}, name="m"),
        bundle_files({"model.onnx": b"graph", "w/a.data": b"weights"}, name="n"),
    ],
)
def test_a_signature_is_for_one_bundle(files: dict[str, bytes]) -> None:
    other = dataclasses.replace(signed_bundle(files=files), signature=BUNDLE.signature)
    with pytest.raises(InvalidArgument, match="is not what was signed"):
        verify_signature(other, PUBLIC)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["bundle.json", "model.onnx"], "'w/a.data' is not signed"),
        (["bundle.json", "model.onnx", "w/a.data", "x"], "'x' was signed, and is not there"),
    ],
)
def test_every_file_is_signed_and_is_there(names: list[str], reason: str) -> None:
    statement = opened(BUNDLE)[1]
    there = {r["name"]: r["digest"] for r in statement["predicate"]["resources"]}
    digests = [(name, there.get(name, "0" * 64)) for name in names]
    root = hashlib.sha256(b"".join(bytes.fromhex(d) for _, d in digests)).hexdigest()
    statement["subject"][0]["digest"]["sha256"] = root
    statement["predicate"]["resources"] = [
        {"name": name, "algorithm": "sha256", "digest": digest} for name, digest in digests
    ]
    with pytest.raises(InvalidArgument, match=reason):
        verify_signature(signed_again(statement), PUBLIC)


def test_statements_that_are_signed_and_wrong_are_refused() -> None:
    verify_signature(signed_again(opened(BUNDLE)[1]), PUBLIC)  # the tool below is right
    for reason, change in {
        "twice": lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]),
        "add up": lambda s: s["predicate"]["resources"].reverse(),
        "_type": lambda s: s.update(_type="x"),
        "predicateType": lambda s: s.update(predicateType="https://x"),
        "hash_type": lambda s: s["predicate"]["serialization"].update(hash_type="blake3"),
        "method": lambda s: s["predicate"]["serialization"].update(method="shards"),
        "algorithm": lambda s: s["predicate"]["resources"][0].update(algorithm="sha1"),
    }.items():
        statement = opened(BUNDLE)[1]
        change(statement)
        with pytest.raises(InvalidArgument, match=reason):
            verify_signature(signed_again(statement), PUBLIC)


@given(st.integers(0, 100_000), st.integers(1, 255))
def test_no_bit_of_a_signature_can_change_what_it_says(at: int, flip: int) -> None:
    data = bytearray(BUNDLE.signature or b"")
    data[at % len(data)] ^= flip
    changed = dataclasses.replace(BUNDLE, signature=bytes(data))
    try:
        verify_signature(changed, PUBLIC)
    except InvalidArgument:
        return
    # What is not covered is the material that names the key, and blanks.
    assert opened(changed)[1] == opened(BUNDLE)[1]


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        verify_signature(dataclasses.replace(BUNDLE, signature=data), PUBLIC)


def test_keys_that_cannot_sign_models() -> None:
    weak = rsa.generate_private_key(65537, 2048)
    bitcoin = ec.generate_private_key(ec.SECP256K1())
    for pem in (b"", public_pem(weak), public_pem(bitcoin), private_pem(KEY)):
        with pytest.raises(InvalidArgument):
            load_public_key(pem)
    data = FILES["bundle.json"]
    for pem in (b"", private_pem(weak), private_pem(KEY, b"secret")):
        with pytest.raises(InvalidArgument):
            sign(decode(data), data, pem)
    assert sign(decode(data), data, private_pem(KEY, b"secret"), "secret")


@pytest.fixture
def trusted(tmp_path: Path) -> list[tuple[str, Path]]:
    for name, key in (("key", KEY), ("other", OTHER)):
        (tmp_path / f"{name}.pem").write_bytes(public_pem(key))
    return [
        ("m*", tmp_path / "other.pem"),
        ("m", tmp_path / "key.pem"),
        ("x", tmp_path / "key.pem"),
    ]


def test_a_pull_enforces_signatures(tmp_path: Path, trusted: list[tuple[str, Path]]) -> None:
    store, warnings = Store(tmp_path / "store"), []
    enforce = Trust.from_files("enforce", trusted)
    warn = Trust.from_files("warn", trusted, warnings.append)
    stranger = signed_bundle(ec.generate_private_key(ec.SECP256R1()))
    source = MemorySource(
        {
            "1": {**FILES, "model.sig": BUNDLE.signature or b""},
            "2": {**FILES, "model.sig": stranger.signature or b""},
            "3": FILES,
        }
    )
    pulled = resolve("models:/m/1", source).pull(tmp_path, store=store, verify=enforce)
    assert (pulled.directory / "model.sig").read_bytes() == BUNDLE.signature
    enforce("m", from_store(store, pulled.digest))  # also when it is read again, offline
    for address, name, reason in (
        ("models:/m/2", "m", "not by the key"),
        ("models:/m/1", "y", "no key is trusted"),
        ("models:/m/3", "m", "is not signed"),
    ):
        with pytest.raises(InvalidArgument, match=reason):
            resolve(address, source).pull(tmp_path, store=store, name=name, verify=enforce)
        assert active(tmp_path, "m") == [1]
    resolve("models:/m/3", source).pull(tmp_path, store=store, verify=warn)
    assert active(tmp_path, "m") == [3]
    assert [w for w in warnings if "is not signed" in w]
    with pytest.raises(InvalidArgument, match="no key is trusted"):
        Trust.from_files("enforce", [])
    Trust()("m", dataclasses.replace(BUNDLE, signature=None))
