"""A service whose issuer is where it answers, so that strangers find it."""

from collections.abc import Iterator

import pytest

from sts.clock import SystemClock
from tests.aws.conftest import iam, sts
from tests.ports import find_port
from tests.service import Service, running_at

__all__ = ["iam", "sts"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one service for all tests of strangers, in real time; each has accounts of its own."""
    port = find_port()
    home = tmp_path_factory.mktemp("outbound")
    with running_at(port, home, SystemClock(), None, STS_ISSUER=f"http://127.0.0.1:{port}") as started:
        yield started
