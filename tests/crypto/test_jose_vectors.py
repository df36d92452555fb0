"""The numbers of RFC 7515, RFC 7520, RFC 7638 and RFC 8037, through the one function that verifies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sts.crypto.algorithms import ALGORITHMS
from sts.crypto.base64url import parse_base64url
from sts.crypto.jwk import (
    KeySet,
    parse_jwk,
    parse_key_set,
    parse_private_jwk,
    render_jwk,
    render_private_jwk,
    render_thumbprint,
)
from sts.crypto.jws import parse_jws, sign_jws, verify_jws
from sts.errors import Refusal, TokenInvalid

pytestmark = pytest.mark.pure

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "jose.json").read_text())
SIGNATURES: list[dict[str, Any]] = VECTORS["signatures"]
every_signature = pytest.mark.parametrize("vector", SIGNATURES, ids=lambda vector: vector["source"])


def _refused(token: str | bytes, keys: KeySet, algorithms: tuple[str, ...]) -> bool:
    try:
        verify_jws(token, keys, algorithms)
    except Refusal:
        return True
    return False


@every_signature
def test_j_16_the_published_signature_verifies(vector: dict[str, Any]) -> None:
    verified = verify_jws(vector["token"], KeySet((parse_jwk(vector["key"]),)), [vector["alg"]])
    assert verified.header["alg"] == vector["alg"]
    assert verified.payload == parse_base64url(parse_jws(vector["token"]).payload_text)
    assert verify_jws(vector["token"].encode(), KeySet((parse_jwk(vector["key"]),)), {vector["alg"]}) == verified


@every_signature
def test_j_17_the_published_key_imports_and_exports_and_signs_anew(vector: dict[str, Any]) -> None:
    key = parse_private_jwk(vector["key"] | {"alg": vector["alg"]})
    exported = render_private_jwk(key)
    assert {name: exported[name] for name in vector["key"] if name != "kid"} == {
        name: value
        for name, value in ({"use": "sig"} | vector["key"]).items()
        if name in vector["key"] and name != "kid"
    }
    token = sign_jws({"typ": "JWT"}, b"payload", key)
    assert verify_jws(token, KeySet((key.verification_key(),)), [vector["alg"]]).payload == b"payload"
    if vector["alg"] in {"HS256", "RS256", "EdDSA"}:  # those that sign alike each time
        signing_input = parse_jws(vector["token"]).signing_input
        assert key.algorithm.sign(signing_input, key.material) == parse_jws(vector["token"]).signature


@every_signature
def test_the_public_half_imports_from_a_key_set(vector: dict[str, Any]) -> None:
    if vector["key"]["kty"] == "oct":
        assert parse_key_set(json.dumps({"keys": [vector["key"]]}).encode()) == KeySet(())
        return
    public = render_jwk(parse_jwk(vector["key"]))
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & public.keys()
    keys = parse_key_set(json.dumps({"keys": [public]}).encode())
    assert verify_jws(vector["token"], keys, [vector["alg"]]).payload


@every_signature
def test_every_prefix_every_flipped_bit_and_every_byte_behind_is_refused(vector: dict[str, Any]) -> None:
    keys, algorithms = KeySet((parse_jwk(vector["key"]),)), tuple(ALGORITHMS)
    token = vector["token"].encode()
    assert all(_refused(other, keys, algorithms) for other in _mutations(token))


def _mutations(token: bytes) -> Iterator[bytes]:
    yield from (token[:length] for length in range(len(token)))
    yield from (token + bytes([byte]) for byte in range(256))
    yield from (bytes([byte]) + token for byte in b" \n\t.=A")
    # Half of what RSA signs is enough to see, and every bit of everything else.
    step = 1 if len(token) < 400 else 2
    for place in range(0, len(token), step):
        yield from (token[:place] + bytes([token[place] ^ 1 << bit]) + token[place + 1 :] for bit in range(8))


@every_signature
def test_an_algorithm_outside_the_callers_list_is_refused(vector: dict[str, Any]) -> None:
    keys = KeySet((parse_jwk(vector["key"]),))
    others = tuple(name for name in ALGORITHMS if name != vector["alg"])
    assert _refused(vector["token"], keys, others)
    assert _refused(vector["token"], keys, ())


def test_each_token_verifies_under_its_own_key_alone() -> None:
    for vector in SIGNATURES:
        for other in SIGNATURES:
            same = other["key"] == vector["key"]
            assert same != _refused(vector["token"], KeySet((parse_jwk(other["key"]),)), tuple(ALGORITHMS))


def test_the_unsecured_token_of_the_rfc_is_refused() -> None:
    with pytest.raises(TokenInvalid):
        verify_jws(VECTORS["unsecured"], KeySet((parse_jwk(SIGNATURES[2]["key"]),)), [*ALGORITHMS, "none"])


@pytest.mark.parametrize("vector", VECTORS["thumbprints"], ids=lambda vector: vector["source"])
def test_the_published_thumbprint_is_made(vector: dict[str, Any]) -> None:
    assert render_thumbprint(vector["key"]) == vector["thumbprint"]
