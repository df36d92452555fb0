from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.keyring.keyring import Keyring, open_keyring
from tests.directory.store import ENTROPY, NOW, Store, empty, furnish, keeping, open_store
from tests.postgresql_server import PostgresqlServer


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder = tmp_path_factory.mktemp("keyring") / "keys"
    return open_keyring(folder, ManualClock(NOW), ENTROPY, create=True, algorithms=["ES256"])


@pytest.fixture(scope="session")
def kept_store(postgresql: PostgresqlServer, keyring: Keyring) -> Iterator[Store]:
    with keeping(open_store(postgresql.url(postgresql.make_database()), keyring)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, keyring: Keyring) -> Iterator[Store]:
    if request.param == "sqlite":
        opened = open_store(f"sqlite:///{tmp_path / 'sts.db'}", keyring)
        yield opened
        opened.database.close()
    else:
        kept: Store = request.getfixturevalue("kept_store")
        kept.change(empty)
        kept.change(furnish)
        yield kept
