"""boto3 clients of an account of the test's own."""

from pathlib import Path
from typing import Any

import pytest

from sts.aws.operations import Operations
from tests.service import Service, Tenant
from tests.table import read_table


@pytest.fixture
def iam(server: Service, resident: Tenant) -> Any:
    return server.boto("iam", resident.key)


@pytest.fixture
def sts(server: Service, resident: Tenant) -> Any:
    return server.boto("sts", resident.key)


@pytest.fixture
def table(home: Path) -> Operations:
    return read_table(home)
