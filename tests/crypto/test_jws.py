"""Tokens from strangers: what a header may say, and what it is never believed."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from sts.crypto.algorithms import ALGORITHMS
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import KeySet, SigningKey, VerificationKey, generate_signing_key, render_jwk
from sts.crypto.jws import TOKEN_MAXIMUM_LENGTH, sign_jws, verify_jws
from sts.errors import KeyUnknown, Malformed, Refusal, TokenInvalid, TokenMalformed

pytestmark = pytest.mark.pure

KEYS = {name: generate_signing_key(name) for name in ("ES256", "ES384", "RS256", "PS256", "EdDSA")}
EVERY = (*ALGORITHMS, "none", "None", "NONE", "nOnE", "")


def _set(*keys: SigningKey) -> KeySet:
    return KeySet(tuple(key.verification_key() for key in keys))


def _raw(header: bytes | dict[str, Any], payload: bytes = b"{}", signature: bytes = b"") -> str:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return ".".join(encode_base64url(part) for part in (text, payload, signature))


def _signed(key: SigningKey, header: bytes | dict[str, Any], payload: bytes = b"{}") -> str:
    """Sign whatever *header* is: the refusal must be its own, not that of a broken signature."""
    unsigned = _raw(header, payload).removesuffix(".")
    return f"{unsigned}.{encode_base64url(key.algorithm.sign(unsigned.encode(), key.material))}"


@pytest.mark.parametrize("name", KEYS)
def test_what_a_key_signs_it_verifies_and_no_other_key_does(name: str) -> None:
    token = sign_jws({"typ": "JWT"}, b'{"a":1}', KEYS[name])
    assert verify_jws(token, _set(*KEYS.values()), [name]).payload == b'{"a":1}'
    with pytest.raises(KeyUnknown):
        verify_jws(token, _set(*(key for other, key in KEYS.items() if other != name)), [name])


def test_an_algorithm_that_is_not_the_keys_own_is_refused() -> None:
    key = KEYS["RS256"]
    for name in EVERY:
        header = {"alg": name, "kid": key.kid}
        if name != "RS256":
            with pytest.raises((TokenInvalid, TokenMalformed)):
                verify_jws(_signed(key, header), _set(key), EVERY)
    assert verify_jws(_signed(key, {"alg": "RS256", "kid": key.kid}), _set(key), EVERY)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS256 ", None, 1, ["ES256"], ...])
def test_none_in_every_spelling_is_refused(algorithm: object) -> None:
    header = {"typ": "JWT"} | ({} if algorithm is ... else {"alg": algorithm})
    for token in (_raw(header), _raw(header, signature=b"x"), _signed(KEYS["ES256"], header)):
        with pytest.raises((TokenInvalid, TokenMalformed)):
            verify_jws(token, _set(KEYS["ES256"]), EVERY)


@pytest.mark.parametrize("name", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("hashed", ["sha256", "sha384", "sha512"])
def test_a_public_key_is_never_an_hmac_key(name: str, hashed: str) -> None:
    key = KEYS[name]
    public: Any = key.verification_key().material
    spellings = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(render_jwk(key.verification_key())).encode(),
        json.dumps(render_jwk(key.verification_key()), separators=(",", ":")).encode(),
        b"",
    ]
    for spelling in spellings:
        for kid in (key.kid, None):
            header = {"alg": f"HS{hashed[3:]}"} | ({"kid": kid} if kid else {})
            unsigned = _raw(header).removesuffix(".")
            forged = f"{unsigned}.{encode_base64url(hmac.digest(spelling, unsigned.encode(), hashed))}"
            with pytest.raises(TokenInvalid):
                verify_jws(forged, _set(key), EVERY)


@pytest.mark.parametrize("name", ["jku", "x5u", "x5c", "x5t", "jwk"])
def test_a_key_or_an_address_in_the_header_is_not_looked_at(name: str) -> None:
    own, strange = KEYS["ES256"], generate_signing_key("ES256")
    value = render_jwk(strange.verification_key()) if name == "jwk" else "http://127.0.0.1:1/keys"
    header = {"alg": "ES256", "kid": own.kid, name: value}
    assert verify_jws(_signed(own, header), _set(own), ["ES256"])
    with pytest.raises(TokenInvalid):
        verify_jws(_signed(strange, header), _set(own), ["ES256"])


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": None},
        {"b64": False, "crit": ["b64"]},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"typ": 1},
        {"typ": ""},
        {"kid": 7},
        {"kid": None},
        {"kid": ["a"]},
        {"kid": {}},
        {"kid": ""},
        {"kid": "k" * 100_000},
        {"x": "x" * 13_000},
    ],
    ids=lambda extra: str(extra)[:30],
)
def test_a_header_that_is_not_understood_is_malformed(extra: dict[str, Any]) -> None:
    key = KEYS["ES256"]
    with pytest.raises(TokenMalformed):
        verify_jws(_signed(key, {"alg": "ES256", "kid": key.kid} | extra), _set(key), ["ES256"])


@pytest.mark.parametrize("kid", ["../../../etc/passwd", "' OR 1=1 --", "$(id)", "|id", "\x00", "k" * 256, "http://x/"])
def test_a_kid_is_data(kid: str) -> None:
    with pytest.raises(KeyUnknown):
        verify_jws(_signed(KEYS["ES256"], {"alg": "ES256", "kid": kid}), _set(KEYS["ES256"]), ["ES256"])


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b'"ES256"',
        b"null",
        b'{"alg":"ES256"',
        b'{"alg":"none","alg":"ES256"}',
        b'{"alg":"ES256","x":{"a":1,"a":2}}',
        b'{"alg":"ES256","x":NaN}',
        b'{"alg":"ES256"}{}',
        b'\xef\xbb\xbf{"alg":"ES256"}',
        '{"alg":"ES256"}'.encode("utf-16"),
        '{"alg":"ES256"}'.encode("utf-16-le"),
        b'{"alg":"ES256","x":"\xff"}',
        b'{"alg":"ES256","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"alg":"ES256","x":' + b"9" * 5000 + b"}",
    ],
    ids=lambda header: repr(header[:24]),
)
def test_a_header_that_is_no_plain_object_is_malformed(header: bytes) -> None:
    with pytest.raises(TokenMalformed):
        verify_jws(_signed(KEYS["ES256"], header), _set(KEYS["ES256"]), ["ES256"])


def test_the_form_of_a_token_is_strict() -> None:
    key = KEYS["ES256"]
    token = sign_jws({}, b'{"a":1}', key)
    head, payload, signature = token.split(".")
    for other in [
        "",
        ".",
        "..",
        f"{head}.{payload}",
        f"{token}.",
        f"{token}.{signature}",
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}=.{signature}",
        f"{head}.{payload}.{signature}==",
        f"{head}.{payload[:4]}\n{payload[4:]}.{signature}",
        f"{head}. {payload}.{signature}",
        f"{head}.{payload}.{signature[:-1]}{'B' if signature[-1] == 'A' else chr(ord(signature[-1]) + 1)}",
        f"{head}.{payload}.",
        f"{head}..{signature}",
        f"{token}é",
        "a" * (TOKEN_MAXIMUM_LENGTH + 1),
    ]:
        with pytest.raises((TokenMalformed, TokenInvalid)):
            verify_jws(other, _set(key), ["ES256"])


def test_a_signature_comes_before_the_content() -> None:
    key = KEYS["ES256"]
    head = encode_base64url(json.dumps({"alg": "ES256", "kid": key.kid}).encode())
    with pytest.raises(TokenInvalid):
        verify_jws(f"{head}.not*base64.{encode_base64url(b'x' * 64)}", _set(key), ["ES256"])


@pytest.mark.parametrize(("name", "half"), [("ES256", 32), ("ES384", 48)])
def test_ecdsa_numbers_out_of_range_are_refused_before_the_library_sees_them(name: str, half: int) -> None:
    key = KEYS[name]
    order = ALGORITHMS[name].order
    token = sign_jws({}, b"{}", key)
    unsigned, signature = token.rsplit(".", 1)
    r, s = (int.from_bytes(part) for part in _halves(parse_base64url(signature.encode()), half))
    for pair in [
        (0, 0),
        (0, s),
        (r, 0),
        (order, s),
        (r, order),
        (order, order),
        (0, 1),
        (1, 0),
        (2 ** (8 * half) - 1, s),
    ]:
        forged = b"".join(number.to_bytes(half, "big") for number in pair)
        with pytest.raises(TokenInvalid, match="out of range"):
            verify_jws(f"{unsigned}.{encode_base64url(forged)}", _set(key), [name])
    for length in (0, 1, half, 2 * half - 1, 2 * half + 1, 72):
        with pytest.raises(TokenInvalid, match="wrong length"):
            verify_jws(f"{unsigned}.{encode_base64url(bytes(length))}", _set(key), [name])


def _halves(signature: bytes, half: int) -> tuple[bytes, bytes]:
    return signature[:half], signature[half:]


def test_a_der_signature_is_refused() -> None:
    material = KEYS["ES256"].material
    assert isinstance(material, ec.EllipticCurvePrivateKey)
    unsigned = _raw({"alg": "ES256"}).removesuffix(".")
    signature = material.sign(unsigned.encode(), ec.ECDSA(SHA256()))
    with pytest.raises(TokenInvalid):
        verify_jws(f"{unsigned}.{encode_base64url(signature)}", _set(KEYS["ES256"]), ["ES256"])


def test_without_a_kid_one_key_alone_may_fit() -> None:
    one, other = KEYS["ES256"], generate_signing_key("ES256")
    token = _signed(one, {"alg": "ES256"})
    assert verify_jws(token, _set(one, KEYS["RS256"]), ["ES256"])
    with pytest.raises(TokenInvalid):
        verify_jws(token, _set(one, other), ["ES256"])


def test_an_hmac_token_needs_both_its_key_and_its_name_in_the_list() -> None:
    secret = hashlib.sha256(b"example").digest()
    key = VerificationKey(kid="h", algorithms={"HS256": ALGORITHMS["HS256"]}, material=secret)
    unsigned = _raw({"alg": "HS256", "kid": "h"}).removesuffix(".")
    token = f"{unsigned}.{encode_base64url(hmac.digest(secret, unsigned.encode(), 'sha256'))}"
    assert verify_jws(token, KeySet((key,)), ["HS256"])
    with pytest.raises(TokenInvalid):
        verify_jws(token, KeySet((key,)), ["ES256"])


def test_a_header_cannot_name_another_key_than_the_one_that_signs() -> None:
    for header in ({"alg": "none"}, {"kid": "other"}):
        with pytest.raises(TokenInvalid):
            sign_jws(header, b"{}", KEYS["ES256"])


def test_no_secret_shows_itself() -> None:
    for key in KEYS.values():
        assert "material" not in repr(key)
        assert "material" not in repr(key.verification_key())


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_base64url_has_one_spelling_for_each_value(raw: bytes) -> None:
    text = encode_base64url(raw)
    assert text.encode() == base64.urlsafe_b64encode(raw).rstrip(b"=")
    assert parse_base64url(text.encode()) == raw


@settings(deadline=None)
@given(st.text("AQgwZz-_+/=09 ", max_size=12))
def test_what_base64url_takes_it_gives_back(text: str) -> None:
    try:
        raw = parse_base64url(text.encode())
    except Malformed:
        return
    assert encode_base64url(raw) == text


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_junk_is_refused_and_never_a_fault(junk: bytes) -> None:
    with pytest.raises(Refusal):
        verify_jws(junk, _set(KEYS["ES256"]), ["ES256"])
    with pytest.raises(Refusal):
        verify_jws(junk + b".e30.AAAA", _set(KEYS["ES256"]), ["ES256"])


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=4))
def test_a_json_object_is_read_as_it_was_written(members: dict[str, object]) -> None:
    assert parse_json_object(json.dumps(members).encode()) == members


def test_the_rsa_key_of_this_house_is_strong_enough() -> None:
    material = KEYS["RS256"].material
    assert isinstance(material, rsa.RSAPrivateKey)
    assert material.key_size >= 2048
