"""Proofs of possession: what holds, and every way in which one does not (RFC 9449 section 4.3)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import _base64_url_encode_no_padding
from cryptography.hazmat.primitives.asymmetric import ec

from sts.crypto.algorithms import ALGORITHMS
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.dpop import OLDEST, SKEW, PossessionProof, verify_possession
from sts.crypto.jwk import SigningKey, generate_signing_key, render_private_jwk
from sts.errors import PossessionUnproven
from tests.possession import Holder

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
URL = "https://sts.example.com/v1/token"
HOLDER = Holder()
CLAIMS: dict[str, Any] = {"htm": "POST", "htu": URL, "iat": int(NOW.timestamp()), "jti": "one"}


def _verify(proof: str, url: str = URL, now: datetime = NOW) -> PossessionProof:
    return verify_possession(proof, method="POST", url=url, now=now)


def test_o_21_a_proof_names_its_key_by_the_thumbprint() -> None:
    proof = _verify(HOLDER.sign({}, CLAIMS))
    assert proof == PossessionProof(HOLDER.thumbprint, "one", NOW)


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def _unsigned(header: dict[str, Any]) -> str:
    return HOLDER.sign(header, CLAIMS).rpartition(".")[0] + "."


@pytest.mark.parametrize(
    "proof",
    [
        HOLDER.sign({"typ": "JWT"}, CLAIMS),
        HOLDER.sign({"typ": None}, CLAIMS),
        HOLDER.sign({"alg": "none"}, CLAIMS),
        _unsigned({"alg": "none"}),
        HOLDER.sign({"alg": "HS256"}, CLAIMS),
        HOLDER.sign({"alg": "ES384"}, CLAIMS),
        HOLDER.sign({"alg": None}, CLAIMS),
        HOLDER.sign({"jwk": None}, CLAIMS),
        HOLDER.sign({"jwk": "key"}, CLAIMS),
        HOLDER.sign({"jwk": render_private_jwk(HOLDER.key)}, CLAIMS),
        HOLDER.sign({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, CLAIMS),
        HOLDER.sign({"jwk": {**HOLDER.jwk, "crv": "P-384"}}, CLAIMS),
        HOLDER.sign({"jwk": {**HOLDER.jwk, "y": HOLDER.jwk["x"]}}, CLAIMS),
        HOLDER.sign({"jwk": {**HOLDER.jwk, "x": "AA" + HOLDER.jwk["x"]}}, CLAIMS),
        HOLDER.sign({"jwk": {**HOLDER.jwk, "x": HOLDER.jwk["x"] + "="}}, CLAIMS),
        HOLDER.sign({"jwk": {**HOLDER.jwk, "x": 1}}, CLAIMS),
        HOLDER.sign({"jwk": {**HOLDER.jwk, "use": "enc"}}, CLAIMS),
        HOLDER.sign({"jwk": Holder().jwk}, CLAIMS),
        HOLDER.sign({"crit": ["exp"]}, CLAIMS),
        HOLDER.sign({}, {**CLAIMS, "htm": "GET"}),
        HOLDER.sign({}, {**CLAIMS, "htm": "post"}),
        HOLDER.sign({}, _without("htm")),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://other.example.com/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://sts.example.com/v1/token/"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "http://sts.example.com/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://sts.example.com:8443/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://sts.example.com@other.example.com/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://user@sts.example.com/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://sts.example.com:x/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": "https://[sts.example.com/v1/token"}),
        HOLDER.sign({}, {**CLAIMS, "htu": 1}),
        HOLDER.sign({}, _without("htu")),
        HOLDER.sign({}, {**CLAIMS, "iat": str(CLAIMS["iat"])}),
        HOLDER.sign({}, {**CLAIMS, "iat": True}),
        HOLDER.sign({}, {**CLAIMS, "iat": 10**30}),
        HOLDER.sign({}, _without("iat")),
        HOLDER.sign({}, {**CLAIMS, "jti": ""}),
        HOLDER.sign({}, {**CLAIMS, "jti": "x" * 257}),
        HOLDER.sign({}, {**CLAIMS, "jti": 1}),
        HOLDER.sign({}, {**CLAIMS, "jti": "\ud800"}),
        HOLDER.sign({}, _without("jti")),
        HOLDER.sign({"more": "x" * 4_096}, CLAIMS),
        "not a token",
        "",
        "é.é.é",
    ],
)
def test_o_21_what_is_not_exactly_a_proof_for_this_request_proves_nothing(proof: str) -> None:
    with pytest.raises(PossessionUnproven):
        _verify(proof)


def test_o_21_an_altered_signature_proves_nothing() -> None:
    proof = HOLDER.sign({}, CLAIMS)
    for place in range(proof.rindex(".") + 1, len(proof) - 1):
        changed = "A" if proof[place] != "A" else "B"
        with pytest.raises(PossessionUnproven):
            _verify(proof[:place] + changed + proof[place + 1 :])


@pytest.mark.parametrize(
    "offset", [SKEW + timedelta(seconds=1), -OLDEST - timedelta(seconds=1), -timedelta(minutes=10)]
)
def test_o_21_a_proof_of_another_time_proves_nothing(offset: timedelta) -> None:
    with pytest.raises(PossessionUnproven):
        _verify(HOLDER.prove(URL, NOW + offset))


@pytest.mark.parametrize("offset", [timedelta(0), SKEW, -OLDEST])
def test_a_clients_clock_may_be_a_little_off(offset: timedelta) -> None:
    assert _verify(HOLDER.prove(URL, NOW + offset)).issued_at == NOW + offset


@pytest.mark.parametrize("claimed", [f"{URL}?a=b", f"{URL}#a", "HTTPS://STS.example.com:443/v1/token"])
def test_o_21_neither_query_nor_case_of_the_host_nor_the_usual_port_counts(claimed: str) -> None:
    assert _verify(HOLDER.prove(claimed, NOW))


def _find_key(is_wanted: Callable[[ec.EllipticCurvePublicNumbers], bool]) -> Holder:
    """Return a holder whose key is wanted: about one key of 128 has a coordinate that begins with a zero byte."""
    for number in range(1, 4_096):
        material = ec.derive_private_key(number, ec.SECP256R1())
        if is_wanted(material.public_key().public_numbers()):
            key = generate_signing_key("ES256")
            return Holder(SigningKey(kid=key.kid, algorithm=ALGORITHMS["ES256"], material=material))
    raise AssertionError("no such key")


@pytest.mark.parametrize("name", ["x", "y"])
def test_o_21_a_coordinate_without_its_leading_zero_is_that_of_the_same_key(name: str) -> None:
    holder = _find_key(lambda numbers: getattr(numbers, name) < 1 << 248)
    short = _base64_url_encode_no_padding(parse_base64url(holder.jwk[name].encode()).lstrip(b"\0"))
    assert len(short) < len(encode_base64url(bytes(32)))
    assert _verify(holder.sign({"jwk": {**holder.jwk, name: short}}, CLAIMS)).thumbprint == holder.thumbprint
    assert _verify(holder.sign({}, CLAIMS)).thumbprint == holder.thumbprint
