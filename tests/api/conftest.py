from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.service import Service, running


@pytest.fixture
def other_node(service: Service, home: Path, clock: ManualClock) -> Iterator[Service]:
    """A second service on the same store, with a memory of its own."""
    assert service.settings.home == home
    with running(home, clock) as started:
        yield started
