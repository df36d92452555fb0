"""Keys from strangers: judged when they are imported."""

import json
from typing import Any

import pytest

from sts.crypto.base64url import encode_base64url
from sts.crypto.jwk import (
    KeySet,
    SigningKey,
    generate_signing_key,
    parse_jwk,
    parse_key_set,
    parse_private_jwk,
    render_jwk,
    render_private_jwk,
    render_thumbprint,
)
from sts.errors import KeyMalformed

pytestmark = pytest.mark.pure

KEYS = {name: generate_signing_key(name) for name in ("ES256", "ES384", "ES512", "RS256", "EdDSA")}
PUBLIC: dict[str, dict[str, Any]] = {name: render_jwk(key.verification_key()) for name, key in KEYS.items()}
PRIVATE: dict[str, dict[str, Any]] = {name: render_private_jwk(key) for name, key in KEYS.items()}
SECRET = {"kty": "oct", "k": encode_base64url(bytes(range(64)))}


def _number(value: int, length: int | None = None) -> str:
    return encode_base64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


@pytest.mark.parametrize("name", KEYS)
def test_a_generated_key_is_named_by_its_thumbprint_and_comes_back(name: str) -> None:
    assert KEYS[name].kid == render_thumbprint(PUBLIC[name])
    back = parse_private_jwk(PRIVATE[name])
    assert (back.kid, back.algorithm) == (KEYS[name].kid, KEYS[name].algorithm)
    assert render_private_jwk(back) == PRIVATE[name]
    assert render_jwk(parse_jwk(PUBLIC[name])) == PUBLIC[name]


def test_a_key_that_names_no_algorithm_may_be_used_with_each_that_fits() -> None:
    for name, fitting in {
        "ES256": {"ES256"},
        "EdDSA": {"EdDSA"},
        "RS256": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
    }.items():
        jwk = {member: value for member, value in PUBLIC[name].items() if member != "alg"}
        assert parse_jwk(jwk).algorithms.keys() == fitting
    assert parse_jwk(SECRET).algorithms.keys() == {"HS256", "HS384", "HS512"}
    assert parse_jwk({"kty": "oct", "k": encode_base64url(bytes(32))}).algorithms.keys() == {"HS256"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ES256", {"kty": "ec"}),
        ("ES256", {"kty": None}),
        ("ES256", {"kty": ["EC"]}),
        ("ES256", {"crv": "P-384"}),
        ("ES256", {"crv": "secp256k1"}),
        ("ES256", {"alg": "ES384"}),
        ("ES256", {"alg": "HS256"}),
        ("ES256", {"alg": "none"}),
        ("ES256", {"alg": ["ES256"]}),
        ("ES256", {"use": "enc"}),
        ("ES256", {"use": None}),
        ("ES256", {"key_ops": ["encrypt"]}),
        ("ES256", {"key_ops": ["sign"]}),
        ("ES256", {"key_ops": "verify"}),
        ("ES256", {"key_ops": []}),
        ("ES256", {"kid": 1}),
        ("ES256", {"kid": "k" * 257}),
        ("ES256", {"x": "AA"}),
        ("ES256", {"x": PUBLIC["ES256"]["y"]}),
        ("ES256", {"y": _number(0, 32)}),
        ("ES256", {"x": _number(0, 32), "y": _number(0, 32)}),
        ("ES256", {"x": "AA" + PUBLIC["ES256"]["x"]}),
        ("ES256", {"x": PUBLIC["ES256"]["x"] + "="}),
        ("ES256", {"x": "é"}),
        ("ES256", {"x": 5}),
        ("RS256", {"n": _number(1 << 1023 | 1)}),
        ("RS256", {"n": _number(1 << 2046 | 1)}),
        ("RS256", {"n": _number(1 << 8192 | 1)}),
        ("RS256", {"e": "AQ"}),
        ("RS256", {"e": "AA"}),
        ("RS256", {"e": _number(1 << 64 | 1)}),
        ("EdDSA", {"crv": "Ed448"}),
        ("EdDSA", {"crv": "X25519"}),
        ("EdDSA", {"x": "AA"}),
    ],
    ids="".join,  # not the values, which are of keys made a moment ago
)
def test_a_key_that_is_weak_off_its_curve_or_for_other_uses_is_refused(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(KeyMalformed):
        parse_jwk(PUBLIC[name] | changes)


@pytest.mark.parametrize(
    "point",
    [
        "00" * 32,
        "01" + "00" * 31,
        "00" * 31 + "80",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ff" * 32,
    ],
)
def test_an_ed25519_point_of_small_order_is_refused(point: str) -> None:
    with pytest.raises(KeyMalformed):
        parse_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(bytes.fromhex(point))})


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"secret",
        bytes(31),
        b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
        b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
    ],
)
def test_a_weak_or_public_hmac_key_is_refused(secret: bytes) -> None:
    with pytest.raises(KeyMalformed):
        parse_jwk({"kty": "oct", "k": encode_base64url(secret)})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ES256", {"d": PRIVATE["ES384"]["d"]}),
        ("ES256", {"d": "AQ"}),
        ("ES256", {"d": None}),
        ("ES256", {"alg": None}),
        ("EdDSA", {"d": encode_base64url(bytes(32))}),
        ("EdDSA", {"d": "AA"}),
        ("RS256", {"d": "AQAB"}),
        ("RS256", {"p": PRIVATE["RS256"]["q"]}),
        ("RS256", {"qi": None}),
        ("RS256", {"oth": []}),
        ("RS256", {"key_ops": ["verify"]}),
    ],
)
def test_a_private_key_that_does_not_belong_to_its_public_key_is_refused(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(KeyMalformed):
        parse_private_jwk(PRIVATE[name] | changes)


def test_a_signing_key_names_its_algorithm() -> None:
    with pytest.raises(KeyMalformed):
        parse_private_jwk({name: value for name, value in PRIVATE["ES256"].items() if name != "alg"})


def test_a_key_set_leaves_out_what_cannot_be_used() -> None:
    document = {
        "keys": [
            {"kty": "RSA", "kid": "weak", "n": _number(1 << 1023 | 1), "e": "AQAB"},
            {"kty": "unknown", "kid": "unknown"},
            PUBLIC["ES256"] | {"use": "enc"},
            PUBLIC["ES256"] | {"y": _number(1, 32)},
            PRIVATE["ES384"],
            SECRET,
            "key",
            PUBLIC["RS256"],
        ]
    }
    keys = parse_key_set(json.dumps(document).encode())
    assert [key.kid for key in keys.keys] == [PUBLIC["RS256"]["kid"]]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[],"keys":[]}',
        b'{"keys":[' + b",".join([b"1"] * 101) + b"]}",
        b" " * (1 << 20) + b"{}",
    ],
    ids=lambda document: repr(document[:20]),
)
def test_a_document_that_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(KeyMalformed):
        parse_key_set(document)


def test_an_empty_key_set_is_one() -> None:
    assert parse_key_set(b'{"keys":[]}') == KeySet(())


def test_a_symmetric_key_has_no_public_form_and_is_not_generated() -> None:
    with pytest.raises(KeyMalformed):
        render_jwk(parse_jwk(SECRET))
    with pytest.raises(KeyMalformed):
        generate_signing_key("HS256")
    key = parse_private_jwk(SECRET | {"alg": "HS256"})
    assert isinstance(key, SigningKey)
    assert render_private_jwk(key)["k"] == SECRET["k"]
