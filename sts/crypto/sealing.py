"""Sealing (AES-256-GCM) and message authentication (HMAC-SHA-256), both under keys that have a version.

A sealed value is: a mark of the format (one byte), the key's version (four bytes, big endian), the nonce (twelve
bytes), the ciphertext with its tag. The mark and the version are authenticated together with the associated data, so
a value cannot be moved to another place, format or key.
"""

import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sts.errors import SealBroken

KEY_LENGTH = 32
NONCE_LENGTH = 12
_MARK = b"\x01"
_VERSION_LENGTH = 4
_HEAD_LENGTH = len(_MARK) + _VERSION_LENGTH
_TAG_LENGTH = 16
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The parts of a sealed value, not opened."""

    version: int
    head: bytes
    nonce: bytes
    ciphertext: bytes = field(repr=False)


def seal(plaintext: bytes, *, key: bytes, version: int, nonce: bytes, associated_data: bytes) -> bytes:
    """Return *plaintext* sealed for the place that *associated_data*, which is mandatory, names.

    *nonce* is twelve random bytes. Random nonces are safe for 2**32 values under one key (NIST SP 800-38D section 8.3).
    """
    _require_place(associated_data)
    head = _MARK + version.to_bytes(_VERSION_LENGTH, "big")
    return head + nonce + AESGCM(key).encrypt(nonce, plaintext, head + associated_data)


def parse_sealed(value: bytes) -> Sealed:
    """Return the parts of *value*, whose version says which key opens it; raises SealBroken."""
    if len(value) < _HEAD_LENGTH + NONCE_LENGTH + _TAG_LENGTH or value[:1] != _MARK:
        raise SealBroken("The sealed value is of no known format")
    head, rest = value[:_HEAD_LENGTH], value[_HEAD_LENGTH:]
    return Sealed(
        version=int.from_bytes(head[len(_MARK) :], "big"),
        head=head,
        nonce=rest[:NONCE_LENGTH],
        ciphertext=rest[NONCE_LENGTH:],
    )


def open_sealed(sealed: Sealed, *, key: bytes, associated_data: bytes) -> bytes:
    """Return what was sealed under *key* for the place *associated_data*; raises SealBroken."""
    _require_place(associated_data)
    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, sealed.head + associated_data)
    except InvalidTag:
        raise SealBroken("The sealed value does not open") from None


def mac(key: bytes, label: bytes, *parts: bytes) -> bytes:
    """Return the HMAC-SHA-256 of *parts* for the use that *label* names: 32 bytes.

    Label and parts go in with their lengths: no two lists of parts and no two uses share an input.
    """
    if not label:
        raise ValueError("a MAC names its use")
    message = b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in (label, *parts))
    return hmac.digest(key, message, "sha256")


def verify_mac(claimed: bytes, key: bytes, label: bytes, *parts: bytes) -> None:
    """Raise SealBroken unless *claimed* is the MAC of *parts*; takes the same time wherever it differs."""
    if not hmac.compare_digest(claimed, mac(key, label, *parts)):
        raise SealBroken("The MAC does not hold")


def _require_place(associated_data: bytes) -> None:
    if not associated_data:
        raise ValueError("a sealed value names its place")
