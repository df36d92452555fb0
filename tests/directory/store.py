"""A store with one account, for tests that go through the directory's verbs."""

from asyncio import Runner
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, delete, insert

from sts.directory.managed import install
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring
from sts.model import Account
from sts.store import tables
from sts.store.accounts import insert_account
from sts.store.database import Committed, Database, Transaction, open_database
from sts.store.schema import metadata

_T = TypeVar("_T")
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ACCOUNT_ID = "123456789012"
OTHER_ACCOUNT_ID = "210987654321"
ENTROPY = Entropy()


@dataclass(frozen=True, slots=True)
class Store:
    """An open store; each call is a transaction of its own."""

    database: Database
    keyring: Keyring
    runner: Runner | None = None  # of the loop that connections are kept open in, when they are

    def change(self, work: Callable[[Transaction], _T]) -> _T:
        """Run *work* in a transaction and return its result."""
        return self._transact(work)[0]

    def touched(self, work: Callable[[Transaction], object]) -> set[tuple[str, str]]:
        """Run *work* in a transaction and return what it touched."""
        return {(change.noun, change.key) for change in self._transact(work)[1].changes}

    def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in a read transaction and return its result."""
        if self.runner is None or self.runner.get_loop().is_running():  # a read from within a change
            return self.database.read_now(query)
        return self.runner.run(self.database.read(query))

    def _transact(self, work: Callable[[Transaction], _T]) -> tuple[_T, Committed]:
        if self.runner is None:
            return self.database.transact_now(work, NOW)
        return self.runner.run(self.database.transact(work, NOW))


def open_store(url: str, keyring: Keyring) -> Store:
    """Return a new store at *url* with two accounts and the managed policies of the service."""
    store = Store(open_database(url), keyring)
    store.change(lambda tx: metadata.create_all(tx.connection))
    store.change(furnish)
    return store


@contextmanager
def keeping(store: Store) -> Iterator[Store]:
    """Return *store* with its connections kept open, as by a service: what is tried many times is faster so."""
    with Runner() as runner:
        serving = store.database.serving()
        runner.run(serving.__aenter__())
        try:
            yield replace(store, runner=runner)
        finally:
            runner.run(serving.__aexit__(None, None, None))


def empty(tx: Transaction) -> None:
    """Delete everything."""
    for table in reversed(metadata.sorted_tables):
        tx.connection.execute(delete(table))


def furnish(tx: Transaction) -> None:
    """Put two accounts and the managed policies of the service into an empty store."""
    tx.connection.execute(insert(tables.version).values(id=1, epoch="first", counter=0))
    for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID):
        insert_account(tx.connection, Account(account_id=account_id, name="", created_at=NOW))
    install(tx)
