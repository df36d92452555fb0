import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from sts.errors import Unavailable
from sts.store import versions
from sts.store.accounts import find_account, list_accounts
from sts.store.database import Transaction, open_database
from sts.store.sqlite import SqliteDatabase, open_sqlite
from tests.conftest import BEGINNING
from tests.store.stored_accounts import FIRST, add, kept


def in_use(engine: Engine, pragma: str) -> Any:
    with engine.begin() as connection:
        return connection.execute(text(f"PRAGMA {pragma}")).scalar_one()


@contextmanager
def another_writer(database: SqliteDatabase) -> Iterator[sqlite3.Connection]:
    """Hold the write lock as another process would, until the context or the transaction ends."""
    path = database.writer.url.database or ""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_version_cannot_be_raised_by_a_commit_that_fails(sqlite: SqliteDatabase) -> None:
    before = sqlite.read_now(versions.read_version)
    raised: list[versions.Version] = []

    def refuse(connection: Connection) -> None:
        raised.append(versions.read_version(connection))
        raise sqlite3.OperationalError("no commit today")

    event.listen(sqlite.writer, "commit", refuse)
    with pytest.raises(sqlite3.OperationalError):
        sqlite.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    event.remove(sqlite.writer, "commit", refuse)
    assert raised[0].counter == before.counter + 1
    assert sqlite.read_now(versions.read_version) == before
    sqlite.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    assert kept(sqlite) == [FIRST]


def test_a_reader_does_not_wait_for_a_writer(sqlite: SqliteDatabase) -> None:
    with another_writer(sqlite) as other:
        other.execute("UPDATE version SET counter = counter + 1")
        assert kept(sqlite) == []


def test_what_a_transaction_looked_at_no_other_process_changes_before_its_commit(sqlite: SqliteDatabase) -> None:
    """The write lock is taken before the first read: no commit comes between a look and the insert it allows."""
    path = sqlite.writer.url.database or ""

    def look_and_add(tx: Transaction) -> None:
        assert find_account(tx.connection, FIRST) is None
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO account VALUES (?, 'other', 1, 0)", (FIRST,))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        add(tx, FIRST)

    sqlite.transact_now(look_and_add, BEGINNING)
    assert kept(sqlite) == [FIRST]


def test_a_file_that_is_no_store_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "no.db"
    path.write_bytes(b"this was never a store" * 500)
    opened = open_database(f"sqlite:///{path}")
    with pytest.raises(Unavailable):
        asyncio.run(opened.read(list_accounts))
    opened.close()


def test_a_writer_waits_for_another_process_to_end(sqlite: SqliteDatabase) -> None:
    begins = threading.Event()

    async def write(other: sqlite3.Connection) -> None:
        writing = asyncio.create_task(sqlite.transact(lambda tx: add(tx, FIRST), BEGINNING))
        assert await asyncio.to_thread(begins.wait, 5)
        other.execute("COMMIT")
        await writing

    assert in_use(sqlite.writer, "busy_timeout") == 10_000
    event.listen(sqlite.writer, "before_cursor_execute", lambda *_: begins.set())
    with another_writer(sqlite) as other:
        asyncio.run(write(other))
    assert kept(sqlite) == [FIRST]


def test_a_store_that_stays_locked_is_unavailable(sqlite: SqliteDatabase) -> None:
    in_use(sqlite.writer, "busy_timeout = 1")  # of the one connection that writes
    with another_writer(sqlite), pytest.raises(Unavailable) as refused:
        asyncio.run(sqlite.transact(lambda tx: add(tx, FIRST), BEGINNING))
    assert refused.value.detail == "database is locked"
    assert kept(sqlite) == []
    asyncio.run(sqlite.transact(lambda tx: add(tx, FIRST), BEGINNING))
    assert kept(sqlite) == [FIRST]


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)], ids=str
)
def test_every_commit_is_durable_and_foreign_keys_hold(sqlite: SqliteDatabase, pragma: str, value: object) -> None:
    for engine in (sqlite.writer, sqlite.reader):
        assert in_use(engine, pragma) == value


def test_a_fresh_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """SQLite does not wait for the lock under which a file is switched to a write-ahead log."""

    def open_at_once(url: str, barrier: threading.Barrier) -> Any:
        opened = open_sqlite(url)
        barrier.wait()
        with closing(opened):
            return in_use(opened.writer, "journal_mode")

    with ThreadPoolExecutor(4) as pool:
        for number in range(25):
            url, barrier = f"sqlite:///{tmp_path / str(number)}", threading.Barrier(4)
            assert list(pool.map(open_at_once, [url] * 4, [barrier] * 4)) == ["wal"] * 4
