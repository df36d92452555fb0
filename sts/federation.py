"""Who comes with the token of an identity provider, and what policies may ask of it.

The condition key of a claim is the provider's issuer without its scheme, a colon and the claim's name (IAM User Guide,
"Available keys for AWS OIDC federation"). Issuers have ports, so a key is split at its last colon: a claim whose own
name has one is no condition key. Else a provider at `host` could write the claims of another at `host:8443`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from sts.folding import fold_letters
from sts.providers import find_locator

Values: TypeAlias = tuple[str, ...]
Claims: TypeAlias = Mapping[str, Any]

# Policies name them by host, where else a provider's ARN stands (IAM User Guide, "Principal").
BUILT_IN_PROVIDERS = frozenset(
    {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}
)
_GOOGLE = "accounts.google.com"
_LASTING = ("amr", "aud", "oaud")  # beside the subject


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedPrincipal:
    """Who came with a token: of which issuer, who they are there, whom the token was made for, and all its claims."""

    issuer: str
    subject: str
    audience: str
    claims: Mapping[str, Values]  # that policies may ask


def name_built_in(arn: str) -> str | None:
    """Return the host that policies may name the provider *arn* by as well; None of one that is not built in."""
    locator = find_locator(arn)
    return locator if locator in BUILT_IN_PROVIDERS else None


def name_provider(arn: str) -> str:
    """Return what a provider is called where AWS tells of one: by its host when it is built in, else its ARN."""
    return name_built_in(arn) or arn


def read_claims(locator: str, claims: Claims) -> dict[str, Values]:
    """Return those of *claims*, of a token of the provider *locator*, that policies may ask, each with its values.

    *locator* is the issuer without its scheme. Numbers and booleans are written as policies write them. What is null or
    empty, or has structures in it, is absent.
    """
    found = {name: _read_values(value) for name, value in _sort_audiences(locator, claims).items() if ":" not in name}
    return {name: values for name, values in found.items() if values}


def keep_claims(claims: Mapping[str, Values]) -> dict[str, Values]:
    """Return those of *claims* that policies may ask of the sessions too."""
    return {name: claims[name] for name in _LASTING if name in claims}


def describe_claims(locator: str, claims: Mapping[str, Values]) -> dict[str, Values]:
    """Return the condition keys of *claims*; two names that differ in case only are one key with the values of both."""
    described: dict[str, Values] = {}
    for name, values in claims.items():
        key = fold_letters(f"{locator}:{name}")
        described[key] = (*described.get(key, ()), *values)
    return described


def _sort_audiences(locator: str, claims: Claims) -> Claims:
    """Return *claims* with the audiences where policies look for them.

    With Google `aud` asks for whom a token was issued (`azp`) where it says so, and `oaud` then for the audience.
    """
    if locator != _GOOGLE:
        return claims
    rest = {name: value for name, value in claims.items() if name != "oaud"}
    return rest if claims.get("azp") is None else {**rest, "aud": claims["azp"], "oaud": claims.get("aud")}


def _read_values(value: Any) -> Values:
    if not isinstance(value, list | tuple):
        text = _read_value(value)
        return () if text is None else (text,)
    texts = [_read_value(each) for each in value]
    return () if None in texts else tuple(text for text in texts if text is not None)


def _read_value(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else None
