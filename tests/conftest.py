"""What tests start from: the real application, its clock, seeded entropy; nothing is patched."""

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_socket import disable_socket, enable_socket

from sts.clock import ManualClock, SystemClock
from sts.entropy import Entropy
from sts.foundation import lay_foundation
from sts.settings import read_settings
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.service import LOCAL_ISSUERS, Service, Tenant, running

BEGINNING = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _closed_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """A pure test opens no socket."""
    if request.node.get_closest_marker("pure") is None:
        yield
        return
    disable_socket()
    yield
    enable_socket()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(BEGINNING)


@pytest.fixture
def entropy() -> Entropy:
    return Entropy(random.Random(20260302).randbytes)  # noqa: S311  seeded on purpose: a test draws the same each time


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with keys and an empty store, made once: making RSA keys takes long."""
    home = tmp_path_factory.mktemp("prepared")
    settings = read_settings({"STS_HOME": str(home)})
    lay_foundation(settings, ManualClock(BEGINNING), Entropy()).database.close()
    return home


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Path:
    """A home of the test's own, with keys made at its clock's beginning."""
    return Path(shutil.copytree(prepared_home, tmp_path / "home"))


@pytest.fixture
def service(home: Path, clock: ManualClock) -> Iterator[Service]:
    """A service of the test's own, whose time stands still until the test moves it."""
    with running(home, clock, None, **LOCAL_ISSUERS) as started:
        yield started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service that real clients share, in real time; each test has accounts of its own."""
    with running(tmp_path_factory.mktemp("server"), SystemClock(), None, **LOCAL_ISSUERS) as started:
        yield started


@pytest.fixture
def tenant(service: Service) -> Tenant:
    """An account of the test's own service."""
    return service.tenant()


@pytest.fixture
def resident(server: Service) -> Tenant:
    """An account of the test's own on the shared server."""
    return server.tenant()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL that tests share; each has a database of its own."""
    with postgresql_server() as started:
        yield started
