"""Signatures of bundles, as OpenSSF's model-signing writes them.

A DSSE envelope around an in-toto statement that names every file and its digest, in a Sigstore
bundle. Elliptic-curve keys only, verified with `cryptography` alone: no network.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from mlops_engine.errors import InvalidArgument

from .bundle import Bundle
from .manifest import FILE_NAME, FILES_MAX, Manifest, Sha256
from .reference import SIGNATURE_BYTES_MAX

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
# The hash that goes with each curve, as Sigstore's specification has it.
_CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


class _Signature(msgspec.Struct):
    sig: str


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: Annotated[list[_Signature], msgspec.Meta(min_length=1, max_length=1)]


class _SigstoreBundle(msgspec.Struct, rename="camel"):
    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    dsse_envelope: _Envelope


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Resource(msgspec.Struct):
    name: str
    algorithm: Literal["sha256"]
    digest: Sha256


class _Serialization(msgspec.Struct):
    method: Literal["files"]
    hash_type: Literal["sha256"]


class _Predicate(msgspec.Struct):
    serialization: _Serialization
    resources: Annotated[list[_Resource], msgspec.Meta(min_length=1, max_length=FILES_MAX + 1)]


class _Statement(msgspec.Struct, rename={"type": "_type", "predicate_type": "predicateType"}):
    type: Literal["https://in-toto.io/Statement/v1"]
    subject: Annotated[list[_Subject], msgspec.Meta(min_length=1, max_length=1)]
    predicate_type: Literal["https://model_signing/signature/v1.0"]
    predicate: _Predicate


def load_public_key(pem: bytes) -> Any:
    """Read a public key of NIST's curves P-256, P-384 or P-521.

    Raises
    ------
    InvalidArgument
        For anything else.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise InvalidArgument(f"this is no public key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise InvalidArgument("only keys of the curves P-256, P-384 and P-521 sign models")
    return key


def verify_signature(bundle: Bundle, key: Any) -> None:
    """Check that a key signed this bundle: every file of it, and no other.

    Raises
    ------
    InvalidArgument
        Says what is wrong: there is no signature, it is by another key, or over other files.
    """
    if bundle.signature is None:
        raise InvalidArgument(f"{bundle.digest} is not signed")
    payload, signature = _open(bundle.signature)
    verify_message(PAYLOAD_TYPE, payload, signature, key)
    # Only what the key vouches for is read any further.
    try:
        statement = msgspec.convert(_json(payload), _Statement)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InvalidArgument(f"the signature's statement is not valid: {error}") from error
    _check_statement(statement, bundle)


def sign(manifest: Manifest, data: bytes, private_key: bytes, password: str | None = None) -> bytes:
    """Sign a bundle; returns what `model.sig` holds.

    Parameters
    ----------
    data
        The bytes of `bundle.json`.
    private_key
        PEM.
    """
    payload = json.dumps(_statement(manifest.name or "model", _digests(manifest, data))).encode()
    signature = sign_message(PAYLOAD_TYPE, payload, private_key, password)
    pem = _pem(_load_private_key(private_key, password).public_key())
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    material = {"publicKey": {"hint": hashlib.sha256(pem).hexdigest()}, "tlogEntries": []}
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": envelope,
    }
    return json.dumps(document).encode()


def sign_message(
    kind: str, payload: bytes, private_key: bytes, password: str | None = None
) -> bytes:
    """Sign a payload of a kind (DSSE); returns the bare signature.

    Raises
    ------
    InvalidArgument
        For what is no private key of a curve that is used here.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _load_private_key(private_key, password)
    hash_ = getattr(hashes, _CURVES[key.curve.name])()
    signature: bytes = key.sign(_pre_authentication(kind, payload), ec.ECDSA(hash_))
    return signature


def verify_message(kind: str, payload: bytes, signature: bytes, key: Any) -> None:
    """Check a bare signature.

    Raises
    ------
    InvalidArgument
        If it is not by this key over this payload of this kind.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    hash_ = getattr(hashes, _CURVES[key.curve.name])()
    try:
        key.verify(signature, _pre_authentication(kind, payload), ec.ECDSA(hash_))
    except InvalidSignature as error:
        fingerprint = hashlib.sha256(_pem(key)).hexdigest()[:16]
        raise InvalidArgument(f"the signature is not by the key {fingerprint}…") from error


def _load_private_key(pem: bytes, password: str | None) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key: Any = load_pem_private_key(pem, password.encode() if password else None)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"this is no private key: {error}") from error
    load_public_key(_pem(key.public_key()))
    return key


def _statement(name: str, digests: Mapping[str, str]) -> dict[str, Any]:
    root = hashlib.sha256(b"".join(bytes.fromhex(digests[n]) for n in sorted(digests)))
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": root.hexdigest()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": ["model.sig"],
            },
            "resources": [
                {"name": n, "algorithm": "sha256", "digest": digests[n]} for n in sorted(digests)
            ],
        },
    }


def _digests(manifest: Manifest, data: bytes) -> dict[str, str]:
    """Return the digest of everything that is signed: the files, and the manifest."""
    digests = {name: facts.sha256 for name, facts in manifest.files.items()}
    return {**digests, FILE_NAME: hashlib.sha256(data).hexdigest()}


def _open(data: bytes) -> tuple[bytes, bytes]:
    """Return payload and signature of a Sigstore bundle."""
    if len(data) > SIGNATURE_BYTES_MAX:
        raise InvalidArgument(f"the signature is larger than {SIGNATURE_BYTES_MAX} bytes")
    try:
        envelope = msgspec.convert(_json(data), _SigstoreBundle).dsse_envelope
        payload = base64.b64decode(envelope.payload, validate=True)
        return payload, base64.b64decode(envelope.signatures[0].sig, validate=True)
    except (ValueError, RecursionError, binascii.Error, msgspec.ValidationError) as error:
        raise InvalidArgument(f"the signature is not valid: {error}") from error


def _json(data: bytes) -> Any:
    return json.loads(data.decode())


def _pre_authentication(kind: str, payload: bytes) -> bytes:
    """Encode type and payload so that neither can be taken for the other (DSSE's PAE)."""
    head = f"DSSEv1 {len(kind)} {kind} {len(payload)} "
    return head.encode() + payload


def _check_statement(statement: _Statement, bundle: Bundle) -> None:
    resources = statement.predicate.resources
    signed = {resource.name: resource.digest for resource in resources}
    if len(signed) != len(resources):
        raise InvalidArgument("the signature names a file twice")
    root = hashlib.sha256(b"".join(bytes.fromhex(r.digest) for r in resources)).hexdigest()
    if statement.subject[0].digest.get("sha256") != root:
        raise InvalidArgument("the signature's digests do not add up to its subject")
    there = _digests(bundle.manifest, bundle.data)
    for name in sorted(there.keys() | signed.keys()):
        if there.get(name) != signed.get(name):
            raise InvalidArgument(f"{name!r} {_difference(name, there, signed)}")


def _difference(name: str, there: Mapping[str, str], signed: Mapping[str, str]) -> str:
    if name not in signed:
        return "is not signed"
    return "is not what was signed" if name in there else "was signed, and is not there"


def _pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem
