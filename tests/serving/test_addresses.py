"""Where a request came from, as policies, limits and the record see it."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.service import Reply, Service, Tenant, running, trust
from tests.signing import Key

STRANGER = "203.0.113.9"
SPOOFS = (
    {"x-forwarded-for": "127.0.0.1"},
    {"x-forwarded-for": STRANGER},
    {"X-Forwarded-For": STRANGER, "X-Real-IP": STRANGER, "Forwarded": f"for={STRANGER};proto=https"},
    {"x-forwarded-proto": "https"},
    {"aws-sourceip": STRANGER, "x-amz-source-ip": STRANGER, "client-ip": STRANGER},
)


def _deny_unless(condition: dict[str, dict[str, str]]) -> str:
    statement = {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _restrict(service: Service, tenant: Tenant, condition: dict[str, dict[str, str]]) -> Key:
    """Return the key of a user who may do everything, but list users only under *condition*."""
    root = service.root_key(tenant)
    service.call(root, "CreateUser", UserName="ann")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    service.call(root, "AttachUserPolicy", UserName="ann", PolicyArn=arn)
    document = _deny_unless(condition)
    put = service.call(root, "PutUserPolicy", UserName="ann", PolicyName="from-there", PolicyDocument=document)
    assert put.status == 200, put.body
    made = service.call(root, "CreateAccessKey", UserName="ann")
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def _list(service: Service, key: Key, headers: dict[str, str] | None = None) -> int:
    body = b"Action=ListUsers&Version=2010-05-08"
    return service.send(key, body=body, service="iam", headers=headers).status


def _last_address(service: Service) -> str:
    with closing(sqlite3.connect(service.database_path)) as connection:
        ((body,),) = connection.execute("SELECT body FROM audit_record ORDER BY at DESC, sequence DESC LIMIT 1")
    return str(json.loads(body)["address"])


@pytest.mark.parametrize("headers", SPOOFS)
def test_a_header_from_outside_changes_neither_address_nor_scheme(
    headers: dict[str, str], service: Service, tenant: Tenant
) -> None:
    from_there = _restrict(service, tenant, {"NotIpAddress": {"aws:SourceIp": f"{STRANGER}/32"}})
    assert _list(service, from_there, headers) == 403
    assert _last_address(service) == "127.0.0.1"


def test_https_cannot_be_claimed_from_outside(service: Service, tenant: Tenant) -> None:
    over_tls = _restrict(service, tenant, {"Bool": {"aws:SecureTransport": "false"}})
    assert _list(service, over_tls, {"x-forwarded-proto": "https"}) == 403


def test_behind_a_trusted_proxy_policies_and_record_see_the_client(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_TRUSTED_PROXIES="127.0.0.0/8") as service:
        key = _restrict(service, service.tenant(), {"NotIpAddress": {"aws:SourceIp": f"{STRANGER}/32"}})
        assert _list(service, key) == 403
        assert _list(service, key, {"x-forwarded-for": f"10.9.9.9, {STRANGER}"}) == 200
        assert _last_address(service) == STRANGER
        assert _list(service, key, {"x-forwarded-for": f"{STRANGER}, 10.9.9.9"}) == 403


def test_behind_a_trusted_proxy_the_way_to_it_may_be_https(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_TRUSTED_PROXIES="127.0.0.1") as service:
        key = _restrict(service, service.tenant(), {"Bool": {"aws:SecureTransport": "false"}})
        assert _list(service, key, {"x-forwarded-proto": "https"}) == 200
        assert _list(service, key, {"x-forwarded-proto": "http"}) == 403
        assert _list(service, key) == 403


def _guess(service: Service, tenant: Tenant, headers: dict[str, str] | None = None) -> Reply:
    wrong = Key(tenant.key.access_key_id, "x" * 40)
    return service.send(wrong, body=b"Action=GetCallerIdentity&Version=2011-06-15", headers=headers)


def test_who_fails_too_often_is_sent_away_and_may_come_again(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_RATE_FAILED_PROOFS="0.5/3") as service:
        tenant = service.tenant()
        assert [_guess(service, tenant).code for _ in range(3)] == ["SignatureDoesNotMatch"] * 3
        sent_away = _guess(service, tenant)
        assert (sent_away.status, sent_away.code, sent_away.headers["retry-after"]) == (400, "Throttling", "2")
        assert service.call(tenant.key, "ListUsers").code == "Throttling"
        assert _guess(service, tenant, {"x-forwarded-for": STRANGER}).code == "Throttling"
        clock.tick(timedelta(seconds=2))
        assert service.call(tenant.key, "ListUsers").status == 200
        assert service.call(tenant.key, "ListUsers").status == 200
        assert service.send(tenant.key, method="GET", path="/api/audit/records").status == 200


def test_a_flood_of_failures_keeps_no_caller_out_who_was_proven_from_the_same_address(
    home: Path, clock: ManualClock
) -> None:
    with running(home, clock, STS_RATE_FAILED_PROOFS="1/20") as service:
        neighbour, stranger, late = service.tenant(), service.tenant(), service.tenant()
        trusted = trust(f"arn:aws:iam::{neighbour.account_id}:root")
        service.call(neighbour.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=trusted)
        flood = [_guess(service, stranger).code for _ in range(100)]
        assert flood == ["SignatureDoesNotMatch"] * 20 + ["Throttling"] * 80
        for _ in range(30):
            session = service.assume(neighbour.key, f"arn:aws:iam::{neighbour.account_id}:role/worker").key()
            assert service.call(session, "GetCallerIdentity", "sts").status == 200
            assert _guess(service, stranger).code == "Throttling"
        assert service.call(late.key, "ListUsers").code == "Throttling"
        clock.tick(timedelta(seconds=1))
        assert service.call(late.key, "ListUsers").status == 200


def test_failures_are_counted_by_client_behind_a_trusted_proxy(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_RATE_FAILED_PROOFS="0.5/1", STS_TRUSTED_PROXIES="127.0.0.1") as service:
        tenant = service.tenant()
        assert _guess(service, tenant, {"x-forwarded-for": STRANGER}).code == "SignatureDoesNotMatch"
        assert _guess(service, tenant, {"x-forwarded-for": STRANGER}).code == "Throttling"
        assert _guess(service, tenant, {"x-forwarded-for": f"10.0.0.1, {STRANGER}"}).code == "Throttling"
        assert service.call(tenant.key, "ListUsers").status == 200


def test_a_caller_is_slowed_by_its_own_requests_only(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_RATE_CALLER="1/2") as service:
        tenant, other = service.tenant(), service.tenant()
        for _ in range(5):
            _guess(service, tenant)
        assert [service.call(tenant.key, "ListUsers").status for _ in range(3)] == [200, 200, 400]
        slowed = service.send(tenant.key, method="GET", path="/api/audit/records")
        assert (slowed.status, slowed.headers["retry-after"]) == (429, "1")
        assert service.call(other.key, "ListUsers").status == 200
        clock.tick(timedelta(seconds=1))
        assert service.call(tenant.key, "ListUsers").status == 200


def test_a_caller_gets_no_more_by_beginning_sessions(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_RATE_CALLER="1/4") as service:
        tenant = service.tenant()
        sessions = [service.call(tenant.key, "GetSessionToken", "sts").key() for _ in range(3)]
        statuses = [service.call(key, "GetCallerIdentity", "sts").status for key in (*sessions, tenant.key)]
        assert statuses == [200, 400, 400, 400]
