"""A client's half of proofs of possession (RFC 9449), written from the RFC."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sts.crypto.base64url import encode_base64url
from sts.crypto.jwk import SigningKey, generate_signing_key, render_jwk, render_thumbprint


@dataclass(frozen=True)
class Holder:
    """Who holds a key."""

    key: SigningKey = field(default_factory=lambda: generate_signing_key("ES256"))

    @property
    def jwk(self) -> dict[str, Any]:
        """Return the public key as clients write it into a proof."""
        return {name: value for name, value in self._public.items() if name in {"kty", "crv", "x", "y"}}

    @property
    def thumbprint(self) -> str:
        return render_thumbprint(self._public)

    @property
    def _public(self) -> dict[str, Any]:
        return render_jwk(self.key.verification_key())

    def prove(self, url: str, at: datetime, **claims: Any) -> str:
        """Return a proof for a POST to *url*, with *claims* in place of the usual ones."""
        usual = {"htm": "POST", "htu": url, "iat": int(at.timestamp()), "jti": str(uuid4())}
        return self.sign({}, {**usual, **claims})

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Sign *claims*, with *header* over the usual one; what is None is left out."""
        whole = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk, **header}
        parts = [{name: value for name, value in each.items() if value is not None} for each in (whole, claims)]
        signing_input = ".".join(encode_base64url(json.dumps(part).encode()) for part in parts)
        signature = self.key.algorithm.sign(signing_input.encode(), self.key.material)
        return f"{signing_input}.{encode_base64url(signature)}"
