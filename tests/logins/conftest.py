from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.logins.desk import LoginDesk, login_service, open_desk


@pytest.fixture
def desk(home: Path, clock: ManualClock) -> Iterator[LoginDesk]:
    """A service of the test's own, with a user who may log in."""
    with login_service(home, clock) as service:
        yield open_desk(service)
