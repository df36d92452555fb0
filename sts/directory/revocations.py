"""Sessions are ended here, and users, roles and accounts disabled, by the rules.

Whoever is disabled can begin nothing and has nothing left: all that they began, and all that was begun from it, ends.
What has ended stays so when they are enabled again.

Sessions know when they began, by the clock of the process that minted them, which may be ahead of the one that revokes.
So a revocation reaches a little beyond its own time, and what is minted by who knows of it begins behind that. While a
principal is disabled nothing is spared by its time.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeAlias

from sqlalchemy import Connection

from sts.directory.accounts import get_account
from sts.directory.bearers import confirm_bearer
from sts.errors import InputInvalid, QuotaExceeded
from sts.model import Account, Role, User
from sts.store import accounts, roles, users
from sts.store.database import Transaction
from sts.store.revocations import (
    EVERYTHING,
    FURTHEST,
    REACH,
    Revocation,
    count_sessions,
    find_revocation,
    insert_revocation,
    name_session,
)

Principal: TypeAlias = User | Role | Account

# The longest session (36 h) and the skew: then nothing is left that began before.
_KEPT: Final = timedelta(hours=36, minutes=1)
_MICROSECOND: Final = timedelta(microseconds=1)
# All revocations are held in memory by every process: one account must not fill that of all.
_MOST_SESSIONS: Final = 1_000
_JTI: Final = re.compile(r"[A-Za-z0-9_-]{22}")


def verify_jti(jti: str) -> str:
    """Return *jti* when a session can have it; raises InputInvalid."""
    if not _JTI.fullmatch(jti):
        raise InputInvalid("The jti of a session has 22 characters of base64url")
    return jti


def revoke_session(tx: Transaction, *, account_id: str, jti: str) -> None:
    """End the session, and what was begun from it, when its role is of the account; raises InputInvalid, QuotaExceeded.

    Sessions are kept nowhere, so whether there is one is not known, and of another account's nobody learns it here.
    """
    subject = name_session(account_id, verify_jti(jti))
    is_new = find_revocation(tx.connection, subject) is None
    if is_new and count_sessions(tx.connection, account_id) >= _MOST_SESSIONS:
        raise QuotaExceeded(f"Cannot revoke more than {_MOST_SESSIONS} single sessions at a time: revoke principals")
    _end(tx, subject, for_ever=True)


def revoke_principal(tx: Transaction, *, principal: Principal) -> None:
    """End all that the principal has begun by now, and of an account all that anybody in it has; raises NotFound."""
    present = _confirm(tx.connection, principal)
    _end(tx, _subject(present), for_ever=not present.enabled)


def disable(tx: Transaction, *, principal: Principal) -> bool:
    """Disable the principal and end what it has begun; say whether it was enabled. Raises NotFound."""
    present = _confirm(tx.connection, principal)
    _keep(tx, replace(present, enabled=False))
    _end(tx, _subject(present), for_ever=True)
    return present.enabled


def enable(tx: Transaction, *, principal: Principal) -> bool:
    """Enable the principal, which brings nothing back that has ended; say whether it was disabled. Raises NotFound."""
    present = _confirm(tx.connection, principal)
    if present.enabled:
        return False
    _keep(tx, replace(present, enabled=True))
    _begin_anew(tx, _subject(present))
    return True


def _end(tx: Transaction, subject: str, *, for_ever: bool) -> None:
    found = find_revocation(tx.connection, subject)
    ends_at = tx.now + _KEPT
    before = ends_at if for_ever else tx.now + REACH
    if found is not None:  # more than was revoked already: what has begun since began right behind that
        before, ends_at = max(before, found.before + _MICROSECOND), max(ends_at, found.ends_at)
    _put(tx, Revocation(subject, before, ends_at))


def _begin_anew(tx: Transaction, subject: str) -> None:
    """Let live what begins from now on; nothing that was begun when the subject was disabled lives again."""
    found = find_revocation(tx.connection, subject)
    if found is not None:
        # What began until then did so at most that far ahead, by its clock or behind a revocation.
        reached = found.ends_at - _KEPT + FURTHEST - REACH
        _put(tx, Revocation(subject, max(reached, tx.now - _MICROSECOND), tx.now + _KEPT))


def _put(tx: Transaction, new: Revocation) -> None:
    insert_revocation(tx.connection, new)
    tx.touch(*EVERYTHING)


def _confirm(connection: Connection, authorized: Principal) -> Principal:
    """Return the principal as it stands now; raises NotFound when it is gone, or is not what was authorized."""
    if isinstance(authorized, Account):
        return get_account(connection, authorized.account_id)
    return confirm_bearer(connection, authorized)


def _subject(principal: Principal) -> str:
    return principal.account_id if isinstance(principal, Account) else principal.unique_id


def _keep(tx: Transaction, changed: Principal) -> None:
    match changed:
        case User():
            users.update_user(tx.connection, changed)
            tx.touch("user", changed.unique_id)
        case Role():
            roles.update_role(tx.connection, changed)
            tx.touch("role", changed.unique_id)
        case Account():
            accounts.update_account(tx.connection, changed)
            tx.touch("account", changed.account_id)
