"""Keys of every purpose rotate while the service is at work: nothing that was made before is lost."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from sts.audit.verification import Examination
from sts.clock import ManualClock
from sts.crypto.sealing import parse_sealed
from sts.foundation import lay_foundation
from sts.keyring.rotation import Purpose
from tests.security.forging import begin_session, split
from tests.security.rotating import rotate, until
from tests.security.wire import invoke
from tests.service import Service, Tenant


def _session_says(service: Service, tenant: Tenant, part: int, name: str) -> str:
    session = begin_session(service, tenant)
    assert session.token is not None
    return str(json.loads(split(session.token)[part])[name])


def _select(service: Service, query: str) -> bytes:
    with closing(sqlite3.connect(service.database_path)) as connection:
        (value,) = connection.execute(query).fetchone()
    return bytes(value)


def _sealed_with(service: Service, tenant: Tenant) -> str:
    made = invoke(service, tenant.key, "CreateAccessKey").text("AccessKeyId")
    sealed = _select(service, f"SELECT sealed_secret FROM access_key WHERE access_key_id = '{made}'")  # noqa: S608  ours
    invoke(service, tenant.key, "DeleteAccessKey", AccessKeyId=made)
    return str(parse_sealed(sealed).version)


def _recorded_with(service: Service, tenant: Tenant) -> str:
    invoke(service, tenant.key, "GetCallerIdentity", "sts")
    mac = _select(service, "SELECT mac FROM audit_record ORDER BY at DESC, sequence DESC LIMIT 1")
    return str(int.from_bytes(mac[:4], "big"))


def _marker(service: Service, tenant: Tenant) -> str:
    return invoke(service, tenant.key, "ListUsers", MaxItems="1").text("Marker")


def _kid(service: Service, tenant: Tenant) -> str:
    return _session_says(service, tenant, 0, "kid")


def _derived_with(service: Service, tenant: Tenant) -> str:
    return _session_says(service, tenant, 1, "dkv")


def _marked_with(service: Service, tenant: Tenant) -> str:
    return _marker(service, tenant).split(".")[1]


def _peppered_with(service: Service, tenant: Tenant) -> str:
    invoke(service, tenant.key, "CreateUser", UserName="peppered")
    profile = {"UserName": "peppered", "Password": "a phrase that nobody knows"}
    assert invoke(service, tenant.key, "CreateLoginProfile", **profile).status == 200
    with closing(sqlite3.connect(service.database_path)) as connection:
        (version,) = connection.execute("SELECT pepper_version FROM login_profile").fetchone()
    invoke(service, tenant.key, "DeleteLoginProfile", UserName="peppered")
    invoke(service, tenant.key, "DeleteUser", UserName="peppered")
    return str(version)


IN_USE: dict[Purpose, Callable[[Service, Tenant], str]] = {
    Purpose.SIGNING: _kid,
    Purpose.DERIVATION: _derived_with,
    Purpose.SEALING: _sealed_with,
    Purpose.AUDIT: _recorded_with,
    Purpose.MARKER: _marked_with,
    Purpose.PEPPER: _peppered_with,
}


def test_every_purpose_is_rotated() -> None:
    assert set(IN_USE) == set(Purpose)


def _verify_audit(service: Service) -> None:
    at = lay_foundation(service.settings, service.clock, service.entropy)
    findings = at.database.read_now(lambda it: Examination(it, at.keyring, lambda _: None).examine(()))
    at.database.close()
    assert findings.faults == []
    assert findings.records > 0


@pytest.mark.parametrize("purpose", Purpose)
def test_what_was_made_before_a_rotation_outlives_it(
    service: Service, tenant: Tenant, clock: ManualClock, purpose: Purpose
) -> None:
    for name in ("anna", "berta"):
        invoke(service, tenant.key, "CreateUser", UserName=name)
    session, marker = begin_session(service, tenant), _marker(service, tenant)
    before = IN_USE[purpose](service, tenant)
    rotate(service, purpose, soon=True)
    assert invoke(service, session, "GetCallerIdentity", "sts").status == 200
    clock.tick(timedelta(minutes=20))
    until(lambda: IN_USE[purpose](service, tenant), lambda after: after != before)
    assert invoke(service, session, "GetCallerIdentity", "sts").status == 200
    assert invoke(service, tenant.key, "ListUsers", Marker=marker).text("UserName") == "anna"
    _verify_audit(service)
    fresh = begin_session(service, tenant)
    assert invoke(service, fresh, "ListUsers").status == 200


def test_all_purposes_at_once_and_the_service_does_not_falter(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    for name in ("anna", "berta"):
        invoke(service, tenant.key, "CreateUser", UserName=name)
    session, marker = begin_session(service, tenant), _marker(service, tenant)
    before = {purpose: ask(service, tenant) for purpose, ask in IN_USE.items()}
    for purpose in Purpose:
        rotate(service, purpose, soon=True)
        assert invoke(service, session, "ListUsers", Marker=marker).status == 200
    clock.tick(timedelta(minutes=20))
    for purpose, ask in IN_USE.items():
        until(lambda ask=ask: ask(service, tenant), lambda after, old=before[purpose]: after != old)  # type: ignore[misc]  # bound now
        assert invoke(service, session, "ListUsers", Marker=marker).status == 200
    _verify_audit(service)


def test_an_emergency_rotation_works_at_once_and_ends_no_session(service: Service, tenant: Tenant) -> None:
    session = begin_session(service, tenant)
    before = _derived_with(service, tenant)
    rotate(service, Purpose.DERIVATION, emergency=True)
    until(lambda: _derived_with(service, tenant), lambda after: after != before)
    assert invoke(service, session, "GetCallerIdentity", "sts").status == 200
