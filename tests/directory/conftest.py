from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.keyring.keyring import Keyring, open_keyring
from tests.directory.store import ENTROPY, NOW, Store, open_store


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder = tmp_path_factory.mktemp("keyring") / "keys"
    return open_keyring(folder, ManualClock(NOW), ENTROPY, create=True, algorithms=["ES256"])


@pytest.fixture
def store(tmp_path: Path, keyring: Keyring) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'sts.db'}", keyring)
    yield opened
    opened.database.close()
