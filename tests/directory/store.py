"""A store with one account, for tests that go through the directory's verbs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, insert

from sts.directory.managed import install
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring
from sts.model import Account
from sts.store import tables
from sts.store.accounts import insert_account
from sts.store.database import Database, Transaction, open_database

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

    def change(self, work: Callable[[Transaction], _T]) -> _T:
        """Run *work* in a transaction and return its result."""
        return self.database.transact_now(work, NOW)[0]

    def touched(self, work: Callable[[Transaction], object]) -> set[tuple[str, str]]:
        """Run *work* in a transaction and return what it touched."""
        return {(change.noun, change.key) for change in self.database.transact_now(work, NOW)[1].changes}

    def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in a read transaction and return its result."""
        return self.database.read_now(query)


def open_store(url: str, keyring: Keyring) -> Store:
    """Return a new store at *url* with two accounts and the managed policies of the service."""
    store = Store(open_database(url), keyring)
    tables.metadata.create_all(store.database.writer)
    with store.database.writer.begin() as connection:
        connection.execute(insert(tables.version).values(id=1, epoch="first", counter=0))
    store.change(_furnish)
    return store


def _furnish(tx: Transaction) -> None:
    for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID):
        insert_account(tx.connection, Account(account_id=account_id, name="", created_at=NOW))
    install(tx)
