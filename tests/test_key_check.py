import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import KeysRefused
from sts.foundation import lay_foundation
from sts.keyring.keyring import open_keyring
from sts.settings import read_settings


def start(home: Path, clock: ManualClock) -> None:
    lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy()).database.close()


def lose(home: Path, _clock: ManualClock) -> None:
    shutil.rmtree(home / "keys")


def empty(home: Path, _clock: ManualClock) -> None:
    for file in (home / "keys").glob("*.json"):
        file.unlink()


def mistake(home: Path, clock: ManualClock) -> None:
    shutil.rmtree(home / "keys")
    open_keyring(home / "keys", clock, Entropy(), create=True)


@pytest.mark.parametrize("harm", [lose, empty, mistake])
def test_a_store_starts_with_no_other_keys_than_its_own(
    home: Path, clock: ManualClock, harm: Callable[[Path, ManualClock], None]
) -> None:
    start(home, clock)
    harm(home, clock)
    before = sorted((home / "keys").glob("*"))
    with pytest.raises(KeysRefused, match="The store was made with keys that are not in"):
        start(home, clock)
    assert sorted((home / "keys").glob("*")) == before


def test_a_store_starts_again_once_its_keys_are_back(home: Path, clock: ManualClock) -> None:
    start(home, clock)
    shutil.move(home / "keys", home / "elsewhere")
    with pytest.raises(KeysRefused):
        start(home, clock)
    shutil.move(home / "elsewhere", home / "keys")
    start(home, clock)
