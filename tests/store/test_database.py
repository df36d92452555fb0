import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from sts.clock import ManualClock
from sts.errors import AlreadyExists, Malformed, Unavailable
from sts.store import versions
from sts.store.accounts import find_account, list_accounts
from sts.store.database import Database, Transaction, open_database
from sts.store.versions import Change
from tests.conftest import BEGINNING
from tests.store.stored_accounts import FIRST, SECOND, add, kept

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def stumble(tx: Transaction) -> None:
    with tx.savepoint():
        add(tx, SECOND)
        raise ZeroDivisionError


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

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        database.transact_now(orphan, BEGINNING)


def test_a_store_that_cannot_be_read_or_written_says_so_and_nothing_of_the_statement(
    database: Database, clock: ManualClock
) -> None:
    database.transact_now(lambda tx: tx.connection.execute(text("ALTER TABLE account RENAME TO gone")), BEGINNING)
    attempts: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        lambda: database.read(list_accounts),
        lambda: database.read(lambda c: find_account(c, FIRST)),
        lambda: database.transact(lambda tx: add(tx, FIRST), clock.now()),
    )
    for attempt in attempts:
        with pytest.raises(Unavailable) as refused:
            asyncio.run(attempt())
        told = f"{refused.value.message} {refused.value.detail} {refused.value!r} {refused.value.__cause__}"
        assert "no such table" in told or "does not exist" in told
        for secret in ("INSERT", "SELECT", FIRST, "spoken of nowhere"):
            assert secret not in told
        assert refused.value.message == "The store is not available"


@pytest.mark.parametrize("url", ["mysql://localhost/sts", "sts.db", "sqlite://"])
def test_a_store_of_a_kind_that_is_not_offered_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="it begins with sqlite:/// or postgresql://"):
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
