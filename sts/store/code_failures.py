"""Wrong codes of second factors, counted for each principal: the queries.

A principal has a row from its first device on, which outlives its devices: whoever changed them would otherwise begin
to count anew.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from sts.store import attempts
from sts.store.attempts import UNLOCKED
from sts.store.database import from_microseconds
from sts.store.tables import code_failure


def begin_count(connection: Connection, owner_id: str) -> None:
    """Begin to count for the owner, unless it was begun."""
    if connection.execute(select(code_failure.c.owner_id).where(_of(owner_id))).one_or_none() is None:
        connection.execute(insert(code_failure).values(owner_id=owner_id, failures=0, locked_until=UNLOCKED))


def count_attempt(connection: Connection, owner_id: str, now: datetime, *, free: int, lock: timedelta) -> bool:
    """Count an attempt as wrong before it is looked at, and say whether it may be: not while the codes are locked.

    From the *free*th in a row on each one locks the codes for the span *lock*.
    """
    return attempts.count_attempt(connection, code_failure, {"owner_id": owner_id}, now, [(free, lock)])


def take_back_attempt(connection: Connection, owner_id: str) -> None:
    """Count an attempt no more that was neither right nor a guess."""
    counted = update(code_failure).where(_of(owner_id))
    connection.execute(counted.values(failures=code_failure.c.failures - 1, locked_until=UNLOCKED))


def reset_count(connection: Connection, owner_id: str) -> int:
    """Forget the wrong codes, a right one was shown; return how many there were, with this attempt."""
    failures = connection.execute(select(code_failure.c.failures).where(_of(owner_id))).scalar()
    attempts.reset_count(connection, code_failure, {"owner_id": owner_id})
    return failures or 0


def find_locked_until(connection: Connection, owner_id: str) -> datetime | None:
    """Return until when the owner's codes are locked, in the past or not; None when nothing is counted."""
    value = connection.execute(select(code_failure.c.locked_until).where(_of(owner_id))).scalar()
    return None if value is None else from_microseconds(value)


def delete_count(connection: Connection, owner_id: str) -> None:
    """Forget the owner."""
    connection.execute(delete(code_failure).where(_of(owner_id)))


def _of(owner_id: str) -> ColumnElement[bool]:
    return code_failure.c.owner_id == owner_id
