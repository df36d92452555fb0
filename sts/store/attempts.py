"""Attempts at something that can be guessed, counted as wrong before they are looked at: the one update for all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, case, update

from sts.store.database import to_microseconds

UNLOCKED = 0
Locks = Sequence[tuple[int, timedelta]]  # from so many failures in a row on, each locks for so long


def count_attempt(
    connection: Connection, table: Table, whose: ColumnElement[bool], now: datetime, locks: Locks
) -> bool:
    """Count an attempt in the row *whose* of *table* and say whether it may be looked at: not while it is locked.

    One conditional update, so that of attempts made at once none is looked at that would not be one after the other.
    """
    failures = table.c.failures + 1
    spans = sorted(locks, reverse=True)
    locked_until = case(
        *((failures >= count, to_microseconds(now + span)) for count, span in spans), else_=table.c.locked_until
    )
    unlocked = update(table).where(whose, table.c.locked_until <= to_microseconds(now))
    return connection.execute(unlocked.values(failures=failures, locked_until=locked_until)).rowcount == 1


def reset_count(connection: Connection, table: Table, whose: ColumnElement[bool]) -> None:
    """Forget the failures in the row *whose* of *table*."""
    connection.execute(update(table).where(whose).values(failures=0, locked_until=UNLOCKED))
