"""What the records of two accounts say of one request between them."""

import json
from typing import Any

import pytest

from tests.service import Service, Tenant, allow, trust
from tests.signing import Key

EXTERNAL_ID = "an-external-id-to-guess"


def records(service: Service, tenant: Tenant, event: str = "role.assume") -> list[dict[str, Any]]:
    """Return the records of the account's own list."""
    answer = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    assert answer.status == 200, answer.body
    return [each for each in json.loads(answer.body)["records"] if each["event"].startswith(event)]


@pytest.fixture
def stranger(service: Service) -> Tenant:
    return service.tenant()


def make_role(service: Service, tenant: Tenant, policy: str) -> None:
    made = service.call(tenant.key, "CreateRole", RoleName="target", AssumeRolePolicyDocument=policy)
    assert made.status == 200, made.body


def ask(service: Service, key: Key, tenant: Tenant, name: str) -> None:
    assert service.assume(key, f"arn:aws:iam::{tenant.account_id}:role/{name}").status == 403


def strip(record: dict[str, Any]) -> str:
    """Return the record without what every record has of its own, with the role's name made one."""
    kept = {k: v for k, v in record.items() if k not in {"sequence", "request_id", "at"}}
    return json.dumps(kept, sort_keys=True).replace("role/missing", "role/target")


@pytest.mark.parametrize("denies", ["by condition", "in silence", "explicitly"])
@pytest.mark.parametrize("own", ["allowing", "silent"])
def test_z_07_a_callers_records_do_not_tell_whether_another_accounts_role_exists(
    service: Service, tenant: Tenant, stranger: Tenant, denies: str, own: str
) -> None:
    guarded = trust(
        f"arn:aws:iam::{stranger.account_id}:root", condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    )
    policies = {
        "by condition": guarded,
        "in silence": trust(f"arn:aws:iam::{tenant.account_id}:root"),
        "explicitly": guarded.replace('"Allow"', '"Deny"').replace("StringEquals", "StringNotEquals"),
    }
    make_role(service, tenant, policies[denies])
    service.call(stranger.key, "CreateUser", UserName="curious")
    if own == "allowing":
        service.call(
            stranger.key,
            "PutUserPolicy",
            UserName="curious",
            PolicyName="p",
            PolicyDocument=allow("sts:AssumeRole"),
        )
    made = service.call(stranger.key, "CreateAccessKey", UserName="curious")
    curious = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    ask(service, curious, tenant, "target")
    ask(service, curious, tenant, "missing")
    existing, missing = records(service, stranger)
    assert strip(existing) == strip(missing)
    assert EXTERNAL_ID not in json.dumps(existing)


def test_the_owner_of_a_role_reads_who_asked_and_what_its_own_policy_said(
    service: Service, tenant: Tenant, stranger: Tenant
) -> None:
    make_role(
        service,
        tenant,
        trust(f"arn:aws:iam::{stranger.account_id}:root", condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}),
    )
    ask(service, stranger.key, tenant, "target")
    (record,) = records(service, tenant)
    assert record["principal"]["account_id"] == stranger.account_id
    (decision,) = record["decisions"]
    assert decision["said"] == {"trust": "implicitDeny"}
    assert decision["conditions"][0]["wanted"] == [EXTERNAL_ID]


def test_both_accounts_read_of_a_session_that_was_begun(service: Service, tenant: Tenant, stranger: Tenant) -> None:
    make_role(service, tenant, trust(f"arn:aws:iam::{stranger.account_id}:root"))
    session = service.assume(stranger.key, f"arn:aws:iam::{tenant.account_id}:role/target").key()
    (own,), (owners,) = records(service, stranger), records(service, tenant)
    assert own["event"] == owners["event"] == "role.assume.done"
    assert own["made"] == owners["made"]
    assert own["made"]["AccessKeyId"] == session.access_key_id
    assert own["made"]["jti"]
    assert own["decisions"][0]["said"] == {"identity": "allowed"}
    assert owners["decisions"][0]["said"] == {"trust": "allowed"}
    assert own["sequence"] != owners["sequence"]


def test_within_an_account_the_record_holds_the_whole_decision(service: Service, tenant: Tenant) -> None:
    make_role(service, tenant, trust(f"arn:aws:iam::{tenant.account_id}:root"))
    service.assume(tenant.key, f"arn:aws:iam::{tenant.account_id}:role/target")
    (record,) = records(service, tenant)
    assert record["decisions"][0]["said"] == {"trust": "allowed", "identity": "allowed"}


def test_a_record_says_what_was_made_and_no_secret(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateUser", UserName="bob")
    made = service.call(tenant.key, "CreateAccessKey", UserName="bob")
    (record,) = records(service, tenant, "access-key.create")
    assert record["made"] == {"AccessKeyId": made.text("AccessKeyId")}
    assert made.text("SecretAccessKey") not in json.dumps(record)


def test_the_failed_proof_of_a_user_stands_in_its_accounts_records(service: Service, tenant: Tenant) -> None:
    service.call(Key(tenant.key.access_key_id, "w" * 40), "GetCallerIdentity", "sts")
    (record,) = records(service, tenant, "caller.identify")
    assert record["error"] == "SignatureDoesNotMatch"
    assert record["principal"] == {"arn": f"arn:aws:iam::{tenant.account_id}:user/admin", "proven": False}


def test_the_refused_key_of_a_disabled_user_stands_in_its_accounts_records(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateUser", UserName="bob")
    made = service.call(tenant.key, "CreateAccessKey", UserName="bob")
    bob = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    disable = {"content-type": "application/json"}
    body = json.dumps({"name": "bob"}).encode()
    signed = service.send(tenant.key, path="/api/users/disable", body=body, headers=disable)
    assert signed.status == 200, signed.body
    refused = service.call(bob, "GetCallerIdentity", "sts")
    assert (refused.status, refused.code) == (403, "InvalidClientTokenId")
    (record,) = records(service, tenant, "caller.identify")
    assert record["principal"] == {"arn": f"arn:aws:iam::{tenant.account_id}:user/bob", "proven": False}
