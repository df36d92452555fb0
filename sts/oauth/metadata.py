"""`/.well-known/jwks.json`: the public keys that verify our tokens (RFC 7517), next, current and verify-only.

It needs the keyring alone: offline verification goes on while the store is down.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sts.keyring.keyring import Keyring
from sts.oauth.published import render_published

KEY_SET: Final = "application/jwk-set+json"


@dataclass(frozen=True, slots=True)
class KeySetEndpoint:
    """Serves the JWKS with an ETag; caches keep it for five minutes."""

    keyring: Keyring

    async def get(self, request: Request) -> Response:
        """Return the key set, or 304 when the client has it."""
        keys, etag = self.keyring.jwks()
        return render_published(request, keys, etag, KEY_SET)
