"""Verify a session token offline, for resource servers.

What this does not prove comes first. A session token says who a session *is*. It travels in clear in every signed
request and every presigned URL, so whoever has seen one request has the token: it never proves who *sent* a request.
To authenticate a request, check its Signature Version 4 as well; never take a session token as a bearer token. Nor is
a session that verifies here still wanted: revocation is known to the service, not to its tokens.

    from sts.verify import parse_key_set, verify

    keys = parse_key_set(body_of_jwks_json)
    claims = verify(token, keys, issuer="https://sts.example", audience="https://sts.example", now=now)
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, ModuleType
from typing import Any, Final

from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import KeySet, parse_key_set
from sts.crypto.jws import verify_jws
from sts.errors import Malformed, TokenExpired, TokenInvalid, TokenMalformed

__all__ = ["KeySet", "SessionClaims", "parse_key_set", "verify"]

TYPE: Final = "sts-session+jwt"
VERSION: Final = 1
ALGORITHMS: Final = ("ES256", "EdDSA", "PS256", "RS256")
SKEW: Final = timedelta(seconds=60)
_LONGEST = timedelta(hours=36) + SKEW
_MAXIMUM_LENGTH = 4_096
_ACCOUNT_LENGTH = 12
_LAST_SECOND = 253_402_300_799  # the end of the year 9999, after which there is no datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClaims:
    """What a session token says, verified. Instants are aware and in UTC.

    Exactly one of *role_arn* and *user_arn* is set. *claims* holds all claims as they stood, those that only the
    service itself reads (`dkv`, `chain`, `pack`) included.
    """

    issuer: str
    subject_arn: str
    access_key_id: str
    account_id: str
    principal_id: str
    role_arn: str | None
    user_arn: str | None
    session_name: str | None
    source_identity: str | None
    authentication_methods: tuple[str, ...]
    jti: str
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime | None
    claims: Mapping[str, Any]


def verify(token: str | bytes, key_set: KeySet, *, issuer: str, audience: str, now: datetime) -> SessionClaims:
    """Return the claims of the session token *token*, signed by one of *key_set* and in force at *now*.

    *issuer* and *audience* are compared exactly; a clock may be off by at most 60 seconds. Every claim is accounted
    for: one that is not known here is refused, because it might have narrowed the session. Raises TokenMalformed,
    TokenExpired, KeyUnknown when a fresh key set may help, or TokenInvalid.

    It does not prove who sent the token: see the head of this module.
    """
    if len(token) > _MAXIMUM_LENGTH:
        raise TokenMalformed("The token is longer than a session token")
    verified = verify_jws(token, key_set, ALGORITHMS)
    if verified.header.get("typ") != TYPE:
        raise TokenInvalid("The token is not a session token")
    try:
        claims = parse_json_object(verified.payload)
    except Malformed as fault:
        raise TokenMalformed(fault.message) from None
    _verify_claims(claims)
    _verify_expectations(claims, {"iss": issuer, "aud": audience, "ver": VERSION})
    _verify_times(claims, now)
    return _render(claims)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_instant(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LAST_SECOND


def _is_account(value: object) -> bool:
    return isinstance(value, str) and len(value) == _ACCOUNT_LENGTH and value.isascii() and value.isdigit()


def _is_version(value: object) -> bool:
    return type(value) is int and value > 0


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(entry) for entry in value)


def _is_anything(value: object) -> bool:  # noqa: ARG001  the row of a claim that is known and not read here
    return True


# Every claim there is (DESIGN section 5): its form, and whether it must be present. `chain`, `dkv`, `fed` and `pack`
# are known and ignored: the service alone reads them.
_CLAIMS: Mapping[str, tuple[Callable[[object], bool], bool]] = MappingProxyType(
    {
        "iss": (_is_text, True),
        "aud": (_is_text, True),
        "ver": (_is_version, True),
        "sub": (_is_text, True),
        "jti": (_is_text, True),
        "akid": (_is_text, True),
        "acct": (_is_account, True),
        "pid": (_is_text, True),
        "iat": (_is_instant, True),
        "nbf": (_is_instant, True),
        "exp": (_is_instant, True),
        "role": (_is_text, False),
        "user": (_is_text, False),
        "rsn": (_is_text, False),
        "src": (_is_text, False),
        "amr": (_is_texts, False),
        "auth_time": (_is_instant, False),
        "dkv": (_is_anything, False),
        "fed": (_is_anything, False),
        "chain": (_is_anything, False),
        "pack": (_is_anything, False),
    }
)


def _verify_claims(claims: Mapping[str, Any]) -> None:
    """Refuse a claim that is missing, of another form, or not known."""
    for name, (fits, required) in _CLAIMS.items():
        if name not in claims:
            if required:
                raise TokenInvalid(f"The token lacks the claim {name}")
        elif not fits(claims[name]):
            raise TokenInvalid(f"The token's claim {name} is not of its form")
    if claims.keys() - _CLAIMS.keys():
        raise TokenInvalid("The token holds a claim that is not known here")
    if ("role" in claims) == ("user" in claims):
        raise TokenInvalid("The token names a role or a user, and not both")


def _verify_expectations(claims: Mapping[str, Any], expected: Mapping[str, object]) -> None:
    for name, value in expected.items():
        if claims[name] != value:
            raise TokenInvalid(f"The token's claim {name} is not the expected one")


def _verify_times(claims: Mapping[str, Any], now: datetime) -> None:
    issued_at, begins_at, expires_at = (_instant(claims[name]) for name in ("iat", "nbf", "exp"))
    if now >= expires_at + SKEW:
        raise TokenExpired("The token has expired")
    if begins_at > now + SKEW or issued_at > now + SKEW:
        raise TokenInvalid("The token is not in force yet")
    if not timedelta(0) < expires_at - issued_at <= _LONGEST:
        raise TokenInvalid("The token's life is not that of a session token")


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _render(claims: Mapping[str, Any]) -> SessionClaims:
    return SessionClaims(
        issuer=claims["iss"],
        subject_arn=claims["sub"],
        access_key_id=claims["akid"],
        account_id=claims["acct"],
        principal_id=claims["pid"],
        role_arn=claims.get("role"),
        user_arn=claims.get("user"),
        session_name=claims.get("rsn"),
        source_identity=claims.get("src"),
        authentication_methods=tuple(claims.get("amr", ())),
        jti=claims["jti"],
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
        authenticated_at=_instant(claims["auth_time"]) if "auth_time" in claims else None,
        claims=MappingProxyType(dict(claims)),
    )


class _Callable(ModuleType):
    """The module is also its function: `sts.verify(…)` means the same whichever way the name was reached."""

    def __call__(self, *arguments: Any, **named: Any) -> SessionClaims:
        return verify(*arguments, **named)


sys.modules[__name__].__class__ = _Callable
