from datetime import UTC, datetime
from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="package")
def first_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as the first start leaves it: made once, because RSA keys take their time."""
    folder = tmp_path_factory.mktemp("first") / "keys"
    open_keyring(folder, ManualClock(START), Entropy(), create=True)
    return folder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)
