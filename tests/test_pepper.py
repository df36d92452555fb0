"""A folder of a release that knew no passwords gets its pepper, or says where one is to be made."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import KeysRefused
from sts.foundation import lay_foundation
from sts.keyring import keyfiles
from sts.keyring.rotation import Purpose
from sts.settings import read_settings


def start(home: Path, clock: ManualClock) -> int:
    """Start, end, and return the version of the pepper."""
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy())
    at.database.close()
    return at.keyring.current_version(Purpose.PEPPER)


@pytest.fixture
def old(home: Path, clock: ManualClock) -> Path:
    """A home whose keys were made before there were passwords."""
    start(home, clock)
    (home / "keys" / "pepper-1.json").unlink()
    return home


@pytest.fixture
def only_read() -> Iterator[None]:
    """Have every folder be one that cannot be written; tests/deploy mounts a real one, which needs root."""
    with patch.object(keyfiles, "is_only_read", lambda _folder: True):
        yield


def test_a_folder_without_a_pepper_gets_one_and_keeps_it(old: Path, clock: ManualClock) -> None:
    before = {file.name for file in (old / "keys").iterdir()}
    assert start(old, clock) == 1
    assert {file.name for file in (old / "keys").iterdir()} - before == {"pepper-1.json"}
    made = (old / "keys" / "pepper-1.json").read_bytes()
    assert start(old, clock) == 1
    assert (old / "keys" / "pepper-1.json").read_bytes() == made


@pytest.mark.usefixtures("only_read")
def test_a_folder_that_can_only_be_read_says_where_its_pepper_is_to_be_made(old: Path, clock: ManualClock) -> None:
    before = sorted((old / "keys").iterdir())
    with pytest.raises(KeysRefused, match="lacks a current key: pepper; where it can be written, `sts keys tend`"):
        start(old, clock)
    assert sorted((old / "keys").iterdir()) == before
