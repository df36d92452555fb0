"""Strangers: whoever is shown a token, and knows nothing but the issuer that they were told."""

from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from tests.service import default_tls

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti"]
METADATA, KEYS = "/.well-known/openid-configuration", "/.well-known/jwks.json"


def fetch(url: str, **headers: str) -> httpx2.Response:
    """Ask for *url* as anybody does."""
    with httpx2.Client(trust_env=False, verify=default_tls()) as client:
        return client.get(url, headers=headers)


@dataclass(frozen=True)
class Stranger:
    """A strict one: discovery first, then PyJWT with the keys that it names, and every check that there is."""

    issuer: str
    audience: str

    def identify(self, token: str, algorithm: str) -> dict[str, Any]:
        """Return the claims of *token*; raises PyJWTError."""
        metadata = fetch(self.issuer + METADATA).json()
        assert metadata["issuer"] == self.issuer
        assert algorithm in metadata["id_token_signing_alg_values_supported"]
        key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self.audience,
            issuer=metadata["issuer"],
            options={"require": REQUIRED, "strict_aud": True},
        )
        return claims
