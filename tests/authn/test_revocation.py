from dataclasses import replace
from datetime import timedelta

import pytest

from sts.clock import ManualClock
from sts.foundation import lay_foundation
from sts.store import roles
from sts.store.database import Transaction
from sts.store.revocations import EVERYTHING, Revocation, delete_ended, insert_revocation
from tests.service import Service, Tenant, allow, trust
from tests.signing import Key


def revoke(service: Service, subject: str) -> None:
    """Revoke what *subject* began until now, as another process does."""
    at = lay_foundation(service.settings, service.clock, service.entropy)
    now = at.clock.now()

    def change(tx: Transaction) -> None:
        insert_revocation(tx.connection, Revocation(subject, now, now + timedelta(hours=36)))
        tx.touch(*EVERYTHING)

    at.database.transact_now(change, now)
    at.database.close()


def make_roles(service: Service, tenant: Tenant, *names: str) -> list[str]:
    """Make roles that their account trusts, each allowed everything; return their unique ids."""
    ids = []
    for name in names:
        made = service.call(
            tenant.key,
            "CreateRole",
            RoleName=name,
            AssumeRolePolicyDocument=trust(f"arn:aws:iam::{tenant.account_id}:root"),
        )
        ids.append(made.text("RoleId"))
        service.call(tenant.key, "PutRolePolicy", RoleName=name, PolicyName="all", PolicyDocument=allow("*"))
    return ids


def is_refused_soon(service: Service, key: Key) -> bool:
    """Say whether the key is refused once the service has followed the store, within a bounded number of tries."""
    for _ in range(2_000):
        reply = service.call(key, "GetCallerIdentity", "sts")
        if reply.status != 200:
            return (reply.status, reply.code) == (403, "ExpiredToken")
    return False


@pytest.mark.parametrize("named", ["parent", "child", "account"])
def test_a_session_ends_with_what_is_revoked_in_its_chain(service: Service, tenant: Tenant, named: str) -> None:
    parent, child = make_roles(service, tenant, "parent", "child")
    first = service.assume(tenant.key, f"arn:aws:iam::{tenant.account_id}:role/parent").key()
    second = service.assume(first, f"arn:aws:iam::{tenant.account_id}:role/child").key()
    revoke(service, {"parent": parent, "child": child, "account": tenant.account_id}[named])
    assert is_refused_soon(service, second)
    still = service.call(first, "GetCallerIdentity", "sts")
    assert still.status == (200 if named == "child" else 403)


def test_a_disabled_role_s_session_has_ended_though_its_revocation_is_not_read_yet(
    service: Service, tenant: Tenant
) -> None:
    (role_id,) = make_roles(service, tenant, "worker")
    begun = service.assume(tenant.key, f"arn:aws:iam::{tenant.account_id}:role/worker").key()
    at = lay_foundation(service.settings, service.clock, service.entropy)

    def disable(tx: Transaction) -> None:
        role = roles.find_role_by_id(tx.connection, role_id)
        assert role is not None
        roles.update_role(tx.connection, replace(role, enabled=False))
        tx.touch("role", role_id)

    at.database.transact_now(disable, at.clock.now())
    at.database.close()
    assert is_refused_soon(service, begun)


def test_what_is_begun_later_is_not_revoked(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    (role,) = make_roles(service, tenant, "worker")
    arn = f"arn:aws:iam::{tenant.account_id}:role/worker"
    before = service.assume(tenant.key, arn).key()
    revoke(service, role)
    assert is_refused_soon(service, before)
    clock.tick(timedelta(seconds=1))
    after = service.assume(tenant.key, arn).key()
    assert service.call(after, "GetCallerIdentity", "sts").status == 200


def test_revocations_that_concern_nothing_any_more_are_deleted(service: Service, clock: ManualClock) -> None:
    revoke(service, "AROAX")
    at = lay_foundation(service.settings, service.clock, service.entropy)
    clock.tick(timedelta(hours=36) - timedelta(microseconds=1))
    assert at.database.transact_now(lambda tx: delete_ended(tx.connection, clock.now()), clock.now())[0] == 0
    clock.tick(timedelta(microseconds=1))
    assert at.database.transact_now(lambda tx: delete_ended(tx.connection, clock.now()), clock.now())[0] == 1
    at.database.close()
