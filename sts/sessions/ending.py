"""Sessions of browsers are ended here, with what was begun from them: by whoever signs out, and by what changes."""

from datetime import timedelta

from sts.store import browser_sessions
from sts.store.browser_sessions import BrowserSession
from sts.store.database import Transaction
from sts.store.revocations import (
    EVERYTHING,
    FOR_EVER,
    Revocation,
    find_revocation,
    insert_revocation,
    name_session,
    name_sign_ins,
)

_KEPT = timedelta(hours=36, minutes=1)  # longer than anything lives that was begun from a session
_MICROSECOND = timedelta(microseconds=1)


def end_session(tx: Transaction, session: BrowserSession) -> bool:
    """End the session and what was begun from it; say whether it went on until now."""
    present = browser_sessions.find_session(tx.connection, session.session_id)
    went_on = browser_sessions.end_session(tx.connection, session.session_id, tx.now)
    if went_on and present is not None and present.has_lent:
        subject = name_session(session.account_id, session.session_id)
        insert_revocation(tx.connection, Revocation(subject, FOR_EVER, tx.now + _KEPT))
        tx.touch(*EVERYTHING)
    return went_on


def end_sessions(tx: Transaction, principal_id: str) -> int:
    """End all sessions of the principal; say how many went on.

    Whoever changes a password or a factor does this too: another browser may be in the hands of who knew the old one.
    What was begun from a session outlives its time, and so it ends with those whose time is over, too.
    """
    begun = browser_sessions.list_open(tx.connection, principal_id, tx.now - _KEPT)
    ended = [each for each in begun if end_session(tx, each)]
    return sum(each.expires_at > tx.now for each in ended)


def end_everywhere(tx: Transaction, principal_id: str) -> int:
    """Do what `end_sessions` does, and end the sign-ins of the principal that are under way, at whichever step."""
    tx.begin_change()
    found = find_revocation(tx.connection, name_sign_ins(principal_id))
    before = tx.now if found is None else max(tx.now, found.before + _MICROSECOND)  # another one each time
    insert_revocation(tx.connection, Revocation(name_sign_ins(principal_id), before, tx.now + _KEPT))
    tx.touch(*EVERYTHING)
    return end_sessions(tx, principal_id)
