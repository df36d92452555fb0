"""JSON Web Keys: parse, export, name (RFC 7517, RFC 7518 section 6, RFC 8037, RFC 7638).

A key is judged when it is imported: its strength, its point on the curve, what it may be used for. What comes out
knows the rows of the table of algorithms that it may be used with, and is used with no other.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sts.crypto.algorithms import ALGORITHMS, Algorithm
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.errors import KeyMalformed, Malformed

T = TypeVar("T")
PublicMaterial = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey | bytes
PrivateMaterial = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey | bytes

_CURVES: Mapping[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_CURVE_NAMES = {curve.name: name for name, curve in _CURVES.items()}

_RSA_MINIMUM_BITS, _RSA_MAXIMUM_BITS = 2048, 8192
_RSA_EXPONENT_MAXIMUM_BITS = 64
_KID_MAXIMUM_LENGTH = 256
_SET_MAXIMUM_LENGTH = 1 << 20
_SET_MAXIMUM_KEYS = 100

_ED25519_PRIME = 2**255 - 19
_ED25519_LENGTH = 32
# The y of every point of order 1, 2, 4 or 8: under such a key signatures hold for messages that nobody signed.
_ED25519_SMALL_ORDER = frozenset(
    {
        0,
        1,
        _ED25519_PRIME - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)

# RFC 7638 section 3.2: the members that make the key, in the order of their names.
_THUMBPRINT_MEMBERS = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "oct": ("k", "kty"),
}
_RSA_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """What verifies: *algorithms* are the rows that it may be used with, by name."""

    kid: str | None
    algorithms: Mapping[str, Algorithm]
    material: PublicMaterial = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """What signs, under exactly one algorithm."""

    kid: str
    algorithm: Algorithm
    material: PrivateMaterial = field(repr=False)

    def verification_key(self) -> VerificationKey:
        """Return the half that others may have; of an HMAC key there is no such half, so it is the key itself."""
        public = self.material if isinstance(self.material, bytes) else self.material.public_key()
        return VerificationKey(kid=self.kid, algorithms={self.algorithm.name: self.algorithm}, material=public)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys that are trusted for one purpose."""

    keys: tuple[VerificationKey, ...]


def parse_jwk(jwk: Mapping[str, Any]) -> VerificationKey:
    """Return the verifying half of *jwk*; raises KeyMalformed when it is weak, off its curve or for other uses."""
    _require_use(jwk, {"verify", "sign"} if "d" in jwk or jwk.get("kty") == "oct" else {"verify"})
    material = _row(_PUBLIC_READERS, jwk)(jwk)
    return VerificationKey(kid=_kid(jwk), algorithms=_resolve(jwk, material), material=material)


def parse_private_jwk(jwk: Mapping[str, Any]) -> SigningKey:
    """Return the signing key that *jwk*, which must name its `alg`, holds; raises KeyMalformed.

    Without a `kid` the key is named by its thumbprint.
    """
    _require_use(jwk, {"sign"})
    public = _row(_PUBLIC_READERS, jwk)(jwk)
    algorithms = _resolve(jwk, public)
    if "alg" not in jwk:
        raise KeyMalformed("A signing key names its algorithm")
    material = _row(_PRIVATE_READERS, jwk)(jwk)
    return SigningKey(kid=_kid(jwk) or render_thumbprint(jwk), algorithm=algorithms[jwk["alg"]], material=material)


def parse_key_set(document: bytes) -> KeySet:
    """Return the public keys of a JWKS document (RFC 7517 section 5); raises KeyMalformed when it is none.

    Keys that are not understood, weak, or for other uses are left out, as the RFC asks: the others stay usable. A
    symmetric key, or one published together with its private half, proves nothing and is left out as well.
    """
    if len(document) > _SET_MAXIMUM_LENGTH:
        raise KeyMalformed("The key set is too long")
    try:
        entries = parse_json_object(document).get("keys")
    except Malformed as fault:
        raise KeyMalformed(fault.message) from None
    if not isinstance(entries, list) or len(entries) > _SET_MAXIMUM_KEYS:
        raise KeyMalformed("The document holds no key set, or too large a one")
    found = (_find_public_key(entry) for entry in entries)
    return KeySet(tuple(key for key in found if key is not None))


def generate_signing_key(algorithm_name: str) -> SigningKey:
    """Return a new key for *algorithm_name*, drawn inside `cryptography` and named by its thumbprint."""
    algorithm = ALGORITHMS[algorithm_name]
    material: PrivateMaterial
    if algorithm.key_type == "RSA":
        material = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_MINIMUM_BITS)
    elif algorithm.key_type == "EC":
        material = ec.generate_private_key(_CURVES[str(algorithm.curve)])
    elif algorithm.key_type == "OKP":
        material = Ed25519PrivateKey.generate()
    else:
        raise KeyMalformed("An HMAC key is no signing key of this house")
    kid = render_thumbprint(_public_members(material.public_key()))
    return SigningKey(kid=kid, algorithm=algorithm, material=material)


def render_jwk(key: VerificationKey) -> dict[str, Any]:
    """Return *key* as a public JWK; an HMAC key has none."""
    if isinstance(key.material, bytes):
        raise KeyMalformed("A symmetric key has no public form")
    jwk: dict[str, Any] = _public_members(key.material) | {"use": "sig"}
    if key.kid is not None:
        jwk["kid"] = key.kid
    if len(key.algorithms) == 1:
        jwk["alg"] = next(iter(key.algorithms))
    return jwk


def render_private_jwk(key: SigningKey) -> dict[str, Any]:
    """Return *key* as a private JWK: a secret."""
    named = {"kid": key.kid, "alg": key.algorithm.name, "use": "sig"}
    if isinstance(key.material, bytes):
        return {"kty": "oct", "k": encode_base64url(key.material)} | named
    return _public_members(key.material.public_key()) | _private_members(key.material) | named


def render_thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of *jwk* in base64url (RFC 7638 section 3); raises KeyMalformed."""
    members = {name: _text(jwk, name) for name in _row(_THUMBPRINT_MEMBERS, jwk)}
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    return encode_base64url(hashlib.sha256(text.encode()).digest())


def _find_public_key(entry: object) -> VerificationKey | None:
    if not isinstance(entry, dict) or entry.get("kty") == "oct" or "d" in entry:
        return None
    try:
        return parse_jwk(entry)
    except KeyMalformed:
        return None


def _row(table: Mapping[str, T], jwk: Mapping[str, Any]) -> T:
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in table:
        raise KeyMalformed("The key type is unknown")
    return table[kind]


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str) or not value:
        raise KeyMalformed(f"The key lacks {name}")
    return value


def _octets(jwk: Mapping[str, Any], name: str, length: int | None = None) -> bytes:
    try:
        raw = parse_base64url(_text(jwk, name).encode("ascii"))
    except (Malformed, UnicodeEncodeError):
        raise KeyMalformed(f"The key's {name} is missing or not base64url") from None
    if length is not None and len(raw) != length:
        raise KeyMalformed(f"The key's {name} has a wrong length")
    return raw


def _number(jwk: Mapping[str, Any], name: str, length: int | None = None) -> int:
    return int.from_bytes(_octets(jwk, name, length), "big")


def _kid(jwk: Mapping[str, Any]) -> str | None:
    if "kid" not in jwk:
        return None
    kid = _text(jwk, "kid")
    if len(kid) > _KID_MAXIMUM_LENGTH:
        raise KeyMalformed("The key's kid is too long")
    return kid


def _require_use(jwk: Mapping[str, Any], operations: set[str]) -> None:
    """Refuse a key that is meant for another use (RFC 7517 sections 4.2 and 4.3)."""
    if jwk.get("use", "sig") != "sig":
        raise KeyMalformed("The key is not for signatures")
    if "key_ops" in jwk:
        named = jwk["key_ops"]
        if not isinstance(named, list) or not any(operation in operations for operation in named):
            raise KeyMalformed("The key is not for this operation")


def _resolve(jwk: Mapping[str, Any], material: PublicMaterial) -> dict[str, Algorithm]:
    """Return the rows that the key may be used with: the one that it names, or all that fit it."""
    bits = 8 * len(material) if isinstance(material, bytes) else _RSA_MINIMUM_BITS
    fitting = {
        name: row
        for name, row in ALGORITHMS.items()
        if row.key_type == jwk["kty"] and row.curve in (None, jwk.get("crv")) and row.minimum_bits <= bits
    }
    if "alg" in jwk:
        fitting = {name: row for name, row in fitting.items() if name == jwk["alg"]}
    if not fitting:
        raise KeyMalformed("The key does not fit its algorithm, or is too weak for any")
    return fitting


def _read_rsa_numbers(jwk: Mapping[str, Any]) -> rsa.RSAPublicNumbers:
    n, e = _number(jwk, "n"), _number(jwk, "e")
    if not _RSA_MINIMUM_BITS <= n.bit_length() <= _RSA_MAXIMUM_BITS:
        raise KeyMalformed(f"An RSA key has {_RSA_MINIMUM_BITS} to {_RSA_MAXIMUM_BITS} bits")
    if e.bit_length() > _RSA_EXPONENT_MAXIMUM_BITS:
        raise KeyMalformed("The RSA exponent is too large")
    return rsa.RSAPublicNumbers(e, n)


def _read_rsa(jwk: Mapping[str, Any]) -> PublicMaterial:
    numbers = _read_rsa_numbers(jwk)
    try:
        return numbers.public_key()
    except ValueError:
        raise KeyMalformed("The RSA key is not valid") from None


def _read_private_rsa(jwk: Mapping[str, Any]) -> PrivateMaterial:
    if "oth" in jwk:
        raise KeyMalformed("An RSA key of more than two primes is not taken")
    public = _read_rsa_numbers(jwk)
    d, p, q, dmp1, dmq1, iqmp = (_number(jwk, name) for name in _RSA_PRIVATE_MEMBERS)
    try:
        return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, public).private_key()
    except ValueError:
        raise KeyMalformed("The RSA key is not valid") from None


def _read_ec_numbers(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicNumbers:
    curve = _CURVES.get(_text(jwk, "crv"))
    if curve is None:
        raise KeyMalformed("The curve is unknown")
    length = (curve.key_size + 7) // 8
    return ec.EllipticCurvePublicNumbers(_number(jwk, "x", length), _number(jwk, "y", length), curve)


def _read_ec(jwk: Mapping[str, Any]) -> PublicMaterial:
    numbers = _read_ec_numbers(jwk)
    try:
        return numbers.public_key()
    except ValueError:
        raise KeyMalformed("The point is not on the curve") from None


def _read_private_ec(jwk: Mapping[str, Any]) -> PrivateMaterial:
    public = _read_ec_numbers(jwk)
    try:
        return ec.EllipticCurvePrivateNumbers(_number(jwk, "d"), public).private_key()
    except ValueError:
        raise KeyMalformed("The private key does not belong to its public key") from None


def _read_okp(jwk: Mapping[str, Any]) -> PublicMaterial:
    if jwk.get("crv") != "Ed25519":
        raise KeyMalformed("The curve is unknown")
    raw = _octets(jwk, "x", _ED25519_LENGTH)
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if y >= _ED25519_PRIME or y in _ED25519_SMALL_ORDER:
        raise KeyMalformed("The point is of small order or not canonical")
    return Ed25519PublicKey.from_public_bytes(raw)


def _read_private_okp(jwk: Mapping[str, Any]) -> PrivateMaterial:
    private = Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d", _ED25519_LENGTH))
    if private.public_key() != _read_okp(jwk):
        raise KeyMalformed("The private key does not belong to its public key")
    return private


def _read_oct(jwk: Mapping[str, Any]) -> bytes:
    raw = _octets(jwk, "k")
    # The PEM text of a public key as an HMAC key is the classic confusion of algorithms (RFC 8725 section 2.1).
    if b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-sha2-")):
        raise KeyMalformed("A public key is no secret")
    return raw


_PUBLIC_READERS: Mapping[str, Callable[[Mapping[str, Any]], PublicMaterial]] = {
    "RSA": _read_rsa,
    "EC": _read_ec,
    "OKP": _read_okp,
    "oct": _read_oct,
}
_PRIVATE_READERS: Mapping[str, Callable[[Mapping[str, Any]], PrivateMaterial]] = {
    "RSA": _read_private_rsa,
    "EC": _read_private_ec,
    "OKP": _read_private_okp,
    "oct": _read_oct,
}


def _render_number(number: int, length: int | None = None) -> str:
    return encode_base64url(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))


def _public_members(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPublicKey):
        rsa_numbers = key.public_numbers()
        return {"kty": "RSA", "n": _render_number(rsa_numbers.n), "e": _render_number(rsa_numbers.e)}
    if isinstance(key, Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key.public_bytes_raw())}
    numbers, length = key.public_numbers(), (key.key_size + 7) // 8
    point = {"x": _render_number(numbers.x, length), "y": _render_number(numbers.y, length)}
    return {"kty": "EC", "crv": _CURVE_NAMES[key.curve.name]} | point


def _private_members(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> dict[str, Any]:
    if isinstance(key, Ed25519PrivateKey):
        return {"d": encode_base64url(key.private_bytes_raw())}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"d": _render_number(key.private_numbers().private_value, (key.key_size + 7) // 8)}
    numbers = key.private_numbers()
    values = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return {name: _render_number(value) for name, value in zip(_RSA_PRIVATE_MEMBERS, values, strict=True)}
