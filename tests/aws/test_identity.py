from sts.clock import ManualClock
from tests.service import Service, Tenant
from tests.signing import Key


def test_a_signed_call_says_who_is_calling(service: Service, tenant: Tenant) -> None:
    reply = service.call(tenant.key, "GetCallerIdentity", "sts")
    assert reply.status == 200
    assert reply.text("Arn") == f"arn:aws:iam::{tenant.account_id}:user/admin"


def test_a_signature_by_another_secret_is_refused(service: Service, tenant: Tenant) -> None:
    reply = service.call(Key(tenant.key.access_key_id, "w" * 40), "GetCallerIdentity", "sts")
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")


def test_time_is_the_clocks(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    early = service.send(
        tenant.key, body=b"Action=GetCallerIdentity&Version=2011-06-15", at=clock.now().replace(year=2025)
    )
    assert (early.status, early.code) == (403, "SignatureDoesNotMatch")
    assert early.message.startswith("Signature expired: ")
