import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError

from sts.clock import ManualClock
from sts.errors import AlreadyExists, Unavailable
from sts.model import Account
from sts.store import versions
from sts.store.accounts import find_account, insert_account, list_accounts
from sts.store.database import Database, Transaction, open_database
from sts.store.versions import Change
from tests.conftest import BEGINNING

FIRST, SECOND = "111122223333", "444455556666"


def account(account_id: str) -> Account:
    return Account(account_id=account_id, name="spoken of nowhere", created_at=BEGINNING)


def stumble(tx: Transaction) -> None:
    with tx.savepoint():
        add(tx, SECOND)
        raise ZeroDivisionError


def add(tx: Transaction, account_id: str) -> None:
    insert_account(tx.connection, account(account_id))
    tx.touch("account", account_id)


def kept(database: Database) -> list[str]:
    return [each.account_id for each in database.read_now(list_accounts)]


def in_use(engine: Engine, pragma: str) -> Any:
    with engine.begin() as connection:
        return connection.execute(text(f"PRAGMA {pragma}")).scalar_one()


@contextmanager
def another_writer(database: Database) -> Iterator[sqlite3.Connection]:
    """Hold the write lock as another process would, until the context or the transaction ends."""
    path = database.writer.url.database or ""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_change_and_the_version_it_raises_are_one_transaction(database: Database) -> None:
    before = database.read_now(versions.read_version)
    _, committed = database.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    assert kept(database) == [FIRST]
    assert committed.version == versions.Version(before.epoch, before.counter + 1)
    assert committed.changes == {Change("account", FIRST)}
    assert database.read_now(lambda c: versions.find_changes(c, before)) == (committed.version, committed.changes)


def test_what_raises_leaves_neither_change_nor_version(database: Database) -> None:
    before = database.read_now(versions.read_version)

    def refuse(tx: Transaction) -> None:
        add(tx, FIRST)
        raise AlreadyExists("It is there already")

    with pytest.raises(AlreadyExists):
        database.transact_now(refuse, BEGINNING)
    assert kept(database) == []
    assert database.read_now(versions.read_version) == before


def test_a_transaction_that_touches_nothing_raises_no_version(database: Database) -> None:
    before = database.read_now(versions.read_version)
    result, committed = database.transact_now(lambda tx: find_account(tx.connection, FIRST), BEGINNING)
    assert (result, committed.version, committed.changes) == (None, None, frozenset())
    assert database.read_now(versions.read_version) == before


def test_a_version_cannot_be_raised_by_a_commit_that_fails(database: Database) -> None:
    before = database.read_now(versions.read_version)
    raised: list[versions.Version] = []

    def refuse(connection: Connection) -> None:
        raised.append(versions.read_version(connection))
        raise sqlite3.OperationalError("no commit today")

    event.listen(database.writer, "commit", refuse)
    with pytest.raises(sqlite3.OperationalError):
        database.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    event.remove(database.writer, "commit", refuse)
    assert raised[0].counter == before.counter + 1
    assert database.read_now(versions.read_version) == before
    database.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    assert kept(database) == [FIRST]


def test_a_savepoint_undoes_itself_and_nothing_else(database: Database) -> None:
    def work(tx: Transaction) -> None:
        add(tx, FIRST)
        with pytest.raises(ZeroDivisionError):
            stumble(tx)

    _, committed = database.transact_now(work, BEGINNING)
    assert kept(database) == [FIRST]
    assert committed.changes == {Change("account", FIRST)}


def test_what_is_done_within_a_savepoint_stays(database: Database) -> None:
    def work(tx: Transaction) -> None:
        with tx.savepoint():
            add(tx, FIRST)

    _, committed = database.transact_now(work, BEGINNING)
    assert kept(database) == [FIRST]
    assert committed.changes == {Change("account", FIRST)}


def test_a_savepoint_within_another_keeps_what_the_outer_one_did(database: Database) -> None:
    def work(tx: Transaction) -> None:
        with tx.savepoint():
            add(tx, FIRST)
            with pytest.raises(ZeroDivisionError):
                stumble(tx)

    database.transact_now(work, BEGINNING)
    assert kept(database) == [FIRST]


def test_a_reader_sees_one_state_beside_a_writer(database: Database) -> None:
    def look(connection: Connection) -> tuple[int, int]:
        before = len(list_accounts(connection))
        database.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
        return before, len(list_accounts(connection))

    assert database.read_now(look) == (0, 0)
    assert kept(database) == [FIRST]


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with another_writer(database) as other:
        other.execute("UPDATE version SET counter = counter + 1")
        assert kept(database) == []


def test_what_a_transaction_looked_at_no_other_process_changes_before_its_commit(database: Database) -> None:
    """The write lock is taken before the first read: no commit comes between a look and the insert it allows."""
    path = database.writer.url.database or ""

    def look_and_add(tx: Transaction) -> None:
        assert find_account(tx.connection, FIRST) is None
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO account VALUES (?, 'other', 1, 0)", (FIRST,))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        add(tx, FIRST)

    database.transact_now(look_and_add, BEGINNING)
    assert kept(database) == [FIRST]


def test_a_broken_rule_of_the_tables_undoes_its_savepoint_and_the_rest_is_kept(database: Database) -> None:
    def break_a_rule(tx: Transaction) -> None:
        with tx.savepoint():
            add(tx, SECOND)
            add(tx, FIRST)

    def work(tx: Transaction) -> None:
        add(tx, FIRST)
        with pytest.raises(IntegrityError):
            break_a_rule(tx)

    _, committed = database.transact_now(work, BEGINNING)
    assert kept(database) == [FIRST]
    assert committed.changes == {Change("account", FIRST)}


def test_a_broken_rule_of_the_tables_does_not_tell_what_was_sent(database: Database) -> None:
    def twice(tx: Transaction) -> None:
        add(tx, FIRST)
        add(tx, FIRST)

    with pytest.raises(IntegrityError) as broken:
        database.transact_now(twice, BEGINNING)
    assert "spoken of nowhere" not in f"{broken.value} {broken.value!r}"


def test_a_key_of_nobody_is_refused_by_the_tables(database: Database) -> None:
    def orphan(tx: Transaction) -> None:
        tx.connection.execute(text("INSERT INTO membership VALUES ('AGPANOBODY', 'AIDANOBODY')"))

    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        database.transact_now(orphan, BEGINNING)


def test_a_store_that_cannot_be_read_or_written_says_so_and_nothing_of_the_statement(
    database: Database, clock: ManualClock
) -> None:
    path = database.writer.url.database or ""
    with closing(sqlite3.connect(path)) as file:
        file.execute("ALTER TABLE account RENAME TO gone")
    attempts: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        lambda: database.read(list_accounts),
        lambda: database.read(lambda c: find_account(c, FIRST)),
        lambda: database.transact(lambda tx: add(tx, FIRST), clock.now()),
    )
    for attempt in attempts:
        with pytest.raises(Unavailable) as refused:
            asyncio.run(attempt())
        told = f"{refused.value.message} {refused.value.detail} {refused.value!r} {refused.value.__cause__}"
        assert "no such table" in told
        for secret in ("INSERT", "SELECT", FIRST, "spoken of nowhere"):
            assert secret not in told
        assert refused.value.message == "The store is not available"


def test_a_file_that_is_no_store_is_unavailable(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    Path(path).write_bytes(b"this was never a store" * 500)
    opened = open_database(url)
    with pytest.raises(Unavailable):
        asyncio.run(opened.read(list_accounts))
    opened.close()


def test_a_writer_waits_for_another_process_to_end(database: Database) -> None:
    begins = threading.Event()

    async def write(other: sqlite3.Connection) -> None:
        writing = asyncio.create_task(database.transact(lambda tx: add(tx, FIRST), BEGINNING))
        assert await asyncio.to_thread(begins.wait, 5)
        other.execute("COMMIT")
        await writing

    assert in_use(database.writer, "busy_timeout") == 10_000
    event.listen(database.writer, "before_cursor_execute", lambda *_: begins.set())
    with another_writer(database) as other:
        asyncio.run(write(other))
    assert kept(database) == [FIRST]


def test_a_store_that_stays_locked_is_unavailable(database: Database) -> None:
    in_use(database.writer, "busy_timeout = 1")  # of the one connection that writes
    with another_writer(database), pytest.raises(Unavailable) as refused:
        asyncio.run(database.transact(lambda tx: add(tx, FIRST), BEGINNING))
    assert refused.value.detail == "database is locked"
    assert kept(database) == []
    asyncio.run(database.transact(lambda tx: add(tx, FIRST), BEGINNING))
    assert kept(database) == [FIRST]


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)], ids=str
)
def test_every_commit_is_durable_and_foreign_keys_hold(database: Database, pragma: str, value: object) -> None:
    for engine in (database.writer, database.reader):
        assert in_use(engine, pragma) == value


@pytest.mark.parametrize("url", ["postgresql://localhost/sts", "mysql://localhost/sts"])
def test_a_store_of_a_kind_that_is_not_offered_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="only sqlite"):
        open_database(url)


def test_whoever_is_a_little_behind_learns_each_change_and_whoever_is_far_behind_starts_afresh(
    database: Database,
) -> None:
    since = database.read_now(versions.read_version)

    def fall_behind(tx: Transaction) -> None:
        versions.raise_version(tx.connection, {Change("user", "AIDAFIRST")})
        tx.connection.execute(text("UPDATE version SET counter = counter + 9998"))
        versions.raise_version(tx.connection, {Change("user", "AIDALAST")})

    database.transact_now(fall_behind, BEGINNING)
    present, changes = database.read_now(lambda c: versions.find_changes(c, since))
    assert present.counter == since.counter + 10_000
    assert changes == frozenset({Change("user", "AIDAFIRST"), Change("user", "AIDALAST")})
    database.transact_now(lambda tx: versions.raise_version(tx.connection, ()), BEGINNING)
    assert database.read_now(lambda c: versions.find_changes(c, since))[1] is None


def test_a_store_of_another_epoch_or_that_counts_from_less_says_that_all_may_have_changed(database: Database) -> None:
    def ask(since: versions.Version) -> tuple[versions.Version, frozenset[Change] | None]:
        return database.read_now(lambda connection: versions.find_changes(connection, since))

    present = database.read_now(versions.read_version)
    assert ask(versions.Version("another", present.counter)) == (present, None)
    assert ask(versions.Version(present.epoch, present.counter + 1)) == (present, None)
    assert ask(present) == (present, frozenset())


def test_a_fresh_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """SQLite does not wait for the lock under which a file is switched to a write-ahead log."""

    def open_at_once(url: str, barrier: threading.Barrier) -> Any:
        opened = open_database(url)
        barrier.wait()
        with closing(opened):
            return in_use(opened.writer, "journal_mode")

    with ThreadPoolExecutor(4) as pool:
        for number in range(25):
            url, barrier = f"sqlite:///{tmp_path / str(number)}", threading.Barrier(4)
            assert list(pool.map(open_at_once, [url] * 4, [barrier] * 4)) == ["wal"] * 4
