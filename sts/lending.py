"""Lend the rights of a user or the root for a while (STS API Reference, GetSessionToken and GetFederationToken).

A session token makes its bearer the user, a federation token somebody whom the user vouches for: with no more than the
user has, and of that only what the session policies say.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sts.arn import federated_user_arn
from sts.clock import Clock
from sts.credentials import Credentials, Grant, TemporaryCredentials
from sts.model import Caller, CallerKind
from sts.store.snapshot import Snapshot
from sts.tags import Tags
from sts.wishes import SessionPolicies, begin_chain, find_beginning

DEFAULT_DURATION = timedelta(hours=12)
_WITH_FACTOR = ("mfa", "otp")  # RFC 8176
ROOT_LIMIT = timedelta(hours=1)  # what is asked beyond it is not refused but not given (as AWS does)


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationWish:
    """What somebody wants a federated user's session to be."""

    name: str
    duration: timedelta | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FederatedUser:
    """A federated user's session that was just begun."""

    arn: str
    userid: str
    credentials: TemporaryCredentials


@dataclass(frozen=True, slots=True)
class UserSessions:
    """Begins sessions of users and of the root, who call with a long-term access key or have signed in."""

    credentials: Credentials
    snapshot: Snapshot
    clock: Clock

    async def begin(
        self, caller: Caller, duration: timedelta | None, authenticated_at: datetime | None
    ) -> TemporaryCredentials:
        """Begin a session of the caller's own; *authenticated_at* is when a code of its MFA device was shown."""
        amr = () if authenticated_at is None else _WITH_FACTOR
        return await self.lend(caller, _limit(caller, duration), authenticated_at, amr)

    async def lend(
        self, caller: Caller, duration: timedelta, authenticated_at: datetime | None, amr: tuple[str, ...]
    ) -> TemporaryCredentials:
        """Mint credentials that make their bearer the caller, who proved who they are by *amr* (RFC 8176)."""
        began_at = await self._find_beginning(caller)
        grant = Grant(
            kind=caller.kind,
            account_id=caller.account_id,
            principal_id=caller.unique_id,
            principal_arn=caller.arn,
            session_name="",
            arn=caller.arn,
            began_at=began_at,
            duration=duration,
            chain=begin_chain(caller, began_at),
            authenticated_at=authenticated_at,
            amr=amr,
        )
        return await self.credentials.mint(grant)

    async def federate(self, caller: Caller, wish: FederationWish) -> FederatedUser:
        """Begin the session of a federated user; raises ParameterInvalid, PolicyMalformed, PackedTooLarge."""
        await SessionPolicies(self.snapshot).verify(caller.account_id, wish.policy, wish.policy_arns)
        began_at = await self._find_beginning(caller)
        arn = federated_user_arn(caller.account_id, wish.name)
        grant = Grant(
            kind=CallerKind.FEDERATED_USER,
            account_id=caller.account_id,
            principal_id=caller.unique_id,
            principal_arn=caller.arn,
            session_name=wish.name,
            arn=arn,
            began_at=began_at,
            duration=_limit(caller, wish.duration),
            chain=begin_chain(caller, began_at),
            policies=() if wish.policy is None else (wish.policy,),
            policy_arns=wish.policy_arns,
            tags=wish.tags,
        )
        return FederatedUser(arn, f"{caller.account_id}:{wish.name}", await self.credentials.mint(grant))

    async def _find_beginning(self, caller: Caller) -> datetime:
        return await find_beginning(self.snapshot, (caller.unique_id, caller.account_id), self.clock.now())


def _limit(caller: Caller, asked: timedelta | None) -> timedelta:
    span = asked or DEFAULT_DURATION
    return min(span, ROOT_LIMIT) if caller.kind is CallerKind.ROOT else span
