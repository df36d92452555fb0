"""Prove by AWS Signature Version 4 who sent a request, with a long-term access key or with temporary credentials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sts.authn.throttle import Throttle, name_access_key
from sts.clock import Clock
from sts.coherence import Coherence
from sts.credentials import Credentials
from sts.crypto.sigv4 import UnverifiedSignature, parse_signature, verify_signature
from sts.entropy import find_account_of_access_key
from sts.errors import CredentialUnknown, Refusal, SealBroken, SessionEnded, Unavailable, Unproven
from sts.keyring.keyring import Keyring
from sts.model import (
    AccessKey,
    Caller,
    CallerKind,
    Hop,
    Secret,
    Session,
    federated_user_caller,
    role_session_caller,
    root_caller,
    user_caller,
)
from sts.store.revocations import Revoked
from sts.store.snapshot import Snapshot

_LONG_TERM = "AKIA"
_ROLE = "AROA"
_INVALID = "The security token included in the request is invalid."
_ENDED = "The security token included in the request is expired"


@dataclass(frozen=True, slots=True)
class SignedParts:
    """A request as it was sent, before anything in it was decoded: what a signature is made over."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """The caller, and the region and service that the signature was made for."""

    caller: Caller
    region: str
    service: str


class Prover(Protocol):
    """What proves who sent a request."""

    async def prove(self, parts: SignedParts, service: str, address: str) -> Proven:
        """Return who signed *parts* for *service* and sent them from *address*; raises Unproven kin and Throttled."""
        ...


@dataclass(frozen=True, slots=True)
class SignatureProof:
    """Verifies signatures against the access keys of the store and the sessions that this issuer minted."""

    snapshot: Snapshot
    coherence: Coherence
    credentials: Credentials
    keyring: Keyring
    clock: Clock
    throttle: Throttle

    async def prove(self, parts: SignedParts, service: str, address: str) -> Proven:
        """Return who signed *parts* for *service* and sent them from *address*.

        Raises Unproven kin, with the ARN that was claimed if known, and Throttled.
        """
        counted = self.throttle.admit(address, lambda: name_access_key(_claim(parts)))
        try:
            proven = await self._prove(parts, service)
        except Unavailable:  # no fault of the sender's
            raise
        except Refusal:
            self.throttle.count_failure(counted)
            raise
        caller = proven.caller
        self.throttle.learn(address, (caller.access_key_id, caller.account_id))
        self.throttle.count_caller(caller.beginner_id)
        return proven

    async def _prove(self, parts: SignedParts, service: str) -> Proven:
        signature = parse_signature(parts.method, parts.path, parts.query, parts.headers)
        caller, secret = await self._find(signature)
        try:
            verify_signature(signature, parts.body, secret, service=service, now=self.clock.now())
        except Unproven as error:
            error.claimed = caller.arn
            raise
        return Proven(caller, signature.region, service)

    async def _find(self, signature: UnverifiedSignature) -> tuple[Caller, Secret]:
        asked = self.coherence.ask()
        if signature.security_token is not None:
            opened = await self.credentials.open(signature.security_token, signature.access_key_id)
            await self.coherence.catch_up(asked)
            return await self._judge_session(*opened)
        key_id = signature.access_key_id
        if not key_id.startswith(_LONG_TERM) or find_account_of_access_key(key_id) is None:
            # Anything can stand there that a header can hold: nobody is proven yet, and nothing is looked up for it.
            raise CredentialUnknown(_INVALID, detail="no access key has such an id")
        await self.coherence.catch_up(asked)
        key = await self.snapshot.find_access_key(key_id)
        if key is None:
            raise CredentialUnknown(_INVALID, detail="no such access key")
        caller = await self._bearer(key)
        if not key.active:
            raise CredentialUnknown(_INVALID, detail="the access key is inactive", claimed=caller.arn)
        return caller, await self._open_secret(key)

    async def _open_secret(self, key: AccessKey) -> Secret:
        try:
            return _open(self.keyring, key)
        except SealBroken:
            # It may have been sealed anew since it was read, because its sealing key was to be removed.
            await self.snapshot.follow()
            present = await self.snapshot.find_access_key(key.access_key_id)
            if present is None or present.sealed_secret == key.sealed_secret:
                raise
            return _open(self.keyring, present)

    async def _judge_session(self, session: Session, secret: Secret) -> tuple[Caller, Secret]:
        caller, is_enabled = await self._find_bearer(session)
        _refuse_revoked(caller, session, await self.snapshot.find_revoked())
        for hop in session.chain[:-1]:
            if not await self._is_there(hop):
                raise SessionEnded(_ENDED, detail=f"gone: {hop.arn} {hop.session_name}", claimed=caller.arn)
        if not is_enabled:  # what it began was revoked in the same change, perhaps since the revocations were read
            raise SessionEnded(_ENDED, detail="its principal is disabled", claimed=caller.arn)
        return caller, secret

    async def _find_bearer(self, session: Session) -> tuple[Caller, bool]:
        """Return who has the session, and whether its role, user or account is enabled; raises CredentialUnknown."""
        if session.kind is CallerKind.ROLE_SESSION:
            role = await self.snapshot.find_role(session.principal_id)
            caller = role_session_caller(session)
            if role is None:
                raise CredentialUnknown(_INVALID, detail="the role is gone", claimed=caller.arn)
            return caller, role.enabled
        if session.principal_id == session.account_id:
            caller = root_caller(session.account_id, session.access_key_id, session)
            is_enabled = await self.snapshot.is_account_enabled(session.account_id)
        else:
            held = await self.snapshot.find_user(session.principal_id)
            if held is None:
                raise CredentialUnknown(_INVALID, detail="the user is gone", claimed=session.principal_arn)
            caller, is_enabled = user_caller(held.user, session.access_key_id, session), held.enabled
        federated = session.kind is CallerKind.FEDERATED_USER
        return federated_user_caller(session) if federated else caller, is_enabled

    async def _is_there(self, hop: Hop) -> bool:
        """Say whether that by which a session was begun was not deleted since.

        A user is gone only after its keys; root stays for as long as its account, which is never deleted.
        """
        if hop.access_key_id:
            return await self.snapshot.find_access_key(hop.access_key_id) is not None
        if hop.principal_id.startswith(_ROLE):
            return await self.snapshot.find_role(hop.principal_id) is not None
        return True

    async def _bearer(self, key: AccessKey) -> Caller:
        if key.user_id is None:
            return await self._root(key)
        held = await self.snapshot.find_user(key.user_id)
        if held is None or not held.enabled:
            claimed = None if held is None else held.user.arn
            raise CredentialUnknown(_INVALID, detail="the user is gone or disabled", claimed=claimed)
        return user_caller(held.user, key.access_key_id)

    async def _root(self, key: AccessKey) -> Caller:
        caller = root_caller(key.account_id, key.access_key_id)
        if not await self.snapshot.is_account_enabled(key.account_id):
            raise CredentialUnknown(_INVALID, detail="the account is disabled", claimed=caller.arn)
        return caller


def _claim(parts: SignedParts) -> str:
    """Return the access key id that a request names; nothing where none can be read, for which it would be refused."""
    try:
        return parse_signature(parts.method, parts.path, parts.query, parts.headers).access_key_id
    except Refusal:
        return ""


def _open(keyring: Keyring, key: AccessKey) -> Secret:
    return Secret(keyring.open_sealed(key.sealed_secret, key.access_key_id.encode("ascii")).decode("ascii"))


def _refuse_revoked(caller: Caller, session: Session, revoked: Revoked) -> None:
    """Raise SessionEnded when the session, or anything in the chain that it came by, was revoked."""
    if not revoked.before:
        return
    for hop in session.chain:
        if revoked.concerns_hop(hop):
            raise SessionEnded(_ENDED, detail=f"revoked: {hop.arn} {hop.session_name}", claimed=caller.arn)
