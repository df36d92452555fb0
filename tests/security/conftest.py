"""One service for the promises that need no clock of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.conftest import BEGINNING
from tests.security.forging import Forge
from tests.service import Service, Tenant, running


@pytest.fixture(scope="session")
def still(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose time stands still; each test has accounts of its own in it.

    With its time the count of failed proofs would stand still too: all tests share an address, and most of them fail.
    """
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("still") / "home")
    with running(Path(home), ManualClock(BEGINNING), STS_RATE_FAILED_PROOFS="off") as started:
        yield started


@pytest.fixture
def guest(still: Service) -> Tenant:
    """An account of the test's own on the shared service."""
    return still.tenant()


@pytest.fixture(scope="session")
def forge(still: Service) -> Forge:
    """A real session to make false ones from; nobody changes its account."""
    return Forge.open(still, still.tenant())
