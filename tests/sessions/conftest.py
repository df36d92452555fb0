from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sts.clock import ManualClock
from sts.directory.access_keys import AccessKeys
from sts.directory.accounts import Accounts
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.model import Secret, User
from sts.sessions import BrowserSessions, Flow, Flows, Needs, Opened
from sts.settings import read_settings
from sts.store.credential_marks import mark_sign_in

NOTHING = Needs(has_factor=False, must_enrol=False, must_change=False)


@dataclass(frozen=True)
class Desk:
    """Where sessions begin: a store, a cache, a user."""

    at: Foundation
    clock: ManualClock
    sessions: BrowserSessions
    flows: Flows
    user: User

    def flow(self, *, with_factor: bool = False) -> Flow:
        """Return a flow that has earned a session."""
        now = self.clock.now()
        return Flow(
            account_id=self.user.account_id,
            principal_id=self.user.unique_id,
            arn=self.user.arn,
            name=self.user.name,
            goal="/ui/",
            needs=replace_needs(with_factor),
            mark=self.at.database.read_now(lambda connection: _mark(connection, self.user)),
            password_at=now,
            factor_at=now if with_factor else None,
        )

    async def sign_in(self, *, with_factor: bool = False) -> Secret:
        """Begin a session and return what its cookie holds."""
        beginning = await self.sessions.prepare(self.flow(with_factor=with_factor), "192.0.2.1", "a browser")
        await self.at.database.transact(lambda tx: self.sessions.begin(tx, beginning), self.clock.now())
        return beginning.value

    async def renew(self, value: str) -> Opened:
        """Prove again who has the session, and return it."""
        opened = await self.sessions.open(value)
        flow = self.flow(with_factor=True)
        renewed = self.sessions.prepare_renewal(opened, flow)
        await self.at.database.transact(lambda tx: self.sessions.renew(tx, opened, renewed, flow), self.clock.now())
        return renewed

    def other_process(self) -> BrowserSessions:
        """Return what another process on the same store would open sessions with: its cache is empty."""
        return replace(self.sessions)


def _mark(connection: Connection, user: User) -> bytes:
    return mark_sign_in(connection, user.account_id, user.unique_id)


def replace_needs(with_factor: bool) -> Needs:  # noqa: FBT001  said by its only caller
    return Needs(has_factor=with_factor, must_enrol=False, must_change=False)


@pytest.fixture
def desk(home: Path, clock: ManualClock) -> Iterator[Desk]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy())
    accounts = Accounts(at.entropy, Users(at.entropy), AccessKeys(at.entropy, at.keyring))
    begun, _ = at.database.transact_now(lambda tx: accounts.create(tx, administrator="alice"), clock.now())
    sessions = BrowserSessions(at.database, at.snapshot, at.coherence, at.keyring, clock, at.entropy)
    yield Desk(at, clock, sessions, Flows(at.cache, at.keyring, clock, at.entropy), begun.administrator)
    at.database.close()
