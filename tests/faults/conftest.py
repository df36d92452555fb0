import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sts.app import build_accounts, lay_foundation
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.settings import read_settings
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.signing import Key


@dataclass(frozen=True)
class Estate:
    """A home with an account, and its administrator's key."""

    home: Path
    account_id: str
    key: Key


@pytest.fixture(scope="session")
def first_estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """A home whose keys are of now, made once."""
    return found_estate(tmp_path_factory.mktemp("estate"))


def found_estate(home: Path, **environment: str) -> Estate:
    """Make an account where *environment* says."""
    at = lay_foundation(read_settings({"STS_HOME": str(home), **environment}), SystemClock(), Entropy())
    begun, _ = at.database.transact_now(lambda tx: build_accounts(at).create(tx), at.clock.now())
    at.database.close()
    key = Key(begun.minted.key.access_key_id, str(begun.minted.secret))
    return Estate(home, begun.account.account_id, key)


@pytest.fixture
def estate(first_estate: Estate, tmp_path: Path) -> Estate:
    """A home of the test's own."""
    home = Path(shutil.copytree(first_estate.home, tmp_path / "home"))
    return Estate(home, first_estate.account_id, first_estate.key)


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresqlServer]:
    """A server that is stopped and hung; each test leaves it as it was."""
    with postgresql_server() as started:
        yield started


@pytest.fixture
def database(fragile: PostgresqlServer) -> str:
    return fragile.make_database()
