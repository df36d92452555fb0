"""What is left of recovery codes, as MACs: the queries."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from sts.store.database import to_microseconds
from sts.store.tables import recovery_code


def list_stamps(connection: Connection, owner_id: str) -> tuple[bytes, ...]:
    """Return the stamps of the owner's codes that were not used yet."""
    query = select(recovery_code.c.stamp).where(recovery_code.c.owner_id == owner_id)
    return tuple(connection.execute(query).scalars())


def put_stamps(connection: Connection, owner_id: str, stamps: Iterable[bytes], now: datetime) -> None:
    """Keep these in place of what the owner had."""
    delete_stamps(connection, owner_id)
    made_at = to_microseconds(now)
    rows = [{"owner_id": owner_id, "stamp": stamp, "made_at": made_at} for stamp in stamps]
    connection.execute(insert(recovery_code), rows)


def use_up_stamp(connection: Connection, owner_id: str, stamp: bytes) -> bool:
    """Use a code up, and say whether it was there to be used: of those who do so at once it is one."""
    one = (recovery_code.c.owner_id == owner_id, recovery_code.c.stamp == stamp)
    return connection.execute(delete(recovery_code).where(*one)).rowcount == 1


def delete_stamps(connection: Connection, owner_id: str) -> None:
    """Remove all codes of the owner."""
    connection.execute(delete(recovery_code).where(recovery_code.c.owner_id == owner_id))
