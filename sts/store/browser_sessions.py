"""Sessions of browsers: the queries.

They are in SQL, so that one that was ended is refused everywhere at once, also while the cache is down or was emptied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, delete, insert, select, update

from sts.store.database import from_microseconds, from_optional_microseconds, to_microseconds, to_optional_microseconds
from sts.store.tables import browser_session


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A session of a browser.

    *stamp* is a keyed hash of what the browser's cookie holds. *methods* are words of RFC 8176. *authenticated_at* is
    when all of them were shown the last time, *factor_at* when the second factor was, None if none was.
    """

    session_id: str
    stamp: bytes = field(repr=False)
    account_id: str
    principal_id: str
    begun_at: datetime
    authenticated_at: datetime
    methods: tuple[str, ...]
    factor_at: datetime | None
    address: str
    user_agent: str
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    has_lent: bool = False


def find_session(connection: Connection, session_id: str) -> BrowserSession | None:
    """Return the session, whether or not it has ended."""
    row = connection.execute(select(browser_session).where(_is(session_id))).one_or_none()
    return None if row is None else _session(row)


def list_open(connection: Connection, principal_id: str, at: datetime) -> Sequence[BrowserSession]:
    """Return the principal's sessions that nobody has ended and whose time was not over *at*, the first begun first.

    Among them are those that nobody has used for too long.
    """
    goes_on = browser_session.c.expires_at > to_microseconds(at)
    of_principal = select(browser_session).where(browser_session.c.principal_id == principal_id, _goes_on(), goes_on)
    return tuple(map(_session, connection.execute(of_principal.order_by(browser_session.c.begun_at))))


def insert_session(connection: Connection, new: BrowserSession) -> None:
    """Keep a new session."""
    connection.execute(
        insert(browser_session).values(
            session_id=new.session_id,
            stamp=new.stamp,
            account_id=new.account_id,
            principal_id=new.principal_id,
            begun_at=to_microseconds(new.begun_at),
            authenticated_at=to_microseconds(new.authenticated_at),
            methods=" ".join(new.methods),
            factor_at=to_optional_microseconds(new.factor_at),
            address=new.address,
            user_agent=new.user_agent,
            last_seen_at=to_microseconds(new.last_seen_at),
            expires_at=to_microseconds(new.expires_at),
            has_lent=False,
        )
    )


def renew_session(connection: Connection, renewed: BrowserSession, before: bytes) -> bool:
    """Keep the stamp, methods and times of *renewed* unless it was ended, or its stamp is no longer *before*.

    Says whether it was: of all who renew one session at once, one hears yes.
    """
    present = _going_on(renewed.session_id).where(browser_session.c.stamp == before)
    renewing = present.values(
        stamp=renewed.stamp,
        authenticated_at=to_microseconds(renewed.authenticated_at),
        methods=" ".join(renewed.methods),
        factor_at=to_optional_microseconds(renewed.factor_at),
        last_seen_at=to_microseconds(renewed.last_seen_at),
    )
    return connection.execute(renewing).rowcount == 1


def see_session(connection: Connection, session_id: str, now: datetime) -> None:
    """Note that the session was used at *now*, unless it was ended."""
    connection.execute(_going_on(session_id).values(last_seen_at=to_microseconds(now)))


def note_lending(connection: Connection, session_id: str) -> bool:
    """Note that credentials are begun from the session; say whether it goes on, since from another one none are."""
    return connection.execute(_going_on(session_id).values(has_lent=True)).rowcount == 1


def end_session(connection: Connection, session_id: str, now: datetime) -> bool:
    """End the session, and say whether it went on until now."""
    return connection.execute(_going_on(session_id).values(ended_at=to_microseconds(now))).rowcount == 1


def delete_forgotten(connection: Connection, before: datetime) -> int:
    """Delete the sessions whose time was over *before*; returns how many."""
    over = delete(browser_session).where(browser_session.c.expires_at <= to_microseconds(before))
    return connection.execute(over).rowcount


def _is(session_id: str) -> ColumnElement[bool]:
    return browser_session.c.session_id == session_id


def _goes_on() -> ColumnElement[bool]:
    return browser_session.c.ended_at.is_(None)


def _going_on(session_id: str) -> Update:
    return update(browser_session).where(_is(session_id), _goes_on())


def _session(row: Row[Any]) -> BrowserSession:
    return BrowserSession(
        session_id=row.session_id,
        stamp=row.stamp,
        account_id=row.account_id,
        principal_id=row.principal_id,
        begun_at=from_microseconds(row.begun_at),
        authenticated_at=from_microseconds(row.authenticated_at),
        methods=tuple(row.methods.split()),
        factor_at=from_optional_microseconds(row.factor_at),
        address=row.address,
        user_agent=row.user_agent,
        last_seen_at=from_microseconds(row.last_seen_at),
        expires_at=from_microseconds(row.expires_at),
        ended_at=from_optional_microseconds(row.ended_at),
        has_lent=row.has_lent,
    )
