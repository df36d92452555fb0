"""Wrong codes of second factors, counted for each principal: the queries.

What comes from a device that the principal is known to sign in from is counted apart from all the rest, as wrong
passwords are (`password_failures`, which says what is known). A principal has a row of the rest from its first factor
on, which outlives its factors: whoever changed them would otherwise begin to count anew.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from sts.store import attempts
from sts.store.attempts import UNLOCKED
from sts.store.database import from_optional_microseconds
from sts.store.password_failures import ELSEWHERE, select_devices
from sts.store.tables import code_failure


def begin_count(connection: Connection, owner_id: str, device_id: str = ELSEWHERE) -> None:
    """Begin to count for the owner, from the device, unless it was begun."""
    if not _is_begun(connection, owner_id, device_id):
        row = {"owner_id": owner_id, "device_id": device_id, "failures": 0, "locked_until": UNLOCKED}
        connection.execute(insert(code_failure).values(**row))


def count_attempt(
    connection: Connection, owner_id: str, now: datetime, *, free: int, lock: timedelta, device_id: str = ELSEWHERE
) -> bool:
    """Count an attempt as wrong before it is looked at, and say whether it may be: not while the codes are locked.

    From the *free*th in a row on each one locks the codes for the span *lock*. Those of a known device are begun to be
    counted with its first.
    """
    if device_id != ELSEWHERE and _is_begun(connection, owner_id, ELSEWHERE):
        begin_count(connection, owner_id, device_id)
    whose = {"owner_id": owner_id, "device_id": device_id}
    return attempts.count_attempt(connection, code_failure, whose, now, [(free, lock)])


def take_back_attempt(connection: Connection, owner_id: str, device_id: str = ELSEWHERE) -> None:
    """Count an attempt no more that was neither right nor a guess."""
    counted = update(code_failure).where(_of(owner_id, device_id))
    connection.execute(counted.values(failures=code_failure.c.failures - 1, locked_until=UNLOCKED))


def reset_count(connection: Connection, owner_id: str, device_id: str = ELSEWHERE) -> int:
    """Forget the wrong codes from there, a right one was shown; return how many there were, with this attempt."""
    failures = connection.execute(select(code_failure.c.failures).where(_of(owner_id, device_id))).scalar()
    attempts.reset_count(connection, code_failure, {"owner_id": owner_id, "device_id": device_id})
    return failures or 0


def unlock(connection: Connection, owner_id: str) -> None:
    """Forget all wrong codes of the owner: an administrator says so."""
    attempts.reset_count(connection, code_failure, {"owner_id": owner_id})


def find_locked_until(connection: Connection, owner_id: str) -> datetime | None:
    """Return until when the owner's codes are locked anywhere, in the past or not; None when nothing is counted."""
    query = select(func.max(code_failure.c.locked_until)).where(code_failure.c.owner_id == owner_id)
    value = connection.execute(query).scalar()
    return from_optional_microseconds(value)


def forget_devices(connection: Connection, owner_id: str) -> None:
    """Forget the counts of devices that the owner is not known to sign in from any more."""
    gone = code_failure.c.device_id.not_in(select_devices(owner_id))
    of_devices = and_(code_failure.c.owner_id == owner_id, code_failure.c.device_id != ELSEWHERE)
    connection.execute(delete(code_failure).where(of_devices, gone))


def delete_counts(connection: Connection, owner_id: str) -> None:
    """Forget the owner."""
    connection.execute(delete(code_failure).where(code_failure.c.owner_id == owner_id))


def _is_begun(connection: Connection, owner_id: str, device_id: str) -> bool:
    query = select(code_failure.c.owner_id).where(_of(owner_id, device_id))
    return connection.execute(query).one_or_none() is not None


def _of(owner_id: str, device_id: str) -> ColumnElement[bool]:
    return and_(code_failure.c.owner_id == owner_id, code_failure.c.device_id == device_id)
