"""The store is opened, read and changed here: a SQLite file, or PostgreSQL.

Queries are plain functions over a SQLAlchemy connection and the same for both; `read` and `transact` run them without
holding up the event loop.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from sts.store import versions
from sts.store.address import SQLITE, parse_address
from sts.store.locks import lock_changes
from sts.store.versions import Change, Version

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNAVAILABLE = "The store is not available"


def to_microseconds(at: datetime) -> int:
    """Return the microseconds of the epoch at *at*, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """Return the instant *value* microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=value)


def to_optional_microseconds(at: datetime | None) -> int | None:
    """Do what `to_microseconds` does for an instant that may not have come."""
    return None if at is None else to_microseconds(at)


def from_optional_microseconds(value: int | None) -> datetime | None:
    """Do what `from_microseconds` does for an instant that may not have come."""
    return None if value is None else from_microseconds(value)


@dataclass(slots=True)
class Transaction:
    """A transaction under way: its connection, its instant, and what it has changed so far."""

    connection: Connection
    now: datetime
    changes: set[Change] = field(default_factory=set)
    _alone: bool = False

    def touch(self, noun: str, key: str) -> None:
        """Say that the thing called *key* among *noun* is changed: every snapshot drops it once this is committed."""
        self.changes.add(Change(noun, key))

    def begin_change(self) -> None:
        """Wait until no other process changes anything; none does before this transaction has ended."""
        if not self._alone:
            lock_changes(self.connection)
            self._alone = True

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Begin a change; when it raises, undo what was done within and nothing else of the transaction."""
        self.begin_change()  # outside the savepoint: what is undone lets go of its locks
        before = set(self.changes)
        try:
            with self.connection.begin_nested():
                yield
        except BaseException:
            self.changes = before
            raise


@dataclass(frozen=True, slots=True)
class Committed:
    """What a committed transaction changed, and the version that it raised the store to (None: it changed nothing)."""

    version: Version | None
    changes: frozenset[Change]


class Database(Protocol):
    """A store. Whoever looks before they write does so within `Transaction.savepoint`, or in `transact_now`."""

    async def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in a read transaction of its own; raises Unavailable when the store cannot be read.

        *query* sees one state of the store, and may be run a second time.
        """
        ...

    async def look(self, query: Callable[[Connection], _T]) -> _T:
        """Do what `read` does for a *query* of one statement, which sees one state of the store by itself."""
        ...

    async def transact(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* in one durable transaction; raises Unavailable when it cannot be committed.

        Then nothing is changed, but for a commit that the store made while its answer was lost. When *work* touched
        anything, the version is raised in the same transaction.
        """
        ...

    async def check(self) -> None:
        """Raise Unavailable, within a second, unless the store can be used."""
        ...

    def read_now(self, query: Callable[[Connection], _T]) -> _T:
        """Do what `read` does, and wait: for starts, commands on the host and tests."""
        ...

    def transact_now(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Do what `transact` does, and wait; the whole of *work* is one change."""
        ...

    def migrate(self, prepare: Callable[[Connection], None]) -> bool:
        """Bring the store up to date and run *prepare* in the same transaction; say whether anything was to be done.

        Two processes may start at once: the second waits for the first's transaction and finds nothing left to do.
        Raises Unavailable when the store cannot be used or would not keep what it is told.
        """
        ...

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Keep connections of the running event loop open until the context ends."""
        ...

    def close(self) -> None:
        """Wait for what is under way and let go of everything."""
        ...


def complete(transaction: Transaction, work: Callable[[Transaction], _T]) -> tuple[_T, Committed]:
    """Run *work*, and raise the version when it touched anything; what is left to do is to commit."""
    result = work(transaction)
    version = versions.raise_version(transaction.connection, transaction.changes) if transaction.changes else None
    return result, Committed(version, frozenset(transaction.changes))


def open_database(url: str) -> Database:
    """Open the store at *url* (the forms are those of `address`); raises Malformed.

    Nothing is connected to, and no file made, before something is asked.
    """
    # Either is imported when it is used: a service on one of them has no use for the other's driver.
    if url.startswith(SQLITE):
        from sts.store.sqlite import open_sqlite  # noqa: PLC0415

        return open_sqlite(url)
    from sts.store.postgresql import open_postgresql  # noqa: PLC0415

    return open_postgresql(parse_address(url))
