from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import Unavailable
from sts.foundation import prepare_store
from sts.keyring.keyring import Keyring, open_keyring
from sts.store.database import Database, Transaction, open_database
from sts.store.schema import metadata
from sts.store.sqlite import SqliteDatabase
from tests.conftest import BEGINNING
from tests.postgresql_server import PostgresqlServer
from tests.store.world import World, furnish

SQLITE, POSTGRESQL = "sqlite", "postgresql"


def make(url: str, clock: ManualClock, entropy: Entropy) -> Database:
    """Open a store and make it as a first start does."""
    opened = open_database(url)
    opened.migrate(lambda connection: prepare_store(connection, clock, entropy))
    return opened


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> str:
    """The kinds of store that one suite is for."""
    told: str = request.param
    return told


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a store of the test's own, with nothing in it."""
    if kind == SQLITE:
        return f"sqlite:///{tmp_path / 'sts.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.url(server.make_database())


@pytest.fixture
def made_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a store of the test's own, made as a first start makes it."""
    if kind == SQLITE:
        url = f"sqlite:///{tmp_path / 'made.db'}"
        make(url, request.getfixturevalue("clock"), request.getfixturevalue("entropy")).close()
        return url
    kept: str = request.getfixturevalue("kept_url")
    return kept


@pytest.fixture
def kept_url(postgresql: PostgresqlServer, made: str, clock: ManualClock, entropy: Entropy) -> str:
    """The address of a database as a first start makes it: made again only when a test has altered its tables."""
    url = postgresql.url(made)
    try:
        open_database(url).transact_now(lambda tx: _begin_again(tx, clock, entropy), BEGINNING)
    except Unavailable:
        postgresql.ask(f"DROP DATABASE {made}")
        postgresql.ask(f"CREATE DATABASE {made} TEMPLATE template0")
        make(url, clock, entropy).close()
    return url


def _begin_again(tx: Transaction, clock: ManualClock, entropy: Entropy) -> None:
    for table in reversed(metadata.sorted_tables):
        tx.connection.execute(delete(table))
    prepare_store(tx.connection, clock, entropy)


@pytest.fixture
def database(made_url: str) -> Iterator[Database]:
    opened = open_database(made_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def made(postgresql: PostgresqlServer) -> str:
    """A database that each test begins anew with, and that others are copies of."""
    name = postgresql.make_database()
    make(postgresql.url(name), ManualClock(BEGINNING), Entropy()).close()
    return name


@pytest.fixture
def sqlite(tmp_path: Path, clock: ManualClock, entropy: Entropy) -> Iterator[SqliteDatabase]:
    """What is said of SQLite alone is tried on this one."""
    opened = make(f"sqlite:///{tmp_path / 'alone.db'}", clock, entropy)
    assert isinstance(opened, SqliteDatabase)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def store_keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder = tmp_path_factory.mktemp("store-keyring") / "keys"
    return open_keyring(folder, ManualClock(BEGINNING), Entropy(), create=True, algorithms=["ES256"])


@pytest.fixture
def world(made_url: str, database: Database, store_keyring: Keyring) -> Iterator[World]:
    other = open_database(made_url)
    yield furnish(database, other, store_keyring)
    other.close()
