"""An issuer of the test's own, whose keys are uploaded, and an account that registered it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sts.authn.webidentity import Providers
from sts.clock import Clock
from sts.crypto.base64url import encode_base64url
from sts.crypto.jwk import SigningKey, generate_signing_key, render_jwk
from sts.providers import Provider, ProviderSettings

ACCOUNT_ID = "111122223333"
ISSUER = "https://issuer.example.com/realm"
CLIENT_ID = "sts.amazonaws.com"


def write_key_set(*keys: SigningKey) -> str:
    return json.dumps({"keys": [render_jwk(key.verification_key()) for key in keys]})


def sign(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, key: SigningKey) -> str:
    """Sign whatever *header* and *claims* are: a refusal must be their own, not that of a broken signature."""
    texts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims))
    unsigned = ".".join(map(encode_base64url, texts))
    return f"{unsigned}.{encode_base64url(key.algorithm.sign(unsigned.encode(), key.material))}"


@dataclass(slots=True)
class Issuer:
    """An issuer that signs what a test wants it to."""

    clock: Clock
    issuer: str = ISSUER
    key: SigningKey = field(default_factory=lambda: generate_signing_key("ES256"))

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    def provider(self, **settings: Any) -> Provider:
        """Return the issuer as an account registered it, with its keys uploaded."""
        return Provider(
            unique_id="AOID0000000000000000A",
            account_id=ACCOUNT_ID,
            issuer=self.issuer,
            client_ids=(CLIENT_ID, "other-client"),
            thumbprints=(),
            created_at=self.clock.now(),
            settings=replace(ProviderSettings(key_set=write_key_set(self.key)), **settings),
        )

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return claims that hold, with *changes*; `...` leaves a claim out."""
        now = int(self.now)
        usual = {"iss": self.issuer, "sub": "somebody", "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        return {name: value for name, value in (usual | changes).items() if value is not ...}

    def header(self, **changes: Any) -> dict[str, Any]:
        """Return the header of a token that holds, with *changes*; `...` leaves a parameter out."""
        usual = {"alg": self.key.algorithm.name, "kid": self.key.kid, "typ": "JWT"}
        return {name: value for name, value in (usual | changes).items() if value is not ...}

    def token(self, **changes: Any) -> str:
        """Return a token that holds but for *changes* of its claims."""
        return sign(self.header(), self.claims(**changes), self.key)


@dataclass(frozen=True, slots=True)
class Registered(Providers):
    """Providers by account and issuer: the store's snapshot has tests of its own."""

    providers: tuple[Provider, ...]

    async def find_provider(self, account_id: str, issuer: str) -> Provider | None:
        found = (each for each in self.providers if (each.account_id, each.issuer) == (account_id, issuer))
        return next(found, None)
