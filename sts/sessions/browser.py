"""Sessions of browsers: begun by who has signed in, opened by a cookie, ended for good.

They are rows in SQL, looked at on every request: one that was ended is refused at once by every process, whatever is
down, and needs no cookie to expire. What the cookie holds is an identifier and 256 random bits, of which the store has
a keyed hash only. It is made anew whenever its bearer proves more, and the old one is worth nothing then.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from sts.clock import Clock
from sts.coherence import Coherence
from sts.entropy import Entropy
from sts.errors import SealBroken, SignInNeeded
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp, verify_stamp
from sts.limits import SessionLimits
from sts.model import Caller, Hop, Secret, Session, root_caller, user_caller
from sts.sessions.ending import end_session
from sts.sessions.flow import Flow
from sts.sessions.standing import require_standing
from sts.store import browser_sessions
from sts.store.browser_sessions import BrowserSession
from sts.store.database import Database, Transaction
from sts.store.login_profiles import note_sign_in
from sts.store.revocations import Revoked, find_revoked_among, name_session
from sts.store.snapshot import Snapshot
from sts.store.users import is_principal_enabled

_LABEL = b"browser-session"
_ID_LENGTH = 22  # characters of base64url: 128 bits
_VALUE_LENGTH = _ID_LENGTH + 43  # and 256 bits
_SEEN = timedelta(minutes=1)  # how often it is noted that a session is used
_LONGEST_AGENT = 512
_T = TypeVar("_T")
_NEEDED = "Please sign in: you are not signed in, or your session has ended."


@dataclass(frozen=True, slots=True)
class Beginning:
    """A session that is to begin, what the browser's cookie will hold, and the sign-in that earned it."""

    flow: Flow
    session: BrowserSession
    value: Secret
    caller: Caller


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that goes on, and who it is; *value* is what the cookie holds."""

    session: BrowserSession
    caller: Caller
    value: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserSessions:
    """Begins, opens and ends sessions of browsers."""

    database: Database
    snapshot: Snapshot
    coherence: Coherence
    keyring: Keyring
    clock: Clock
    entropy: Entropy
    limits: SessionLimits = field(default_factory=SessionLimits)

    async def prepare(self, flow: Flow, address: str, user_agent: str) -> Beginning:
        """Return the session that *flow* has earned, for `begin` to keep; raises Unavailable, SignInNeeded.

        It begins behind every revocation that is known of its principal, however far apart clocks are.
        """
        await self.coherence.catch_up(self.coherence.ask())
        now, session_id = self.clock.now(), self.entropy.nonce()
        revoked = await self.snapshot.find_revoked()
        value, stamp = self._make_value(session_id)
        session = BrowserSession(
            session_id=session_id,
            stamp=stamp,
            account_id=flow.account_id,
            principal_id=flow.principal_id,
            begun_at=revoked.next_instant((flow.principal_id, flow.account_id), now),
            authenticated_at=flow.password_at or now,
            methods=flow.methods,
            factor_at=flow.factor_at,
            address=address,
            user_agent=user_agent[:_LONGEST_AGENT],
            last_seen_at=now,
            expires_at=now + self.limits.longest,
        )
        return Beginning(flow, session, value, await self._find_caller(session))

    def begin(self, tx: Transaction, beginning: Beginning) -> None:
        """Keep the session; of more than its principal may have, those that began first end.

        Raises SignInNeeded, and FlowEnded when what its sign-in stood on has changed.
        """
        new = beginning.session
        require_standing(tx, beginning.flow)
        if not is_principal_enabled(tx.connection, new.account_id, new.principal_id):
            raise SignInNeeded(_NEEDED, detail="the principal is gone or disabled")
        before = browser_sessions.list_open(tx.connection, new.principal_id, tx.now)
        for old in before[: max(0, len(before) + 1 - self.limits.most)]:
            end_session(tx, old)
        browser_sessions.insert_session(tx.connection, new)
        note_sign_in(tx.connection, new.principal_id, tx.now)

    async def open(self, value: str) -> Opened:
        """Return the session of this cookie; raises SignInNeeded, Unavailable. That it is used counts from now on."""
        if len(value) != _VALUE_LENGTH or not value.isascii():
            raise SignInNeeded(_NEEDED, detail="not of a session's form")
        asked = self.coherence.ask()
        session_id = value[:_ID_LENGTH]
        session = await self.database.read(lambda connection: browser_sessions.find_session(connection, session_id))
        if session is None:
            raise SignInNeeded(_NEEDED, detail="no such session")
        self._verify(session, value)
        await self.coherence.catch_up(asked)
        caller = await self._find_caller(session)
        now = self.clock.now()
        if now - session.last_seen_at >= _SEEN:
            await self.database.transact(
                lambda tx: browser_sessions.see_session(tx.connection, session_id, tx.now), now
            )
        return Opened(session, caller, Secret(value))

    def list_live(self, connection: Connection, principal_id: str) -> tuple[BrowserSession, ...]:
        """Return the sessions of the principal that `open` would open, the first begun first."""
        now = self.clock.now()
        found = [
            each for each in browser_sessions.list_open(connection, principal_id, now) if not self._is_over(each, now)
        ]
        revoked = find_revoked_among(connection, [subject for each in found for subject in _name_subjects(each)])
        return tuple(each for each in found if not _is_revoked(each, revoked))

    def is_recent(self, opened: Opened) -> bool:
        """Say whether its bearer proved who they are within the time that sensitive changes ask for."""
        return self.clock.now() - opened.session.authenticated_at < self.limits.recent

    def prepare_renewal(self, opened: Opened, flow: Flow) -> Opened:
        """Return *opened* as it is once *flow*, which proved its bearer again, is kept by `renew`."""
        now = self.clock.now()
        value, stamp = self._make_value(opened.session.session_id)
        renewed = replace(
            opened.session,
            stamp=stamp,
            authenticated_at=flow.password_at or opened.session.authenticated_at,
            methods=flow.methods,
            factor_at=flow.factor_at,
            last_seen_at=now,
        )
        return Opened(renewed, _make_caller(renewed, opened.caller), value)

    def renew(self, tx: Transaction, opened: Opened, renewed: Opened, flow: Flow) -> None:
        """Keep *renewed* in place of *opened*, whose value is worth nothing from here on.

        Raises SignInNeeded, and FlowEnded when what *flow* stood on has changed.
        """
        require_standing(tx, flow)
        if not browser_sessions.renew_session(tx.connection, renewed.session, opened.session.stamp):
            raise SignInNeeded(_NEEDED, detail="the session was ended or renewed meanwhile")

    def prepare_successor(self, opened: Opened) -> Opened:
        """Return the session that `succeed` puts in the place of *opened*: it proved no more, and lasts no longer."""
        session_id = self.entropy.nonce()
        value, stamp = self._make_value(session_id)
        session = replace(
            opened.session, session_id=session_id, stamp=stamp, last_seen_at=self.clock.now(), has_lent=False
        )
        return Opened(session, _make_caller(session, opened.caller), value)

    def succeed(self, tx: Transaction, opened: Opened, successor: Opened, change: Callable[[Transaction], _T]) -> _T:
        """Make *change*, which ends all that its person has begun, and leave them *successor*.

        What was begun from *opened* ends with it: a command line, credentials, and whoever has a copy of its value.
        Raises SignInNeeded when it was ended meanwhile.
        """
        tx.begin_change()
        if not end_session(tx, opened.session):
            raise SignInNeeded(_NEEDED, detail="the session was ended meanwhile")
        result = change(tx)
        browser_sessions.insert_session(tx.connection, successor.session)
        return result

    def lend(self, tx: Transaction, opened: Opened) -> None:
        """Note that credentials are begun from the session, so that they end when it is ended; raises SignInNeeded."""
        if not browser_sessions.note_lending(tx.connection, opened.session.session_id):
            raise SignInNeeded(_NEEDED, detail="the session was ended meanwhile")

    def _make_value(self, session_id: str) -> tuple[Secret, bytes]:
        value = session_id + self.entropy.token()
        return Secret(value), make_stamp(self.keyring, Purpose.DERIVATION, _LABEL, value.encode("ascii"))

    def _verify(self, session: BrowserSession, value: str) -> None:
        try:
            verify_stamp(self.keyring, Purpose.DERIVATION, _LABEL, value.encode("ascii"), session.stamp)
        except SealBroken:  # also where an emergency took the key, and with it every session of its time
            raise SignInNeeded(_NEEDED, detail="not what the session's cookie holds") from None
        if session.ended_at is not None:
            raise SignInNeeded(_NEEDED, detail="the session was ended")
        if self._is_over(session, self.clock.now()):
            raise SignInNeeded(_NEEDED, detail="the session has expired")

    def _is_over(self, session: BrowserSession, now: datetime) -> bool:
        return now >= session.expires_at or now - session.last_seen_at >= self.limits.idle

    async def _find_caller(self, session: BrowserSession) -> Caller:
        """Return whose the session is, as they stand now; raises SignInNeeded when they are gone, disabled, revoked."""
        if session.principal_id == session.account_id:
            caller = root_caller(session.account_id, "")
            is_enabled = await self.snapshot.is_account_enabled(session.account_id)
        else:
            held = await self.snapshot.find_user(session.principal_id)
            if held is None:
                raise SignInNeeded(_NEEDED, detail="the user is gone")
            caller, is_enabled = user_caller(held.user, ""), held.enabled
        revoked = await self.snapshot.find_revoked()
        if not is_enabled or _is_revoked(session, revoked):
            raise SignInNeeded(_NEEDED, detail="the principal is disabled, or the session revoked")
        return _make_caller(session, caller)


def _name_subjects(session: BrowserSession) -> tuple[str, ...]:
    return name_session(session.account_id, session.session_id), session.principal_id, session.account_id


def _is_revoked(session: BrowserSession, revoked: Revoked) -> bool:
    return any(revoked.concerns(subject, session.begun_at) for subject in _name_subjects(session))


def _make_caller(session: BrowserSession, principal: Caller) -> Caller:
    """Return *principal* as the bearer of *session*: what is begun from it names it in its chain, and dies with it."""
    hop = Hop(
        arn=principal.arn,
        session_name="",
        at=session.begun_at,
        principal_id=session.principal_id,
        jti=session.session_id,
    )
    lent = Session(
        kind=principal.kind,
        jti=session.session_id,
        access_key_id="",
        account_id=session.account_id,
        principal_id=session.principal_id,
        principal_arn=principal.arn,
        session_name="",
        issued_at=session.begun_at,
        expires_at=session.expires_at,
        chain=(hop,),
        authenticated_at=session.factor_at,
        amr=session.methods,
    )
    return replace(principal, session=lent)
