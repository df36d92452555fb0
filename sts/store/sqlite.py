"""The SQLite file of the embedded default.

One thread writes, so that a group of changes and records costs one hop and one commit, and others read beside it.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from sts.errors import Unavailable
from sts.store.database import UNAVAILABLE, Committed, Transaction, complete
from sts.store.schema import upgrade
from sts.store.versions import read_version

_T = TypeVar("_T")
_READERS = 2
_SWITCHES = 100  # attempts, each of which waits for whoever stood in the way of the one before


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """A store in a file; the class `Database` says what each verb does."""

    writer: Engine
    reader: Engine
    writing: ThreadPoolExecutor
    reading: ThreadPoolExecutor

    async def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in the thread of a reader."""
        return await _off_loop(self.reading, lambda: self.read_now(query))

    async def look(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* as any other: here a transaction costs no exchange with anybody."""
        return await self.read(query)

    async def transact(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* in the thread of the writer."""
        return await _off_loop(self.writing, lambda: self.transact_now(work, now))

    async def check(self) -> None:
        """Read the least there is."""
        await self.read(read_version)

    def read_now(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in this thread."""
        with self.reader.begin() as connection:
            return query(connection)

    def transact_now(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* in this thread."""
        with self.writer.begin() as connection:
            return complete(Transaction(connection, now), work)

    def migrate(self, prepare: Callable[[Connection], None]) -> bool:
        """Migrate in this thread."""
        with self.writer.begin() as connection:
            return upgrade(connection, prepare)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Do nothing: the file is open already."""
        yield

    def close(self) -> None:
        """Wait for what is under way and close the file."""
        self.writing.shutdown()
        self.reading.shutdown()
        self.writer.dispose()
        self.reader.dispose()


async def _off_loop(pool: ThreadPoolExecutor, call: Callable[[], _T]) -> _T:
    """Run *call* in a thread of *pool*, in this context: a line that is logged there is the request's too."""
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, call)
    except DBAPIError as error:
        # The statement and its values are left out of every text: they may hold what a caller sent.
        raise Unavailable(UNAVAILABLE, detail=str(error.orig)) from None


def open_sqlite(url: str) -> SqliteDatabase:
    """Open the file at *url* (`sqlite:///FILE`), which is made, for its owner alone, when it is not there."""
    _make_private(make_url(url).database)
    return SqliteDatabase(
        writer=_open_engine(url, "BEGIN IMMEDIATE", 1),
        reader=_open_engine(url, "BEGIN", _READERS),
        writing=ThreadPoolExecutor(1, "store-writer"),
        reading=ThreadPoolExecutor(_READERS, "store-reader"),
    )


def _make_private(path: str | None) -> None:
    """Make the file, when it is not there, so that no other user of the machine reads it; its journals follow it."""
    if path:
        with suppress(FileExistsError, FileNotFoundError):  # a missing folder is told of when the file is opened
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


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
