"""Attempts at something that can be guessed, counted as wrong before they are looked at: the one update for all."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, Update, and_, bindparam, case, update

from sts.store.database import to_microseconds

UNLOCKED = 0
Locks = Sequence[tuple[int, timedelta]]  # from so many failures in a row on, each locks for so long
Whose = Mapping[str, str]  # the values of the columns that a row is found by


def count_attempt(connection: Connection, table: Table, whose: Whose, now: datetime, locks: Locks) -> bool:
    """Count an attempt in the row *whose* of *table* and say whether it may be looked at: not while it is locked.

    One conditional update, so that of attempts made at once none is looked at that would not be one after the other.
    """
    given: dict[str, str | int] = {**_bind(whose), "now": to_microseconds(now)}
    for number, (count, span) in enumerate(sorted(locks, reverse=True)):
        given |= {f"count_{number}": count, f"until_{number}": to_microseconds(now + span)}
    return connection.execute(_count(table, tuple(whose), len(locks)), given).rowcount == 1


def reset_count(connection: Connection, table: Table, whose: Whose) -> None:
    """Forget the failures in the rows *whose* of *table*."""
    connection.execute(_reset(table, tuple(whose)), _bind(whose))


@cache  # built for each attempt, it would cost as much as the attempt
def _count(table: Table, names: Sequence[str], locks: int) -> Update:
    failures = table.c.failures + 1
    spans = ((failures >= _number(f"count_{number}"), _number(f"until_{number}")) for number in range(locks))
    locked_until = case(*spans, else_=table.c.locked_until)
    unlocked = update(table).where(_is(table, names), table.c.locked_until <= _number("now"))
    return unlocked.values(failures=failures, locked_until=locked_until)


@cache
def _reset(table: Table, names: Sequence[str]) -> Update:
    return update(table).where(_is(table, names)).values(failures=0, locked_until=UNLOCKED)


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


def _is(table: Table, names: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"of_{name}") for name in names))


def _bind(whose: Whose) -> dict[str, str]:
    return {f"of_{name}": value for name, value in whose.items()}
