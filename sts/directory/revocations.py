"""Sessions are ended here, and users, roles and accounts disabled, by the rules.

Whoever is disabled can begin nothing and has nothing left: all that they began, and all that was begun from it, ends.
What has ended stays so when they are enabled again.

Sessions know when they began, by the clock of the process that minted them. The clock that revokes may be behind that,
or was set back. So a revocation reaches a little beyond the latest time that anything of the account is recorded at,
and what is minted by who knows of it begins behind that. While a principal is disabled nothing is spared by its time.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import Connection

from sts.directory.accounts import get_account
from sts.directory.bearers import confirm_bearer
from sts.errors import InputInvalid, QuotaExceeded
from sts.model import Account, Role, User
from sts.store import accounts, roles, users
from sts.store.audit import find_last_instant
from sts.store.database import Transaction, from_microseconds
from sts.store.revocations import (
    EVERYTHING,
    FOR_EVER,
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
# A session begins while its request is answered, by the clock of that process: a little later than its record says.
_REACH: Final = timedelta(seconds=60)
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
    _end(tx, account_id, subject, for_ever=True)


def revoke_principal(tx: Transaction, *, principal: Principal) -> None:
    """End all that the principal has begun by now, and of an account all that anybody in it has; raises NotFound."""
    present = _confirm(tx.connection, principal)
    _end(tx, present.account_id, _subject(present), for_ever=not present.enabled)


def disable(tx: Transaction, *, principal: Principal) -> bool:
    """Disable the principal and end what it has begun; say whether it was enabled. Raises NotFound."""
    present = _confirm(tx.connection, principal)
    _keep(tx, replace(present, enabled=False))
    end_for_ever(tx, present.account_id, _subject(present))
    return present.enabled


def enable(tx: Transaction, *, principal: Principal) -> bool:
    """Enable the principal, which brings nothing back that has ended; say whether it was disabled. Raises NotFound."""
    present = _confirm(tx.connection, principal)
    if present.enabled:
        return False
    _keep(tx, replace(present, enabled=True))
    begin_anew(tx, present.account_id, _subject(present))
    return True


def _end(tx: Transaction, account_id: str, subject: str, *, for_ever: bool) -> None:
    found = find_revocation(tx.connection, subject)
    latest = _find_latest(tx, account_id)
    before, ends_at = FOR_EVER if for_ever else latest + _REACH, latest + _KEPT
    if found is not None:  # more than was revoked already: what has begun since began right behind that
        before, ends_at = max(before, min(found.before + _MICROSECOND, FOR_EVER)), max(ends_at, found.ends_at)
    _put(tx, Revocation(subject, before, ends_at))


def end_for_ever(tx: Transaction, account_id: str, subject: str) -> None:
    """End all that was begun by, or as, the *subject* of the account, whenever that was."""
    _end(tx, account_id, subject, for_ever=True)


def begin_anew(tx: Transaction, account_id: str, subject: str) -> None:
    """Let live what begins from now on; nothing that was begun before the subject was disabled lives again."""
    if find_revocation(tx.connection, subject) is not None:
        latest = _find_latest(tx, account_id)
        # Twice: what began behind an earlier revocation did so that much later.
        _put(tx, Revocation(subject, latest + 2 * _REACH, latest + _KEPT))


def _find_latest(tx: Transaction, account_id: str) -> datetime:
    """Return the latest instant that any clock has told about the account: no session is begun without a record."""
    last = find_last_instant(tx.connection, account_id)
    return tx.now if last is None else max(tx.now, from_microseconds(last))


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
