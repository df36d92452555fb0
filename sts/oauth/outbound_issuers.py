"""What a stranger verifies the tokens of GetWebIdentityToken by: each account's metadata and its keys.

They need the store only for an issuer that this process does not remember: what it was asked about, or minted for, it
publishes on while the store is down. All accounts sign with the same keys, so that only `iss` tells them apart.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sts.errors import Unavailable
from sts.keyring.keyring import Keyring
from sts.oauth.metadata import KEY_SET
from sts.oauth.published import render_published
from sts.outbound import ALGORITHMS, CLAIMS, PATH, OutboundIssuer, is_issuer_id
from sts.store.snapshot import Snapshot

_METADATA, _KEYS = "/.well-known/openid-configuration", "/.well-known/jwks.json"
_RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class OutboundIssuerDocuments:
    """Serves the documents of every issuer that is enabled; *service* is the issuer of the service itself."""

    service: str
    keyring: Keyring
    snapshot: Snapshot

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of both documents."""
        at = f"{PATH}/{{issuer_id}}"
        return Route(at + _METADATA, self._get(self._metadata)), Route(at + _KEYS, self._get(self._key_set))

    def _get(self, render: Callable[[Request, OutboundIssuer], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def get(request: Request) -> Response:
            try:
                issuer = await self._find(request.path_params["issuer_id"])
            except Unavailable as down:
                headers = {"retry-after": str(_RETRY_SECONDS), "cache-control": "no-store"}
                return JSONResponse({"message": down.message}, 503, headers)
            return render(request, issuer)

        return get

    async def _find(self, issuer_id: str) -> OutboundIssuer:
        """Return the issuer; one that is disabled is not told from one that never was."""
        found = await self.snapshot.find_outbound_issuer(issuer_id) if is_issuer_id(issuer_id) else None
        if found is None or not found.enabled:
            raise HTTPException(404)
        return found

    def _metadata(self, request: Request, issuer: OutboundIssuer) -> Response:
        body = json.dumps(describe_issuer(issuer.get_url(self.service))).encode("ascii")
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        return render_published(request, body, etag, "application/json")

    def _key_set(self, request: Request, _issuer: OutboundIssuer) -> Response:
        keys, etag = self.keyring.jwks_of(ALGORITHMS)
        return render_published(request, keys, etag, KEY_SET)


def describe_issuer(url: str) -> dict[str, Any]:
    """Return the metadata of the issuer (OpenID Connect Discovery, section 3) without the endpoints that it has not.

    Nobody signs in at it: its tokens are minted for callers of STS.
    """
    return {
        "issuer": url,
        "jwks_uri": f"{url}{_KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "claims_supported": list(CLAIMS),
    }
