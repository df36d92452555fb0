"""Proofs of possession (DPoP, RFC 9449): a client shows that it holds the key which its tokens are bound to.

The key comes with the proof, so a proof alone says nothing about who sent it: its key's thumbprint must be the one that
the token was given to. Nothing of a proof is believed before its signature holds under the key that it brings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import KeySet, parse_jwk, render_thumbprint
from sts.crypto.jws import parse_jws, verify_jws
from sts.errors import Malformed, PossessionUnproven, TokenInvalid

TYPE = "dpop+jwt"
ALGORITHM = "ES256"
OLDEST = timedelta(minutes=5)
SKEW = timedelta(seconds=60)  # that a client's clock may be ahead
_COORDINATE_BYTES = 32  # of P-256
_LONGEST = 4_096  # characters
_JTI = re.compile(r"[^\ud800-\udfff]{1,256}")  # half a surrogate pair has no bytes to be remembered by
_PRIVATE = ("d", "k")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class PossessionProof:
    """A proof that holds: *thumbprint* names its key (RFC 7638), *jti* the proof itself."""

    thumbprint: str
    jti: str
    issued_at: datetime


def verify_possession(proof: str, *, method: str, url: str, now: datetime) -> PossessionProof:
    """Return what *proof*, sent with a request of *method* to *url*, proves; raises PossessionUnproven.

    That it is shown for the first time is the caller's to look to.
    """
    try:
        return _verify(proof, method, url, now)
    except (Malformed, TokenInvalid) as fault:
        raise PossessionUnproven("The DPoP proof does not hold", detail=fault.message) from None


def _verify(proof: str, method: str, url: str, now: datetime) -> PossessionProof:
    if len(proof) > _LONGEST:
        raise Malformed("The proof is too long")
    header = parse_jws(proof).unverified_header
    if header.get("typ") != TYPE:
        raise TokenInvalid("The token is no proof of possession")
    jwk = _parse_key(header.get("jwk"))
    claims = parse_json_object(verify_jws(proof, KeySet((parse_jwk(jwk),)), (ALGORITHM,)).payload)
    if claims.get("htm") != method:
        raise TokenInvalid("The proof is for another method")
    if _normalize(claims.get("htu")) != _normalize(url):
        raise TokenInvalid("The proof is for another address")
    issued_at = _read_instant(claims.get("iat"))
    if not now - OLDEST <= issued_at <= now + SKEW:
        raise TokenInvalid("The proof is too old, or of the future")
    return PossessionProof(render_thumbprint(jwk), _read_jti(claims.get("jti")), issued_at)


def _parse_key(jwk: object) -> Mapping[str, Any]:
    """Return the public key with its coordinates at full length.

    A widespread library writes a coordinate that begins with a zero byte without it. RFC 7518 section 6.2.1.2 wants all
    32 bytes, and one key must not have two thumbprints.
    """
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise Malformed("The proof brings no key on P-256")
    if any(name in jwk for name in _PRIVATE):
        raise Malformed("The proof brings a private key")
    return {**jwk, "x": _pad(jwk.get("x")), "y": _pad(jwk.get("y"))}


def _pad(coordinate: object) -> str:
    if not isinstance(coordinate, str) or not coordinate.isascii():
        raise Malformed("A coordinate is missing")
    return encode_base64url(parse_base64url(coordinate.encode("ascii")).rjust(_COORDINATE_BYTES, b"\0"))


def _normalize(url: object) -> tuple[str, str, int | None, str]:
    """Return what of an address must be equal (RFC 9449 section 4.3): neither its query nor its fragment counts."""
    if not isinstance(url, str):
        raise Malformed("The proof names no address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Malformed("The proof's address cannot be read") from None
    if parts.username is not None:
        raise Malformed("The proof's address names a user")
    return parts.scheme, parts.hostname or "", port or _PORTS.get(parts.scheme), parts.path or "/"


def _read_instant(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed("The proof does not say when it was made")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("The proof does not say when it was made") from None


def _read_jti(value: object) -> str:
    if not isinstance(value, str) or not _JTI.fullmatch(value):
        raise Malformed("The proof has no identifier of its own")
    return value
