"""The one table of signature algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1).

A row knows the key type, curve and strength that it needs, and how to sign and verify. Whoever uses a signature is
handed a row that was resolved from a key; nobody compares names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import Algorithm as Primitive
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

from sts.errors import TokenInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """A row of the table: *name* as in `alg`, the key that it takes, and the primitive beneath.

    *minimum_bits* is the least size of an RSA modulus or an HMAC key. *curve* is the JWK's `crv`. *order* and
    *half_length* describe an ECDSA signature: the group's order, and the bytes of each of its two numbers.
    """

    name: str
    key_type: str
    primitive: Primitive = field(repr=False)
    curve: str | None = None
    minimum_bits: int = 0
    order: int = field(default=0, repr=False)
    half_length: int = 0

    def sign(self, message: bytes, key: Any) -> bytes:
        """Return the signature of *message* under the private key *key*."""
        return self.primitive.sign(message, key)

    def verify(self, message: bytes, key: Any, signature: bytes) -> None:
        """Raise TokenInvalid unless *signature* is one of *message* under the public key *key*."""
        if self.order:
            self._verify_ranges(signature)
        if not self.primitive.verify(message, key, signature):
            raise TokenInvalid("The token's signature does not hold")

    def _verify_ranges(self, signature: bytes) -> None:
        """Refuse r or s of zero or not below the order: where this was skipped, forgeries passed (CVE-2022-21449)."""
        half = self.half_length
        if len(signature) != 2 * half:
            raise TokenInvalid("The token's signature has a wrong length")
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        if not (0 < r < self.order and 0 < s < self.order):
            raise TokenInvalid("The token's signature is out of range")


def _ecdsa(name: str, curve: str, hashed: Any, group: type[ec.EllipticCurve], order: int) -> Algorithm:
    return Algorithm(
        name=name,
        key_type="EC",
        primitive=ECAlgorithm(hashed, group),
        curve=curve,
        order=order,
        half_length=(order.bit_length() + 7) // 8,
    )


def _rsa(name: str, primitive: Primitive) -> Algorithm:
    return Algorithm(name=name, key_type="RSA", primitive=primitive, minimum_bits=2048)


def _hmac(name: str, hashed: Any, bits: int) -> Algorithm:
    return Algorithm(name=name, key_type="oct", primitive=HMACAlgorithm(hashed), minimum_bits=bits)


# The orders of the base points: SEC 2 version 2, sections 2.4.2, 2.5.1 and 2.6.1.
_ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ORDER_P384 = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
_ORDER_P521 = int("1" + "f" * 64 + "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16)

_ROWS = (
    _ecdsa("ES256", "P-256", ECAlgorithm.SHA256, ec.SECP256R1, _ORDER_P256),
    _ecdsa("ES384", "P-384", ECAlgorithm.SHA384, ec.SECP384R1, _ORDER_P384),
    _ecdsa("ES512", "P-521", ECAlgorithm.SHA512, ec.SECP521R1, _ORDER_P521),
    _rsa("RS256", RSAAlgorithm(RSAAlgorithm.SHA256)),
    _rsa("RS384", RSAAlgorithm(RSAAlgorithm.SHA384)),
    _rsa("RS512", RSAAlgorithm(RSAAlgorithm.SHA512)),
    _rsa("PS256", RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256)),
    _rsa("PS384", RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384)),
    _rsa("PS512", RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512)),
    Algorithm(name="EdDSA", key_type="OKP", primitive=OKPAlgorithm(), curve="Ed25519"),
    # RFC 7518 section 3.2: a key at least as long as the hash.
    _hmac("HS256", HMACAlgorithm.SHA256, 256),
    _hmac("HS384", HMACAlgorithm.SHA384, 384),
    _hmac("HS512", HMACAlgorithm.SHA512, 512),
)

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType({row.name: row for row in _ROWS})
