"""JSON Web Signatures in the compact form (RFC 7515), signed and verified with keys that know their algorithm.

What a header says about itself is never believed: `alg` must be in the caller's list and be the key's own, `kid`
only selects among the keys that the caller trusts, and `jku`, `x5u`, `x5c` and `jwk` are not looked at.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sts.crypto.algorithms import Algorithm
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import KeySet, SigningKey, VerificationKey
from sts.errors import KeyUnknown, Malformed, TokenInvalid, TokenMalformed

# AWS takes web identity tokens of up to 20,000 characters (AssumeRoleWithWebIdentity, WebIdentityToken).
TOKEN_MAXIMUM_LENGTH = 20_000
_HEADER_MAXIMUM_LENGTH = 16_384
_NAME_MAXIMUM_LENGTH = 256
_PARTS = 3

# `crit` names extensions that must be understood, and none is (RFC 7515 section 4.1.11); `b64` would change what is
# signed (RFC 7797); `zip` belongs to encryption, and inflating before verifying is a bomb (RFC 8725 section 2.10).
_REFUSED_PARAMETERS = ("crit", "b64", "zip")
_ENCODER = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedJWS:
    """The parts of a token that nobody has vouched for yet."""

    unverified_header: Mapping[str, Any]
    signing_input: bytes = field(repr=False)
    payload_text: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedJWS:
    """A token whose signature holds under a trusted key."""

    header: Mapping[str, Any]
    payload: bytes = field(repr=False)


def verify_jws(token: str | bytes, keys: KeySet, algorithms: Collection[str]) -> VerifiedJWS:
    """Return the header and the payload of *token*, whose signature is checked before its content is looked at.

    *algorithms* are the names that the caller takes. Raises TokenMalformed when the form is broken; TokenInvalid when
    the algorithm is not taken, not the key's own, or the signature does not hold; KeyUnknown when *keys* lack its key.
    """
    unverified = parse_jws(token)
    key, algorithm = _get_key(unverified.unverified_header, keys, algorithms)
    algorithm.verify(unverified.signing_input, key.material, unverified.signature)
    return VerifiedJWS(unverified.unverified_header, _decode(unverified.payload_text))


def parse_jws(token: str | bytes) -> UnverifiedJWS:
    """Return the parts of *token*; raises TokenMalformed unless it is a strict compact JWS."""
    if len(token) > TOKEN_MAXIMUM_LENGTH:
        raise TokenMalformed("The token is too long")
    try:
        raw = token.encode("ascii") if isinstance(token, str) else token
    except UnicodeEncodeError:
        raise TokenMalformed("The token is not ASCII") from None
    parts = raw.split(b".")
    if len(parts) != _PARTS:
        raise TokenMalformed("The token is not a compact JWS")
    return UnverifiedJWS(
        unverified_header=_parse_header(parts[0]),
        signing_input=raw[: len(raw) - len(parts[2]) - 1],
        payload_text=parts[1],
        signature=_decode(parts[2]),
    )


def sign_jws(header: Mapping[str, Any], payload: bytes, key: SigningKey) -> str:
    """Return *payload* as a compact JWS under *key*, whose `alg` and `kid` go before what *header* adds."""
    named = {"alg": key.algorithm.name, "kid": key.kid, **header}
    if named["alg"] != key.algorithm.name or named["kid"] != key.kid:
        raise TokenInvalid("The header names another key than the one that signs")
    text = _ENCODER.encode(named).encode("ascii")
    signing_input = f"{encode_base64url(text)}.{encode_base64url(payload)}"
    signature = key.algorithm.sign(signing_input.encode("ascii"), key.material)
    return f"{signing_input}.{encode_base64url(signature)}"


def _parse_header(text: bytes) -> dict[str, Any]:
    if len(text) > _HEADER_MAXIMUM_LENGTH:
        raise TokenMalformed("The token's header is too long")
    try:
        header = parse_json_object(_decode(text))
    except Malformed:
        raise TokenMalformed("The token's header is not a JSON object in base64url") from None
    for name in _REFUSED_PARAMETERS:
        if name in header:
            raise TokenMalformed(f"The token's header holds {name}")
    for name in ("alg", "kid", "typ"):
        if name in header:
            _require_name(name, header[name])
    return header


def _require_name(name: str, value: object) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_MAXIMUM_LENGTH:
        raise TokenMalformed(f"The token's {name} is not a short text")


def _get_key(header: Mapping[str, Any], keys: KeySet, algorithms: Collection[str]) -> tuple[VerificationKey, Algorithm]:
    """Return the one trusted key that *header* selects, and its own algorithm."""
    name, kid = header.get("alg"), header.get("kid")
    if name is None or name not in algorithms:
        raise TokenInvalid("The token's algorithm is not taken here")
    named = [key for key in keys.keys if kid is None or key.kid is None or key.kid == kid]
    if not named:
        raise KeyUnknown("The token's key is unknown")
    fitting = [(key, key.algorithms[name]) for key in named if name in key.algorithms]
    if len(fitting) != 1:
        raise TokenInvalid("The token's algorithm and key do not select one trusted key")
    return fitting[0]


def _decode(text: bytes) -> bytes:
    try:
        return parse_base64url(text)
    except Malformed:
        raise TokenMalformed("The token is not in strict base64url") from None
