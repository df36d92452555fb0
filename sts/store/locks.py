"""What waits for what on PostgreSQL, where several processes write at once.

On SQLite a transaction that writes is alone from its first statement on, so there is nothing to take. Each lock is held
until the transaction ends. One order for all: changes, then uses.
"""

from sqlalchemy import Connection

_FAMILY = 0x737473  # of advisory locks, which other programs in the same database may take too
_CHANGES, _USES = 1, 2


def lock_changes(connection: Connection) -> None:
    """Wait until no other process changes anything, so that what is looked at holds until it is acted on.

    Without it two processes could both find a name free, or the last place of a quota, and both take it.
    """
    _lock(connection, "pg_advisory_xact_lock", _CHANGES)


def lock_uses(connection: Connection, *, alone: bool) -> None:
    """Wait until nobody who asked to be *alone* with the uses of access keys is, or, alone, until nobody is.

    Whoever notes uses does so in the order of the keys, and so waits for another without harm. Whoever forgets some
    stands in no such order, and two who wait for each other would both lose.
    """
    _lock(connection, "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared", _USES)


def remove_limits(connection: Connection) -> None:
    """Let the statements of this transaction take, and wait for locks, as long as they must: a migration's may."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "lock_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")


def _lock(connection: Connection, function: str, number: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT {function}({_FAMILY}, {number})")
