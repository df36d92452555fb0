"""Session tokens as nobody but the service should make them: with its own keys, or with a stranger's."""

import json
from dataclasses import dataclass
from typing import Any, Self

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jwk import SigningKey
from sts.entropy import Entropy
from sts.errors import Malformed
from sts.keyring.keyring import Keyring, open_keyring
from tests.security.wire import assume, invoke, post, send, sign_headers
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

TYPE = "sts-session+jwt"
REFUSED = (403, "InvalidClientTokenId")


def begin_session(service: Service, tenant: Tenant, name: str = "reader", **parameters: str) -> Key:
    """Return the credentials of a session of a role that may do everything."""
    arn = f"arn:aws:iam::{tenant.account_id}:role/{name}"
    trusted = trust(f"arn:aws:iam::{tenant.account_id}:user/admin")
    invoke(service, tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trusted)
    invoke(service, tenant.key, "PutRolePolicy", RoleName=name, PolicyName="all", PolicyDocument=allow("*"))
    return assume(service, tenant.key, arn, **parameters).key()


def split(token: str) -> list[bytes]:
    """Return header, payload and signature of *token*, decoded."""
    return [parse_base64url(part.encode()) for part in token.split(".")]


def join(header: bytes | dict[str, Any], payload: bytes | dict[str, Any], signature: bytes = b"") -> str:
    """Return the three parts as a token."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    return ".".join(encode_base64url(part) for part in (*parts, signature))


def sign(header: bytes | dict[str, Any], payload: bytes | dict[str, Any], key: SigningKey) -> str:
    """Return the token, truly signed by *key*, whatever its parts say."""
    unsigned = join(header, payload).removesuffix(".")
    return f"{unsigned}.{encode_base64url(key.algorithm.sign(unsigned.encode(), key.material))}"


@dataclass(frozen=True)
class Forge:
    """A real session, and the keys that it was made with.

    A forged token goes out with the secret that would be right if the token were believed: only its being refused keeps
    the request from being answered.
    """

    service: Service
    keyring: Keyring
    session: Key
    header: dict[str, Any]
    claims: dict[str, Any]

    @classmethod
    def open(cls, service: Service, tenant: Tenant) -> Self:
        """Return a forge with the keys of *service* and a session of *tenant*'s."""
        session = begin_session(service, tenant)
        assert session.token is not None
        header, claims, _ = split(session.token)
        keyring = open_keyring(service.settings.keys_dir, service.clock, Entropy(), create=False)
        return cls(service, keyring, session, json.loads(header), json.loads(claims))

    @property
    def key(self) -> SigningKey:
        """The key that session tokens are signed with now."""
        return self.keyring._signing_key("ES256")

    def changed(self, **changes: Any) -> dict[str, Any]:
        """Return the session's claims, with *changes*; `...` takes a claim away."""
        return {name: value for name, value in (self.claims | changes).items() if value is not ...}

    def make(
        self,
        header: bytes | dict[str, Any] | None = None,
        claims: bytes | dict[str, Any] | None = None,
        key: SigningKey | None = None,
    ) -> str:
        """Return a token of *header* and *claims*, the session's own unless given, signed by *key*."""
        return sign(
            self.header if header is None else header, self.claims if claims is None else claims, key or self.key
        )

    def show(self, token: str) -> Reply:
        """Call GetCallerIdentity with *token*, its claims' own access key id, and the secret that they make."""
        claims = _read(token) or self.claims
        parts = (str(claims.get(name, self.claims[name])) for name in ("jti", "akid", "pid", "exp"))
        _, secret = self.keyring.derive_secret(self.claims["dkv"], *parts)
        key = Key(str(claims.get("akid", self.claims["akid"])), str(secret), token)
        return send(self.service, sign_headers(post(self.service), key, self.service.clock.now()))


def _read(token: str) -> dict[str, Any] | None:
    try:
        claims = json.loads(split(token)[1])
    except (ValueError, IndexError, Malformed):  # a token of any form is shown
        return None
    return claims if isinstance(claims, dict) else None
