"""Prove by a password who is signing in, or that whoever is signed in still knows it.

An unknown user, a wrong password, a locked and a disabled user get the same answer for the same computations. Every
attempt is counted as wrong in the store, against the user that the name stands for, and committed before the password
is looked at: of attempts made at once, on however many processes, no more are looked at than one after the other. From
the tenth in a row on each locks the password for fifteen minutes, from the hundredth on for a day. Only the right
password or an administrator ends the count.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection

from sts.authn.addresses import AddressCounts
from sts.authn.devices import KnownDevices, find_known_device
from sts.clock import Clock
from sts.crypto.passwords import STRONG_ALONE, count_code_points
from sts.errors import PasswordMalformed, PasswordMismatch, PasswordWrong, SignInRefused
from sts.hashing import PasswordHasher
from sts.model import Account, Secret, User
from sts.passwords import KeptPassword, LoginProfile
from sts.sessions.flows import LIFE as FLOW_LIFE
from sts.store import code_failures, login_profiles, password_failures
from sts.store.attempts import Locks
from sts.store.credential_marks import mark_sign_in
from sts.store.database import Database, Transaction
from sts.store.login_profiles import Candidate, find_candidate, find_candidate_by_id

FREE_FAILURES = 10  # in a row
LOCKS: Locks = ((FREE_FAILURES, timedelta(minutes=15)), (100, timedelta(days=1)))
# A first password is for one sign-in: whoever is interrupted in it may begin anew, whoever finds it later may not.
USED_FIRST_PASSWORD_LIFE = FLOW_LIFE
LOCKS_ALONE: Locks = ((FREE_FAILURES // 2, timedelta(minutes=15)), *LOCKS[1:])  # while the cache counts no addresses
_REFUSED = "The account, the user name or the password is wrong, or the user may not sign in now."
_WRONG = "The current password is wrong, or too many were wrong before: try again later."
_NAME = re.compile(r"[\x21-\x7e]{1,64}")  # of an account or a user: what cannot be one is not even looked for
_NOBODY = ""

Find: TypeAlias = Callable[[Connection], Candidate | None]


@dataclass(frozen=True, slots=True)
class PasswordProven:
    """Who gave the right password.

    *strong_alone*: it is long enough to stand without a second factor. *failures* is how many wrong ones came before it
    in a row. *mark* is of what they stood on when the password was found to be still theirs: a change since then shows.
    Whether it is good for nothing but to choose another is among the needs of a sign-in (`directory.needs`).
    """

    principal: User | Account
    strong_alone: bool
    failures: int
    mark: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt that was counted: whose password is to be compared with, and where the attempt comes from."""

    candidate: Candidate
    profile: LoginProfile
    device_id: str


@dataclass(frozen=True, slots=True)
class _Lost:
    """An attempt that was counted and is not looked at, and why; *claimed* is whom it was for."""

    detail: str
    claimed: str | None


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """Verifies passwords, and counts those that are wrong."""

    database: Database
    hasher: PasswordHasher
    devices: KnownDevices
    addresses: AddressCounts
    clock: Clock
    root_signs_in: bool = False
    # One attempt is counted at a time: otherwise a flood of them would keep everybody's answers from being recorded.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prove(
        self, account: str, user_name: str, password: str, address: str, device: str | None = None
    ) -> PasswordProven:
        """Return who signs in from *address*, by account number or alias, name and password.

        *device* is the value that a known device keeps. Raises SignInRefused, Throttled, and Unavailable: without the
        store nobody signs in.
        """
        named = _NAME.fullmatch(account) and _NAME.fullmatch(user_name)
        find = partial(find_candidate, account=account, user_name=user_name) if named else _find_nobody
        try:
            return await self._prove(find, password, address, device)
        except PasswordMalformed as malformed:  # nothing was computed of it, whoever it was for
            raise SignInRefused(_REFUSED, detail=malformed.message) from None

    async def prove_again(
        self, owner_id: str, password: str, address: str, device: str | None = None
    ) -> PasswordProven:
        """Prove that whoever is signed in knows the password; raises PasswordWrong, Throttled, Unavailable."""
        try:
            return await self._prove(partial(_find_signed_in, owner_id), password, address, device)
        except (SignInRefused, PasswordMalformed) as refusal:
            raise PasswordWrong(_WRONG, detail=refusal.detail or refusal.message) from None

    async def remember(self, owner_id: str, device: str | None = None) -> Secret:
        """Return the value that a device keeps from which its owner signed in, with every factor that was asked."""
        device_id, value = self.devices.mint(owner_id, device)
        await self.database.transact(partial(_remember, owner_id, device_id), self.clock.now())
        return value

    async def _prove(self, find: Find, password: str, address: str, device: str | None) -> PasswordProven:
        strong_alone = count_code_points(password) >= STRONG_ALONE
        with self.hasher.place():
            counted = await self.addresses.count(address)
            locks = LOCKS_ALONE if counted.is_alone else LOCKS
            async with self._turn:
                begun, _ = await self.database.transact(partial(self._begin, find, device, locks), self.clock.now())
            attempt = await self._compare(begun, password)
            failures, mark = await self._finish(attempt, password)
        await self.addresses.take_back(counted)
        return PasswordProven(attempt.candidate.owner, strong_alone, failures, mark)

    def _begin(self, find: Find, device: str | None, locks: Locks, tx: Transaction) -> _Attempt | _Lost:
        """Count the attempt, and find what its password is to be compared with."""
        candidate = find(tx.connection)
        owner_id = _NOBODY if candidate is None else candidate.owner_id
        device_id = find_known_device(self.devices.keyring, tx, device, owner_id)
        is_counted = password_failures.count_attempt(tx.connection, owner_id, device_id, tx.now, locks)
        if candidate is None:
            return _Lost("there is no such user", None)
        if candidate.profile is None:
            return _Lost("there is no password", candidate.arn)
        refusal = self._find_refusal(candidate, candidate.profile, tx.now) if is_counted else "the password is locked"
        if refusal is not None:
            return _Lost(refusal, candidate.arn)
        return _Attempt(candidate, candidate.profile, device_id)

    async def _compare(self, begun: _Attempt | _Lost, password: str) -> _Attempt:
        """Return the attempt when its password is right; raises SignInRefused, at the same cost whatever is wrong."""
        if isinstance(begun, _Lost):
            await self.hasher.spend(password)
            raise SignInRefused(_REFUSED, detail=begun.detail, claimed=begun.claimed)
        try:
            await self.hasher.verify(begun.profile.password, password)
        except PasswordMismatch as mismatch:
            raise SignInRefused(_REFUSED, detail=mismatch.message, claimed=begun.candidate.arn) from None
        return begun

    def _find_refusal(self, candidate: Candidate, profile: LoginProfile, now: datetime) -> str | None:
        if not candidate.is_enabled:
            return "the user or its account is disabled"
        if isinstance(candidate.owner, Account) and not self.root_signs_in:
            return "root may not sign in: STS_ROOT_SIGN_IN is off"
        if profile.first_until is not None and profile.first_until <= now:
            return "the first password is over"
        is_over = candidate.policy.hard_expiry and candidate.policy.is_over(profile.changed_at, now)
        return "the password has expired" if is_over else None

    async def _finish(self, attempt: _Attempt, password: str) -> tuple[int, bytes]:
        """End the count of the right password, hash it anew if that is due; return how many were wrong, and the mark.

        Raises SignInRefused when it was changed meanwhile: then it is an old one.
        """
        known = attempt.profile.password
        kept = await self.hasher.hash(password) if self.hasher.is_stale(known) else known
        work = partial(_note_success, attempt, kept)
        noted, _ = await self.database.transact(work, self.clock.now())
        if noted is None:
            raise SignInRefused(_REFUSED, detail="the password was changed meanwhile", claimed=attempt.candidate.arn)
        return noted


def require_unchanged(tx: Transaction, proven: PasswordProven) -> None:
    """Raise PasswordWrong when what *proven* stands on was changed since, and let nobody change it before *tx* ends.

    Otherwise an old password would overwrite what its owner or an administrator set meanwhile.
    """
    tx.begin_change()
    owner = proven.principal
    owner_id = owner.account_id if isinstance(owner, Account) else owner.unique_id
    if mark_sign_in(tx.connection, owner.account_id, owner_id) != proven.mark:
        raise PasswordWrong(_WRONG, detail="the password or a factor was changed meanwhile")


def _find_nobody(_connection: Connection) -> None:
    return None


def _find_signed_in(owner_id: str, connection: Connection) -> Candidate | None:
    """Return who is signed in, and so may leave an expired password behind (IAM API, UpdateAccountPasswordPolicy)."""
    found = find_candidate_by_id(connection, owner_id)
    return None if found is None else replace(found, policy=replace(found.policy, hard_expiry=False))


def _note_success(attempt: _Attempt, kept: KeptPassword, tx: Transaction) -> tuple[int, bytes] | None:
    """Return how many passwords were wrong before, and the mark; None when this one is the owner's no longer."""
    owner_id, known = attempt.candidate.owner_id, attempt.profile
    first_until = None if known.first_until is None else min(known.first_until, tx.now + USED_FIRST_PASSWORD_LIFE)
    used = replace(known, password=kept, first_until=first_until)
    if not login_profiles.note_use(tx.connection, known, used):
        return None
    failures = password_failures.reset_count(tx.connection, owner_id, attempt.device_id) - 1
    return failures, mark_sign_in(tx.connection, attempt.profile.account_id, owner_id)


def _remember(owner_id: str, device_id: str, tx: Transaction) -> None:
    password_failures.begin_count(tx.connection, owner_id, tx.now, device_id)
    password_failures.forget_devices(tx.connection, owner_id, tx.now)
    code_failures.forget_devices(tx.connection, owner_id)
