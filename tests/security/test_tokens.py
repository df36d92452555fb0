"""Forged session tokens, shown to the running service with the secret that they would have if they were believed."""

import base64
import hashlib
import hmac
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from sts.clock import ManualClock
from sts.crypto.base64url import encode_base64url
from sts.crypto.jwk import generate_signing_key, parse_jwk, render_jwk
from sts.entropy import Entropy
from sts.errors import KeyMalformed
from sts.keyring.keyring import open_keyring
from tests.conftest import BEGINNING
from tests.security.forging import REFUSED, TYPE, Forge, join, sign, split
from tests.security.wire import told
from tests.service import Service

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_what_the_forge_makes_is_believed_unless_something_is_wrong_with_it(forge: Forge) -> None:
    assert forge.show(forge.make()).status == 200
    assert forge.show(forge.make(claims=forge.changed(rsn="another", src="someone"))).status == 200


def test_j_01_the_signature_is_checked_before_the_content(forge: Forge) -> None:
    long_ago = int(BEGINNING.timestamp()) - 7200
    ended = forge.changed(iat=long_ago, nbf=long_ago, exp=long_ago + 900)
    assert told(forge.show(forge.make(claims=ended))) == (403, "ExpiredToken")
    header, _, _ = split(forge.make())
    for signature in (b"", b"\1" * 64, b"\1" * 63):
        assert told(forge.show(join(header, ended, signature))) == REFUSED
    for payload in (b"", b"{}", b"\xff" * 8):
        assert told(forge.show(join(header, payload, split(forge.make())[2]))) == REFUSED


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "es256", "ES256K", "HS256", "ES384", "RS256"])
def test_j_02_the_algorithm_of_the_header_is_never_believed(forge: Forge, name: str) -> None:
    header = forge.header | {"alg": name}
    assert told(forge.show(forge.make(header))) == REFUSED
    assert told(forge.show(join(header, forge.claims))) == REFUSED


def test_j_02_a_key_signs_with_its_own_algorithm_alone(forge: Forge) -> None:
    strong = forge.keyring._signing_key("ES384")
    assert told(forge.show(forge.make(forge.header | {"alg": "ES384"}, key=strong))) == REFUSED
    assert told(forge.show(forge.make({"typ": TYPE, "kid": strong.kid}))) == REFUSED


def test_j_03_a_public_key_is_no_hmac_secret(forge: Forge, still: Service) -> None:
    (published,) = [k for k in json.loads(still.send(None, method="GET", path="/.well-known/jwks.json").body)["keys"]
                    if k["kid"] == forge.header["kid"]]  # fmt: skip
    public: Any = parse_jwk(published).material
    pem = _pem(public)
    assert isinstance(load_pem_public_key(pem), EllipticCurvePublicKey)
    spellings = [
        pem,
        pem.strip(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        json.dumps(published).encode(),
        json.dumps(published, separators=(",", ":")).encode(),
        published["x"].encode(),
        published["kid"].encode(),
        b"",
    ]
    for bits in ("256", "384", "512"):
        for spelling in spellings:
            for header in ({**forge.header, "alg": f"HS{bits}"}, {"typ": TYPE, "alg": f"HS{bits}"}):
                unsigned = join(header, forge.claims).removesuffix(".")
                mac = hmac.digest(spelling, unsigned.encode(), f"sha{bits}")
                assert told(forge.show(f"{unsigned}.{encode_base64url(mac)}")) == REFUSED


def _pem(public: Any) -> bytes:
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listener that nobody should come to."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.setblocking(False)
        yield listener


def test_j_04_a_key_or_an_address_in_the_header_is_neither_used_nor_fetched(
    forge: Forge, canary: socket.socket
) -> None:
    strange = generate_signing_key("ES256")
    address = f"http://127.0.0.1:{canary.getsockname()[1]}/keys.json"
    public = render_jwk(strange.verification_key())
    certificate = base64.b64encode(b"certificate").decode()
    for more in (
        {"jku": address},
        {"x5u": address},
        {"x5c": [certificate]},
        {"jwk": public},
        {"jwk": public, "jku": address},
    ):
        for kid in (forge.header["kid"], strange.kid, address):
            token = forge.make({**forge.header, "kid": kid, **more}, key=strange)
            assert told(forge.show(token)) == REFUSED
        assert told(forge.show(sign({"alg": "ES256", "typ": TYPE, **more}, forge.claims, strange))) == REFUSED
    with pytest.raises(BlockingIOError):
        canary.accept()


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../etc/passwd",
        "/dev/null",
        "keys/signing-ES256-1.json",
        "' OR '1'='1",
        "x'; DROP TABLE account; --",
        "$(touch canary)",
        "`id`",
        "|id",
        "a\x00b",
        "k" * 2500,
        "",
        None,
        1,
        True,
        ["ES256"],
        {"kid": "a"},
    ],
    ids=lambda kid: repr(kid)[:24],
)
def test_j_05_a_kid_is_data(forge: Forge, kid: object) -> None:
    assert told(forge.show(forge.make({**forge.header, "kid": kid}))) == REFUSED


def test_j_05_a_kid_of_a_hundred_kilobytes_is_refused(forge: Forge) -> None:
    assert forge.show(forge.make({**forge.header, "kid": "k" * 100_000})).status in {400, 403, 431}
    assert forge.show(forge.make()).status == 200


@pytest.mark.parametrize(
    "audience", [..., "", None, 1, "https://other.example", "{}/", "{} ", ["{}"], ["{}", "other"]], ids=str
)
def test_j_08_the_audience_is_required_and_exact(forge: Forge, still: Service, audience: Any) -> None:
    shown = json.loads(json.dumps(audience).replace("{}", still.settings.issuer)) if audience is not ... else ...
    assert told(forge.show(forge.make(claims=forge.changed(aud=shown)))) == REFUSED


@pytest.mark.parametrize(
    "issuer", [..., "", None, "{}/", "{}.example", "HTTP://127.0.0.1:8080", "http://127.0.0.1:8081"], ids=str
)
def test_j_09_the_issuer_is_exact(forge: Forge, still: Service, issuer: Any) -> None:
    shown = issuer.replace("{}", still.settings.issuer) if isinstance(issuer, str) else issuer
    assert told(forge.show(forge.make(claims=forge.changed(iss=shown)))) == REFUSED


def test_j_09_another_issuers_key_signs_nothing_here(forge: Forge, tmp_path: Path) -> None:
    other = open_keyring(tmp_path / "other", ManualClock(BEGINNING), Entropy(), create=True, algorithms=["ES256"])
    theirs = other._signing_key("ES256")
    assert told(forge.show(forge.make({**forge.header, "kid": theirs.kid}, key=theirs))) == REFUSED
    assert told(forge.show(forge.make(key=theirs))) == REFUSED
    assert told(forge.show(forge.make({"alg": "ES256", "typ": TYPE}, key=theirs))) == REFUSED


def test_j_11_ecdsa_numbers_out_of_range_are_refused(forge: Forge) -> None:
    header, payload, signature = split(forge.make())
    good = signature[:32], signature[32:]
    for bad in (0, P256_ORDER, P256_ORDER + 1, 2**256 - 1):
        number = bad.to_bytes(32, "big")
        for pair in ((number, number), (number, good[1]), (good[0], number)):
            assert told(forge.show(join(header, payload, b"".join(pair)))) == REFUSED


@pytest.mark.pure
def test_j_11_a_point_off_its_curve_is_no_key() -> None:
    public = render_jwk(generate_signing_key("ES256").verification_key())
    assert parse_jwk(public)
    for coordinate in ("AA" * 21 + "A", encode_base64url(b"\0" * 32), encode_base64url(b"\xff" * 32)):
        with pytest.raises(KeyMalformed):
            parse_jwk(public | {"y": coordinate})


def test_j_12_nothing_is_inflated_before_it_is_verified_nor_past_its_bound(forge: Forge) -> None:
    deflated = zlib.compress(json.dumps(forge.claims).encode(), 9)[2:-4]
    assert told(forge.show(forge.make({**forge.header, "zip": "DEF"}, deflated))) == REFUSED
    assert told(forge.show(forge.make({**forge.header, "zip": "DEF"}))) == REFUSED
    small, large = (_pack(size) for size in (16, 1024 * 1024))
    assert len(large) < 2400
    assert forge.show(forge.make(claims=forge.changed(pack=small))).status == 200
    assert told(forge.show(forge.make(claims=forge.changed(pack=large)))) == REFUSED


def _pack(size: int) -> str:
    return encode_base64url(zlib.compress(b'{"policies":[]' + b" " * size + b"}", 9))


def test_j_12_no_password_is_stretched_for_a_stranger(forge: Forge) -> None:
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31 - 1, "p2s": "AAAA", "typ": TYPE}
    encrypted = ".".join([join(header, b"", b"").split(".")[0], "AAAA", "AAAA", "AAAA", "AAAA"])
    assert told(forge.show(encrypted)) == REFUSED
    assert told(forge.show(forge.make({**header, "kid": forge.header["kid"]}))) == REFUSED


def test_j_13_a_token_is_written_in_utf_8(forge: Forge) -> None:
    header, claims = json.dumps(forge.header), json.dumps(forge.claims)
    assert forge.show(forge.make(header.encode(), claims.encode())).status == 200
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        assert told(forge.show(forge.make(header.encode(encoding)))) == REFUSED
        assert told(forge.show(forge.make(claims=claims.encode(encoding)))) == REFUSED
    bad = json.dumps(forge.changed(rsn="\N{LATIN SMALL LETTER E WITH ACUTE}"), ensure_ascii=False).encode("latin-1")
    assert told(forge.show(forge.make(claims=bad))) == REFUSED


def test_j_13_a_member_given_twice_is_refused(forge: Forge) -> None:
    header = json.dumps(forge.header)
    assert told(forge.show(forge.make(('{"typ":"JWT",' + header[1:]).encode()))) == REFUSED


@pytest.mark.parametrize(
    "more", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": True}], ids=str
)
def test_j_14_what_is_critical_and_not_understood_is_refused(forge: Forge, more: dict[str, Any]) -> None:
    assert told(forge.show(forge.make({**forge.header, **more}))) == REFUSED


def test_j_15_a_token_has_one_spelling(forge: Forge) -> None:
    token = forge.make()
    head, payload, signature = token.split(".")
    spare = chr(ord(signature[-1]) + 1)  # 64 bytes leave four bits over, which are zero in the only spelling
    assert signature[-1] in "AQgw"
    others = [
        f"{token}==",
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}=.{signature}",
        f"{head}. {payload}.{signature}",
        f"{head}.{payload}.{signature[:40]} {signature[40:]}",
        f"{head}.{payload}.{signature[:-1]}{spare}",
        f"{token}.",
        f".{token}",
        f"{token}.{signature}",
        f"{head}.{payload}",
        f"{head}.{payload}.",
        f"Bearer {token}",
    ]
    if swapped := token.replace("-", "+").replace("_", "/"):
        others += [swapped] if swapped != token else []
    for other in others:
        assert told(forge.show(other)) == REFUSED, other


@pytest.mark.parametrize(
    "changes",
    [
        {"ver": 2},
        {"ver": 0},
        {"ver": "1"},
        {"exp": "9999999999"},
        {"exp": ...},
        {"nbf": 9_999_999_999},
        {"role": ...},
        {"akid": ...},
        {"dkv": 99},
        {"dkv": -1},
        {"admin": True},
        {"chain": "x"},
        {"pack": "%%%"},
        {"pack": "AAAA"},
        {"iat": 10**15},
        {"exp": 10**15},
    ],
    ids=str,
)
def test_a_claim_that_does_not_hold_is_refused_without_a_fault(forge: Forge, changes: dict[str, Any]) -> None:
    assert told(forge.show(forge.make(claims=forge.changed(**changes)))) == REFUSED


@pytest.mark.parametrize(
    "typ", [..., "JWT", "at+jwt", "id_token", "logout+jwt", "dpop+jwt", "STS-SESSION+JWT", 1], ids=str
)
def test_a_token_of_another_kind_is_no_session_token(forge: Forge, typ: object) -> None:
    header = {name: value for name, value in (forge.header | {"typ": typ}).items() if value is not ...}
    assert told(forge.show(forge.make(header))) == REFUSED


def test_from_a_token_and_every_public_key_nothing_can_be_signed(forge: Forge, still: Service) -> None:
    published = still.send(None, method="GET", path="/.well-known/jwks.json").body
    assert forge.session.token is not None
    guesses = {forge.session.token, published.decode(), forge.header["kid"], *map(str, forge.claims.values())}
    digests = {hashlib.sha256(guess.encode()).digest() for guess in guesses}
    encoded = {base64.b64encode(digest).decode() for digest in digests} | {digest.hex() for digest in digests}
    assert forge.session.secret not in guesses | encoded | {text[:40] for text in encoded}
