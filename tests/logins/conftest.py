import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.conftest import BEGINNING
from tests.logins.desk import LoginDesk, login_service, open_desk


@pytest.fixture
def desk(home: Path, clock: ManualClock) -> Iterator[LoginDesk]:
    """A service of the test's own, with a user who may log in."""
    with login_service(home, clock) as service:
        yield open_desk(service)


@pytest.fixture(scope="module")
def front(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginDesk]:
    """A service that the tests of a module share, which move no time and change nobody."""
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("front") / "home")
    with login_service(Path(home), ManualClock(BEGINNING)) as service:
        yield open_desk(service)
