"""Prove who a foreign token speaks of: the one file where a token of another issuer is trusted.

A token names its issuer, and only that is read before its signature holds. From there on nothing of it chooses how it
is judged: the account's provider of that issuer says which keys, which algorithms and which audiences are taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Protocol

from sts.clock import Clock
from sts.crypto.base64url import parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jws import UnverifiedJWS, parse_jws, verify_jws
from sts.errors import IdentityTokenExpired, IdentityTokenInvalid, Malformed, TokenInvalid
from sts.issuers.keysets import KeySets
from sts.outbound import is_own_issuer
from sts.providers import Provider

SKEW = timedelta(seconds=60)  # that a provider's clock may be off
_LONGEST_LIFE = timedelta(days=366)  # a token that lives longer is a password that nobody changes
_LAST_SECOND = 253_402_300_799  # the end of the year 9999, after which there is no datetime
_LONGEST_SUBJECT = 255  # characters (OpenID Connect Core, section 2)
_LONGEST_ISSUER = 255  # characters of a provider's URL
_DEEPEST = 32  # objects and lists within each other: who reads claims later goes through them by recursion
# RFC 8725 section 3.11: access tokens, logout tokens, proofs of possession and our own session tokens have other types.
_TYPES = frozenset({"jwt", "application/jwt"})


class Providers(Protocol):
    """Where providers are looked up: the store's snapshot."""

    async def find_provider(self, account_id: str, issuer: str) -> Provider | None:
        """Return the account's provider of exactly this issuer, enabled or not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a provider says of somebody, verified: *claims* are all of the token's, as they stood.

    *audience* is who asked for the token: `azp` where the token has one, else the first of `aud`.
    """

    provider: Provider
    issuer: str
    subject: str
    audience: str
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Verifies tokens of the issuers that an account has registered."""

    own_issuer: str
    providers: Providers
    key_sets: KeySets
    clock: Clock

    async def prove(self, account_id: str, token: str) -> Assertion:
        """Return what *token* asserts to the account.

        Raises IdentityTokenInvalid, IdentityTokenExpired when nothing but its end is wrong with its times, and
        IssuerUnreachable when the issuer's keys cannot be had.
        """
        try:
            unverified = parse_jws(token)
            issuer = _read_issuer(unverified)
            provider = await self._get_provider(account_id, issuer)
            claims = await self._verify(token, unverified, provider)
        except (Malformed, TokenInvalid) as fault:
            raise IdentityTokenInvalid(f"The identity token is not valid: {fault.message}") from None
        _verify_times(claims, self.clock.now().timestamp())
        return Assertion(
            provider=provider,
            issuer=issuer,
            subject=_verify_subject(claims),
            audience=_verify_audience(claims, provider),
            claims=MappingProxyType(claims),
        )

    async def _get_provider(self, account_id: str, issuer: str) -> Provider:
        """Return the provider; one that is disabled looks like none."""
        if is_own_issuer(issuer, self.own_issuer):
            raise IdentityTokenInvalid("Tokens of this service are not taken as identity tokens by itself")
        provider = await self.providers.find_provider(account_id, issuer)
        if provider is None or not provider.enabled:
            raise IdentityTokenInvalid(
                f"No OpenIDConnect provider found in your account for {issuer}",
                detail="the provider is disabled" if provider else None,
            )
        return provider

    async def _verify(self, token: str, unverified: UnverifiedJWS, provider: Provider) -> dict[str, Any]:
        """Return the claims of *token*, which the provider signed as an identity token."""
        algorithms = provider.settings.algorithms
        # Before keys are fetched for it: an algorithm that is not taken costs the provider nothing.
        if unverified.unverified_header.get("alg") not in algorithms:
            raise TokenInvalid("The token's algorithm is not taken here")
        keys = await self.key_sets.find(provider, unverified.unverified_header.get("kid"))
        verified = verify_jws(token, keys, algorithms)
        if verified.header.get("typ", "JWT").lower() not in _TYPES:
            raise TokenInvalid("The token's type is not that of an identity token")
        claims = parse_json_object(verified.payload)
        if "events" in claims:
            # OpenID Connect Back-Channel Logout, section 2.4: with the type JWT a logout token passes for one of these.
            raise TokenInvalid("The token tells of an event, and is no identity token")
        _verify_value(claims)
        return claims


def _read_issuer(unverified: UnverifiedJWS) -> str:
    """Return what the token says of its issuer, to find the keys by; its signature vouches for it afterwards."""
    issuer = parse_json_object(parse_base64url(unverified.payload_text)).get("iss")
    if not isinstance(issuer, str) or not 0 < len(issuer) <= _LONGEST_ISSUER or not issuer.isprintable():
        raise Malformed("The token's claim iss is missing or no address")
    return issuer


def _verify_value(value: object, depth: int = 0) -> None:
    """Refuse what is nested without end, and half of a surrogate pair, which JSON can spell and nothing can keep."""
    if depth > _DEEPEST:
        raise Malformed("The token's claims are nested too deep")
    if isinstance(value, str):
        _verify_text(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            _verify_text(name)
            _verify_value(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _verify_value(member, depth + 1)


def _verify_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("The token's claims hold half of a character") from None


def _verify_times(claims: Mapping[str, Any], now: float) -> None:
    """Refuse a token that is not in force; raises IdentityTokenExpired last, so that it means just that.

    A fraction of a second is a legal time (RFC 7519 section 2), and is compared as it stands.
    """
    issued_at, expires_at = _read_time(claims, "iat"), _read_time(claims, "exp")
    begins_at = _read_time(claims, "nbf") if "nbf" in claims else issued_at
    skew = SKEW.total_seconds()
    if not 0 < expires_at - issued_at <= _LONGEST_LIFE.total_seconds():
        raise IdentityTokenInvalid("The identity token is not valid: its life is none, or longer than a year")
    if max(issued_at, begins_at) > now + skew:
        raise IdentityTokenInvalid("The identity token is not valid: it is not in force yet")
    if now >= expires_at + skew:
        raise IdentityTokenExpired("Token expired: current date/time must be before the expiration date/time")


def _read_time(claims: Mapping[str, Any], name: str) -> float:
    value: Any = claims.get(name)
    # A number of JSON may be 1e999, and True is a number to Python.
    if type(value) not in {int, float} or not 0 <= value <= _LAST_SECOND:
        raise IdentityTokenInvalid(f"The identity token is not valid: its claim {name} is missing or no time")
    return float(value)


def _verify_subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise IdentityTokenInvalid("The identity token is not valid: its claim sub is missing, too long or no name")
    return subject


def _verify_audience(claims: Mapping[str, Any], provider: Provider) -> str:
    """Return who asked for the token; each that it names must be registered with the provider.

    OpenID Connect Core, section 3.1.3.7: whoever else a token is meant for could bring it here, so an audience that is
    not known refuses it, and so does an authorized party.
    """
    named = claims.get("aud")
    audiences = [named] if isinstance(named, str) else named
    party = claims.get("azp")
    if not isinstance(audiences, list) or not audiences:
        raise IdentityTokenInvalid("Incorrect token audience: the claim aud is missing")
    everyone = audiences if party is None else [party, *audiences]
    if not all(isinstance(each, str) and each in provider.client_ids for each in everyone):
        raise IdentityTokenInvalid("Incorrect token audience: it holds one that is not registered with the provider")
    return str(everyone[0])
