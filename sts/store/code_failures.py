"""Wrong codes of second factors, counted for each principal: the queries.

A principal has a row from its first device on, which outlives its devices: whoever changed them would otherwise begin
to count anew.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, delete, insert, select, update

from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import code_failure

_UNLOCKED = 0


def begin_count(connection: Connection, owner_id: str) -> None:
    """Begin to count for the owner, unless it was begun."""
    if connection.execute(select(code_failure.c.owner_id).where(_of(owner_id))).one_or_none() is None:
        connection.execute(insert(code_failure).values(owner_id=owner_id, failures=0, locked_until=_UNLOCKED))


def count_attempt(connection: Connection, owner_id: str, now: datetime, *, free: int, lock: timedelta) -> bool:
    """Count an attempt as wrong before it is looked at, and say whether it may be: not while the codes are locked.

    One conditional update, so that of attempts made at once none is looked at that would not be one after the other.
    From the *free*th in a row on each one locks the codes for the span *lock*.
    """
    failures = code_failure.c.failures + 1
    locked_until = case((failures >= free, to_microseconds(now + lock)), else_=code_failure.c.locked_until)
    unlocked = update(code_failure).where(_of(owner_id), code_failure.c.locked_until <= to_microseconds(now))
    return connection.execute(unlocked.values(failures=failures, locked_until=locked_until)).rowcount == 1


def take_back_attempt(connection: Connection, owner_id: str) -> None:
    """Count an attempt no more that was neither right nor a guess."""
    counted = update(code_failure).where(_of(owner_id))
    connection.execute(counted.values(failures=code_failure.c.failures - 1, locked_until=_UNLOCKED))


def reset_count(connection: Connection, owner_id: str) -> None:
    """Forget the wrong codes: a right one was shown."""
    connection.execute(update(code_failure).where(_of(owner_id)).values(failures=0, locked_until=_UNLOCKED))


def find_locked_until(connection: Connection, owner_id: str) -> datetime | None:
    """Return until when the owner's codes are locked, in the past or not; None when nothing is counted."""
    value = connection.execute(select(code_failure.c.locked_until).where(_of(owner_id))).scalar()
    return None if value is None else from_microseconds(value)


def delete_count(connection: Connection, owner_id: str) -> None:
    """Forget the owner."""
    connection.execute(delete(code_failure).where(_of(owner_id)))


def _of(owner_id: str) -> ColumnElement[bool]:
    return code_failure.c.owner_id == owner_id
