"""Mint web identity tokens: a caller's identity, for strangers who trust its account's issuer (GetWebIdentityToken).

A token says who asked and nothing of what they may. It is verified offline by whoever it is shown to: no revocation
reaches it, so it lives for an hour at most and never longer than the session that asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import ClaimsTooLarge, LifeOutgrown, OutboundDisabled
from sts.evaluator import principal_tags
from sts.federation import name_provider
from sts.keyring.keyring import Keyring
from sts.model import Caller, CallerKind, Secret
from sts.outbound import NAMESPACE, OutboundIssuer
from sts.store.snapshot import Snapshot
from sts.tags import Tags

DEFAULT_LIFE: Final = timedelta(seconds=300)
TOKEN_TYPE: Final = "JWT"  # noqa: S105  a media type, no secret
_LARGEST_PAYLOAD = 14_984  # bytes of claims: up to which AWS mints, as was observed there

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What a token is to say beside who asks: for whom it is, for how long, and with which tags."""

    audiences: tuple[str, ...]
    algorithm: str
    life: timedelta
    region: str  # that the request was made in
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityToken:
    """A token that was just minted, and its end."""

    text: Secret
    jti: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IdentityTokens:
    """Mints the web identity tokens of every account; *service* is the issuer of the service itself."""

    service: str
    keyring: Keyring
    snapshot: Snapshot
    clock: Clock
    entropy: Entropy

    async def mint(self, caller: Caller, wish: TokenWish) -> IdentityToken:
        """Mint a token for *caller*; raises LifeOutgrown, OutboundDisabled, ClaimsTooLarge."""
        issued_at = self.clock.now().replace(microsecond=0)
        expires_at = issued_at + wish.life
        _require_within_session(caller, expires_at)
        issuer = await self._get_issuer(caller.account_id)
        jti = self.entropy.uuid()
        claims = {
            "iss": issuer.get_url(self.service),
            "sub": caller.principal_arn,  # of a role's session the role, which is what a stranger trusts
            "aud": wish.audiences if len(wish.audiences) > 1 else wish.audiences[0],
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": jti,
            NAMESPACE: _describe(caller, wish, await self._find_tags(caller)),
        }
        payload = _encode(claims)
        if len(payload) > _LARGEST_PAYLOAD:
            raise ClaimsTooLarge(f"The token's claims take {len(payload)} bytes, more than {_LARGEST_PAYLOAD}")
        text = Secret(self.keyring.sign_token(TOKEN_TYPE, payload, wish.algorithm))
        return IdentityToken(text=text, jti=jti, expires_at=expires_at)

    async def _get_issuer(self, account_id: str) -> OutboundIssuer:
        issuer = await self.snapshot.find_outbound_issuer(account_id)
        if issuer is None or not issuer.enabled:
            raise OutboundDisabled("Outbound web identity federation is not enabled for this account.")
        return issuer

    async def _find_tags(self, caller: Caller) -> Tags:
        is_role = caller.kind is CallerKind.ROLE_SESSION
        find = self.snapshot.find_role if is_role else self.snapshot.find_user
        held = await find(caller.unique_id)
        return principal_tags(caller, {} if held is None else held.tags)


def _require_within_session(caller: Caller, expires_at: datetime) -> None:
    """Raise LifeOutgrown when the session that asks ends first: nothing that it begins may outlive it."""
    if caller.session is not None and expires_at > caller.session.expires_at:
        raise LifeOutgrown("The requested token duration would extend the session beyond its original expiration time.")


def _describe(caller: Caller, wish: TokenWish, tags: Tags) -> Mapping[str, Any]:
    """Return the claims under AWS's namespace (IAM User Guide, "Understanding token claims"): absent, never empty."""
    session = caller.session
    provider = None if session is None else session.provider_hop
    claims: dict[str, Any] = {
        "aws_account": caller.account_id,
        "source_region": wish.region,
        "principal_id": caller.principal_arn,
        "principal_tags": dict(tags),
        "request_tags": dict(wish.tags),
        "original_session_exp": "" if session is None else _tell(session.expires_at),
        "source_identity": "" if session is None else session.source_identity,
        "federated_provider": "" if provider is None else name_provider(provider.arn),
    }
    return {name: value for name, value in claims.items() if value}


def _tell(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
