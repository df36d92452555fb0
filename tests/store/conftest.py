from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.app import prepare_store
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring, open_keyring
from sts.store.database import Database, open_database
from sts.store.schema import migrate
from tests.conftest import BEGINNING
from tests.store.world import World, furnish


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sts.db'}"


@pytest.fixture
def database(url: str, clock: ManualClock, entropy: Entropy) -> Iterator[Database]:
    """A store of the test's own, made as a first start makes it."""
    opened = open_database(url)
    migrate(opened.writer, lambda connection: prepare_store(connection, clock, entropy))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def store_keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder = tmp_path_factory.mktemp("store-keyring") / "keys"
    return open_keyring(folder, ManualClock(BEGINNING), Entropy(), create=True, algorithms=["ES256"])


@pytest.fixture
def world(url: str, database: Database, store_keyring: Keyring) -> Iterator[World]:
    other = open_database(url)
    yield furnish(database, other, store_keyring)
    other.close()
