"""The digest of a certificate and its signature, which can be checked without this program.

The digest is the SHA-256 of the certificate without `digest` and `signature`, as JSON in UTF-8 with
sorted names and no blanks; the signature (Ed25519, RFC 8032) is of the 32 bytes of the digest.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.errors import SettingsFault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["digest_of", "sealed", "signature_fault"]

_SIGNATURE: Final = frozenset({"digest", "signature"})
_encode = msgspec.json.Encoder(order="sorted").encode
_NO_CRYPTOGRAPHY: Final = "Signatures need the package: pip install 'target-monday[signing]'."


def digest_of(certificate: Mapping[str, Any]) -> str:
    """The digest, in hex digits."""
    body = {name: value for name, value in certificate.items() if name not in _SIGNATURE}
    return hashlib.sha256(_encode(body)).hexdigest()


def sealed(certificate: Mapping[str, Any], private_key: bytes | None) -> dict[str, Any]:
    """The certificate with its digest and, with a key (PEM), its signature."""
    digest = digest_of(certificate)
    whole = {**certificate, "digest": digest}
    if private_key is not None:
        whole["signature"] = _signature(bytes.fromhex(digest), private_key)
    return whole


def _signature(message: bytes, private_key: bytes) -> dict[str, str]:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PrivateKey,
        )
    except ImportError as error:
        raise SettingsFault([_NO_CRYPTOGRAPHY]) from error
    try:
        key = serialization.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError) as error:
        raise SettingsFault(
            ["`--sign-key` is no private key in PEM without a password."]
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsFault(["`--sign-key` must be an Ed25519 key."])
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "algorithm": "Ed25519",
        "public_key": public.decode(),
        "value": base64.b64encode(key.sign(message)).decode(),
    }


def signature_fault(certificate: Mapping[str, Any], public_key: bytes | None) -> str | None:
    """What is wrong with a certificate as it stands; None if it is as it was made.

    Without a key only the digest is looked at, which tells of accidents, not of forgers.
    """
    digest = digest_of(certificate)
    if certificate.get("digest") != digest:
        return f"its content is not that of its digest ({digest} now)"
    if public_key is None:
        return None
    signature = certificate.get("signature")
    if not isinstance(signature, dict):
        return "it is not signed"
    return _verified(bytes.fromhex(digest), signature, public_key)


def _verified(message: bytes, signature: Mapping[str, Any], public_key: bytes) -> str | None:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
    except ImportError as error:
        raise SettingsFault([_NO_CRYPTOGRAPHY]) from error
    try:
        key = serialization.load_pem_public_key(public_key)
    except ValueError as error:
        raise SettingsFault(["`--public-key` is no public key in PEM."]) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsFault(["`--public-key` must be an Ed25519 key."])
    try:
        key.verify(base64.b64decode(str(signature.get("value"))), message)
    except (InvalidSignature, ValueError):
        return "its signature is not by this key"
    return None
