"""Wrong passwords, counted for each owner of one: the queries.

What comes from a device that the owner is known to sign in from is counted apart from all the rest, so that whoever
guesses elsewhere does not lock the owner out. A row of the rest is begun with the owner's first password and outlives
it: whoever set another would otherwise begin to count anew.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select, update

from sts.store import attempts
from sts.store.attempts import UNLOCKED, Locks
from sts.store.database import from_optional_microseconds, to_microseconds
from sts.store.password_tables import password_failure

ELSEWHERE = ""  # every device that is not known
MOST_DEVICES = 20  # of an owner
_KNOWN_FOR = timedelta(days=180)  # since it was last signed in from


def begin_count(connection: Connection, owner_id: str, now: datetime, device_id: str = ELSEWHERE) -> None:
    """Begin to count for the owner, from the device, unless it was begun; the device was seen *now*."""
    seen = update(password_failure).where(_of(owner_id, device_id)).values(seen_at=to_microseconds(now))
    if not connection.execute(seen).rowcount:
        row = {"owner_id": owner_id, "device_id": device_id, "failures": 0, "locked_until": UNLOCKED}
        connection.execute(insert(password_failure).values(**row, seen_at=to_microseconds(now)))


def count_attempt(connection: Connection, owner_id: str, device_id: str, now: datetime, locks: Locks) -> bool:
    """Count an attempt as wrong before it is looked at, and say whether it may be: not while it is locked."""
    whose = {"owner_id": owner_id, "device_id": device_id}
    return attempts.count_attempt(connection, password_failure, whose, now, locks)


def reset_count(connection: Connection, owner_id: str, device_id: str) -> int:
    """Forget the wrong passwords from there, the right one was given; return how many there were, with this attempt."""
    failures = connection.execute(select(password_failure.c.failures).where(_of(owner_id, device_id))).scalar()
    attempts.reset_count(connection, password_failure, {"owner_id": owner_id, "device_id": device_id})
    return failures or 0


def is_known_device(connection: Connection, owner_id: str, device_id: str, now: datetime) -> bool:
    """Say whether the owner is known to sign in from the device."""
    fresh = password_failure.c.seen_at > to_microseconds(now - _KNOWN_FOR)
    query = select(password_failure.c.owner_id).where(_of(owner_id, device_id), fresh)
    return device_id != ELSEWHERE and connection.execute(query).one_or_none() is not None


def forget_devices(connection: Connection, owner_id: str, now: datetime, but: int = MOST_DEVICES) -> None:
    """Forget the owner's devices that were not seen for long, and of the others all *but* the last ones seen."""
    latest = select_devices(owner_id).order_by(password_failure.c.seen_at.desc()).limit(but)
    kept = connection.execute(latest).scalars().all()
    old = password_failure.c.seen_at <= to_microseconds(now - _KNOWN_FOR)
    gone = old | password_failure.c.device_id.not_in(kept)
    connection.execute(delete(password_failure).where(_is_of_device(owner_id), gone))


def select_devices(owner_id: str) -> Select[tuple[str]]:
    """Return the query of the ids of the devices that are kept of the owner's."""
    return select(password_failure.c.device_id).where(_is_of_device(owner_id))


def unlock(connection: Connection, owner_id: str) -> None:
    """Forget all wrong passwords of the owner: an administrator says so."""
    attempts.reset_count(connection, password_failure, {"owner_id": owner_id})


def find_locked_until(connection: Connection, owner_id: str) -> datetime | None:
    """Return until when passwords from unknown devices are not looked at, in the past or not; None: nothing counts."""
    query = select(func.max(password_failure.c.locked_until)).where(_of(owner_id, ELSEWHERE))
    value = connection.execute(query).scalar()
    return from_optional_microseconds(value)


def delete_counts(connection: Connection, owner_id: str) -> None:
    """Forget the owner."""
    connection.execute(delete(password_failure).where(password_failure.c.owner_id == owner_id))


def _is_of_device(owner_id: str) -> ColumnElement[bool]:
    return and_(password_failure.c.owner_id == owner_id, password_failure.c.device_id != ELSEWHERE)


def _of(owner_id: str, device_id: str) -> ColumnElement[bool]:
    return and_(password_failure.c.owner_id == owner_id, password_failure.c.device_id == device_id)
