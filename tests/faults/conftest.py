import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stages import Estate, Stage, found_estate
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.redis_servers import redis_server


@pytest.fixture(scope="session")
def first_estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """A home whose keys are of now, made once."""
    return found_estate(tmp_path_factory.mktemp("estate"))


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


@pytest.fixture
def shared(postgresql: PostgresqlServer, tmp_path: Path) -> Iterator[Stage]:
    """An estate in PostgreSQL and Redis."""
    environment = {"STS_DATABASE_URL": postgresql.url(postgresql.make_database())}
    with redis_server(tmp_path / "redis") as redis:
        environment["STS_CACHE_URL"] = redis.url
        yield Stage(found_estate(tmp_path / "home", **environment), environment)
