from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'sts.db'}")
    yield opened
    opened.database.close()
