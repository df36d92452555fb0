"""When a role was last used, as boto3 is told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sts.clock import SystemClock
from sts.store.database import open_database
from sts.store.tables import role_use
from tests.aws.clients import make_role
from tests.service import REGION, OffsetClock, Service, Tenant, allow, running, trust
from tests.signing import Key


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'last-used.db'}"
    postgresql = request.getfixturevalue("postgresql")
    return str(postgresql.url(postgresql.make_database()))


def prepare(service: Service) -> tuple[Tenant, Any, str]:
    tenant = service.tenant()
    iam = service.boto("iam", tenant.key)
    arn = make_role(iam, "worker", trust(f"arn:aws:iam::{tenant.account_id}:root"), allow("iam:ListUsers"))
    return tenant, iam, arn


def begin(service: Service, tenant: Tenant, arn: str) -> Key:
    return service.assume(tenant.key, arn).key()


def last_used(iam: Any) -> dict[str, Any]:
    return dict(iam.get_role(RoleName="worker")["Role"]["RoleLastUsed"])


def test_a_role_was_used_when_a_session_of_it_calls_and_not_when_it_is_assumed(tmp_path: Path, url: str) -> None:
    clock = OffsetClock()
    with running(tmp_path / "home", clock, STS_DATABASE_URL=url) as service:
        tenant, iam, arn = prepare(service)
        session = begin(service, tenant, arn)
        assert last_used(iam) == {}
        assert service.call(session, "ListUsers").status == 200
        first = last_used(iam)
        assert first["Region"] == REGION
        assert abs(first["LastUsedDate"] - clock.now()) < timedelta(minutes=1)
        clock.tick(timedelta(minutes=5))
        assert service.call(session, "ListRoles").status == 403
        assert last_used(iam)["LastUsedDate"] - first["LastUsedDate"] >= timedelta(minutes=5)
        listed = iam.list_roles()["Roles"]
        assert all("RoleLastUsed" not in role for role in listed)


def test_the_note_goes_with_the_role(tmp_path: Path, url: str) -> None:
    with running(tmp_path / "home", SystemClock(), STS_DATABASE_URL=url) as service:
        tenant, iam, arn = prepare(service)
        session = begin(service, tenant, arn)
        assert service.call(session, "ListUsers").status == 200
        assert last_used(iam)
        iam.delete_role_policy(RoleName="worker", PolicyName="inline-0")
        iam.delete_role(RoleName="worker")
        at = open_database(url)
        assert at.read_now(lambda connection: connection.execute(select(role_use)).all()) == []
        at.close()
