"""The store is opened, read and changed here.

Queries are plain functions over a SQLAlchemy connection; `read` and `transact` run them off the event loop. On SQLite
one thread writes, so that a group of changes and records costs one hop and one commit, and others read beside it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from sts.errors import Unavailable
from sts.store import versions
from sts.store.versions import Change, Version

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READERS = 2
_SWITCHES = 100  # attempts, each of which waits for whoever stood in the way of the one before


def to_microseconds(at: datetime) -> int:
    """Return the microseconds of the epoch at *at*, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """Return the instant *value* microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=value)


@dataclass(slots=True)
class Transaction:
    """A transaction under way: its connection, its instant, and what it has changed so far."""

    connection: Connection
    now: datetime
    changes: set[Change] = field(default_factory=set)

    def touch(self, noun: str, key: str) -> None:
        """Say that the thing called *key* among *noun* is changed: every snapshot drops it once this is committed."""
        self.changes.add(Change(noun, key))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done within when it raises, and nothing else of the transaction."""
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


@dataclass(frozen=True, slots=True)
class Database:
    """The SQLite file of the embedded default."""

    writer: Engine
    reader: Engine
    writing: ThreadPoolExecutor
    reading: ThreadPoolExecutor

    async def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in a read transaction of its own; raises Unavailable when the store cannot be read."""
        return await _off_loop(self.reading, lambda: self.read_now(query))

    async def transact(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* in one durable transaction; raises Unavailable, with nothing changed, when it cannot be committed.

        When *work* touched anything, the version is raised in the same transaction.
        """
        return await _off_loop(self.writing, lambda: self.transact_now(work, now))

    def read_now(self, query: Callable[[Connection], _T]) -> _T:
        """Do what `read` does, in this thread."""
        with self.reader.begin() as connection:
            return query(connection)

    def transact_now(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Do what `transact` does, in this thread."""
        with self.writer.begin() as connection:
            transaction = Transaction(connection, now)
            result = work(transaction)
            version = versions.raise_version(connection, transaction.changes) if transaction.changes else None
            changes = frozenset(transaction.changes)
        return result, Committed(version, changes)

    def close(self) -> None:
        """Wait for what is under way and close the file."""
        self.writing.shutdown()
        self.reading.shutdown()
        self.writer.dispose()
        self.reader.dispose()


async def _off_loop(pool: ThreadPoolExecutor, call: Callable[[], _T]) -> _T:
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, call)
    except DBAPIError as error:
        # The statement and its values are left out of every text: they may hold what a caller sent.
        raise Unavailable("The store is not available", detail=str(error.orig)) from None


def open_database(url: str) -> Database:
    """Open the store at *url* (`sqlite:///FILE`); raises ValueError for a kind of store that is not offered."""
    if make_url(url).get_backend_name() != "sqlite":
        raise ValueError("only sqlite:/// is offered")
    return Database(
        writer=_open_engine(url, "BEGIN IMMEDIATE", 1),
        reader=_open_engine(url, "BEGIN", _READERS),
        writing=ThreadPoolExecutor(1, "store-writer"),
        reading=ThreadPoolExecutor(_READERS, "store-reader"),
    )


def _open_engine(url: str, begin: str, connections: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        # What a caller sent stands in no text of an error: a trace of one goes to the log.
        hide_parameters=True,
        connect_args={"timeout": 10, "check_same_thread": False},
    )

    def configure(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes too late for a savepoint or a consistent read, so it is switched off.
        connection.isolation_level = None
        # A fresh file's pages: on the usual ones of 4 KB an audit record is too long for its leaf and takes a further
        # page for itself.
        connection.execute("PRAGMA page_size=8192")
        _journal_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _journal_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, which the file remembers: only the first to open a fresh file has anything to do."""
    for _ in range(_SWITCHES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # Another process opens the same fresh file. SQLite does not wait for this lock, but it does for a writer's.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")
