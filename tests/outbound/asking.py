"""Tokens asked of a service whose time stands still."""

import base64
import json
from typing import Any

from tests.service import Reply, Service
from tests.signing import Key

AUDIENCE = "https://api.example.com"


def ask(service: Service, key: Key, **parameters: str) -> Reply:
    """Ask for a token: for one audience and by ES384, unless *parameters* say otherwise."""
    wish = {"Audience.member.1": AUDIENCE, "SigningAlgorithm": "ES384", **parameters}
    return service.call(key, "GetWebIdentityToken", "sts", **wish)


def enable(service: Service, key: Key) -> str:
    """Make the account of *key* an issuer and return where the service answers for it."""
    reply = service.call(key, "EnableOutboundWebIdentityFederation")
    assert reply.status == 200, reply.body
    return service.url + reply.text("IssuerIdentifier").removeprefix(service.settings.issuer)


def read_claims(reply: Reply) -> dict[str, Any]:
    """Return the claims of the token in *reply*, unverified."""
    assert reply.status == 200, reply.body
    payload = reply.text("WebIdentityToken").split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def tags(*pairs: tuple[str, str]) -> dict[str, str]:
    """Return *pairs* as parameters of the Query protocol."""
    numbered = enumerate(pairs, 1)
    return {
        f"Tags.member.{number}.{part}": text
        for number, pair in numbered
        for part, text in zip(("Key", "Value"), pair, strict=True)
    }
