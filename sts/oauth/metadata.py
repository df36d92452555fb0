"""`/.well-known/jwks.json`: the public keys that verify our tokens (RFC 7517), next, current and verify-only.

It needs the keyring alone: offline verification goes on while the store is down.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from sts.keyring.keyring import Keyring

_MAX_AGE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class KeySetEndpoint:
    """Serves the JWKS with an ETag; caches keep it for five minutes."""

    keyring: Keyring

    async def get(self, request: Request) -> Response:
        """Return the key set, or 304 when the client has it."""
        keys, etag = self.keyring.jwks()
        headers = _headers(etag)
        if etag in _tags(request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(keys, media_type="application/jwk-set+json", headers=headers)


def _headers(etag: str) -> Mapping[str, str]:
    return {
        "cache-control": f"public, max-age={_MAX_AGE_SECONDS}",
        "etag": etag,
        "access-control-allow-origin": "*",  # public keys, and no credentials are read here
        "x-content-type-options": "nosniff",
    }


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
