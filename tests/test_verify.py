"""Resource servers' view: what `sts.verify` takes and what it refuses; the document's own examples."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

import sts
from sts.crypto.jwk import KeySet, SigningKey, generate_signing_key, render_jwk
from sts.crypto.jws import sign_jws
from sts.errors import KeyUnknown, TokenExpired, TokenInvalid, TokenMalformed
from sts.verify import parse_key_set, verify

ISSUER = "https://sts.example"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
TYPE = "sts-session+jwt"
DOCUMENT = Path(__file__).parents[1] / "docs" / "verify.md"

KEY = generate_signing_key("ES256")
KEYS = KeySet((KEY.verification_key(),))

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": ISSUER,
    "sub": "arn:aws:sts::123456789012:assumed-role/reader/alice",
    "iat": SECONDS,
    "nbf": SECONDS - 60,
    "exp": SECONDS + 3600,
    "jti": "6f0c",
    "ver": 1,
    "akid": "ASIAEXAMPLE",
    "acct": "123456789012",
    "pid": "AROAEXAMPLE",
    "role": "arn:aws:iam::123456789012:role/reader",
    "rsn": "alice",
    "src": "alice@example",
    "amr": ["pwd", "otp"],
    "auth_time": SECONDS - 10,
    "dkv": 1,
    "chain": [],
    "pack": "eJw",
}


def _token(changes: dict[str, Any] | None = None, *, typ: str | None = TYPE, key: SigningKey = KEY) -> str:
    claims = {name: value for name, value in (CLAIMS | (changes or {})).items() if value is not ...}
    return sign_jws({} if typ is None else {"typ": typ}, json.dumps(claims).encode(), key)


def _verify(token: str, now: datetime = NOW) -> Any:
    return verify(token, KEYS, issuer=ISSUER, audience=ISSUER, now=now)


def test_a_session_token_gives_its_claims() -> None:
    claims = _verify(_token())
    assert claims.subject_arn == CLAIMS["sub"]
    assert (claims.role_arn, claims.user_arn) == (CLAIMS["role"], None)
    assert (claims.session_name, claims.source_identity) == ("alice", "alice@example")
    assert claims.authentication_methods == ("pwd", "otp")
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + timedelta(hours=1))
    assert claims.authenticated_at == NOW - timedelta(seconds=10)
    assert claims.claims == CLAIMS


@pytest.mark.parametrize("name", ["rsn", "src", "amr", "auth_time", "dkv", "chain", "pack"])
def test_a_claim_that_may_be_absent_may_be_absent(name: str) -> None:
    assert name not in _verify(_token({name: ...})).claims


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "ver", "akid", "acct", "pid"])
@pytest.mark.parametrize("value", [..., None, "", [], {}, True, 1.5])
def test_a_claim_that_must_be_present_is_present_and_of_its_form(name: str, value: object) -> None:
    with pytest.raises(TokenInvalid, match=name):
        _verify(_token({name: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ISSUER + "/"},
        {"iss": "https://STS.example"},
        {"aud": [ISSUER]},
        {"aud": "https://other.example"},
        {"ver": 2},
        {"ver": 0},
        {"acct": "12345678901"},
        {"acct": "１２３４５６７８９０１２"},  # noqa: RUF001  full-width digits are the point
        {"exp": str(SECONDS + 3600)},
        {"exp": SECONDS + 3600.0},
        {"exp": 10**12},
        {"iat": -1},
        {"nbf": SECONDS + 61},
        {"iat": SECONDS + 61, "exp": SECONDS + 4000},
        {"exp": SECONDS + 36 * 3600 + 61},
        {"iat": SECONDS + 30, "exp": SECONDS + 30},
        {"role": ...},
        {"user": "arn:aws:iam::123456789012:user/alice"},
        {"amr": "pwd"},
        {"auth_time": "1"},
        {"scope": "all"},
    ],
    ids=str,
)
def test_a_claim_that_does_not_hold_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        _verify(_token(changes))


def test_the_skew_is_sixty_seconds_and_no_more() -> None:
    token = _token()
    end = NOW + timedelta(hours=1)
    assert _verify(token, end + timedelta(seconds=59)).jti == "6f0c"
    with pytest.raises(TokenExpired):
        _verify(token, end + timedelta(seconds=60))
    assert _verify(token, NOW - timedelta(seconds=60)).jti == "6f0c"
    with pytest.raises(TokenInvalid):
        _verify(token, NOW - timedelta(seconds=61))


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt", "id_token", "logout+jwt", "dpop+jwt", "STS-SESSION+JWT"])
def test_a_token_of_another_type_is_refused(typ: str | None) -> None:
    with pytest.raises(TokenInvalid):
        _verify(_token(typ=typ))


def test_a_token_of_an_unknown_key_is_refused_as_such() -> None:
    with pytest.raises(KeyUnknown):
        _verify(_token(key=generate_signing_key("ES256")))


@pytest.mark.parametrize("name", ["EdDSA", "PS256", "RS256"])
def test_the_other_algorithms_of_session_tokens_are_taken(name: str) -> None:
    key = generate_signing_key(name)
    document = json.dumps({"keys": [render_jwk(key.verification_key())]}).encode()
    claims = verify(_token(key=key), parse_key_set(document), issuer=ISSUER, audience=ISSUER, now=NOW)
    assert claims.jti == "6f0c"


def test_an_algorithm_that_signs_no_session_token_is_refused() -> None:
    key = generate_signing_key("ES384")
    with pytest.raises(TokenInvalid):
        verify(_token(key=key), KeySet((key.verification_key(),)), issuer=ISSUER, audience=ISSUER, now=NOW)


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"iss":1,"iss":2}', b"\xff", b"\xef\xbb\xbf{}"])
def test_a_payload_that_is_no_plain_object_is_malformed(payload: bytes) -> None:
    with pytest.raises(TokenMalformed):
        _verify(sign_jws({"typ": TYPE}, payload, KEY))


def test_a_token_longer_than_a_session_token_is_malformed() -> None:
    with pytest.raises(TokenMalformed):
        _verify(_token({"pack": "a" * 4096}))


def test_importing_the_package_does_not_import_cryptography() -> None:
    script = "import sys, sts, sts.errors; assert not {'cryptography', 'jwt'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=DOCUMENT.parents[1])


def test_the_package_gives_its_public_names() -> None:
    script = "from sts import *; verify.verify; KeySet; SessionClaims; parse_key_set; TokenInvalid; Refusal"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=DOCUMENT.parents[1])


def test_an_unknown_name_of_the_package_is_none() -> None:
    assert sts.KeySet is KeySet
    with pytest.raises(AttributeError, match="keyset"):
        _ = sts.keyset


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


@pytest.fixture(params=range(2))
def documented(request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """Return the document's function, of which each example has one, as (token, issuer) -> subject."""
    names: dict[str, Any] = {}
    exec(_examples()[request.param], names)  # noqa: S102  the document's code is what is tested
    jwks = json.dumps({"keys": [render_jwk(KEY.verification_key())]})
    return lambda token, issuer: str(names["session_of"](token, [jwks.encode(), jwks][request.param], issuer))


def _fresh(changes: dict[str, Any] | None = None, *, typ: str = TYPE) -> str:
    now = int(datetime.now(UTC).timestamp())
    return _token({"iat": now, "nbf": now - 60, "exp": now + 600, "auth_time": now} | (changes or {}), typ=typ)


def test_the_examples_of_the_document_take_a_session_token(documented: Callable[[str, str], str]) -> None:
    assert documented(_fresh(), ISSUER) == CLAIMS["sub"]


@pytest.mark.parametrize(
    ("changes", "typ", "issuer"),
    [
        ({}, "at+jwt", ISSUER),
        ({}, "JWT", ISSUER),
        ({}, TYPE, "https://other.example"),
        ({"aud": "https://other.example"}, TYPE, ISSUER),
        ({"exp": SECONDS}, TYPE, ISSUER),
        ({"ver": 2}, TYPE, ISSUER),
    ],
)
def test_the_examples_of_the_document_refuse_another_token(
    documented: Callable[[str, str], str], changes: dict[str, Any], typ: str, issuer: str
) -> None:
    with pytest.raises((jwt.InvalidTokenError, TokenInvalid)):
        documented(_fresh(changes, typ=typ), issuer)


def test_the_module_is_called_as_its_function() -> None:
    call: Any = sts.verify  # to a type checker a module is no function
    with pytest.raises(TokenMalformed):
        call("no token", KeySet(()), issuer="i", audience="i", now=NOW)
