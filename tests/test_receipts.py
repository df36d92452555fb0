"""Receipts of denials: what they hold, who reads which part, and what their length does not tell."""

import base64
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sts.keyring.rotation import Purpose
from tests.security.rotating import rotate, until
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key


def decode(service: Service, key: Key, receipt: str) -> Reply:
    return service.call(key, "DecodeAuthorizationMessage", "sts", EncodedMessage=receipt)


def read(service: Service, key: Key, denied: Reply) -> dict[str, Any]:
    assert (denied.status, denied.code) == (403, "AccessDenied"), denied.body
    decoded: dict[str, Any] = json.loads(decode(service, key, denied.receipt).text("DecodedMessage"))
    return decoded


def make_user(service: Service, tenant: Tenant, name: str, policy: str | None = None) -> Key:
    assert service.call(tenant.key, "CreateUser", UserName=name).status == 200
    if policy is not None:
        put = service.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=policy)
        assert put.status == 200, put.body
    made = service.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def make_role(service: Service, tenant: Tenant, name: str, trusted: str) -> str:
    made = service.call(tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trusted)
    assert made.status == 200, made.body
    return made.text("Arn")


def test_a_denial_s_receipt_tells_statement_key_and_values(service: Service, tenant: Tenant) -> None:
    statement = {"Sid": "Office", "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    condition = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]})
    denied = service.call(make_user(service, tenant, "ursula", policy), "GetUser", UserName="ursula")
    assert denied.text("Message").startswith(f"User: arn:aws:iam::{tenant.account_id}:user/ursula is not authorized")
    assert len(denied.text("Message")) <= 10_240
    told = read(service, tenant.key, denied)
    assert (told["allowed"], told["explicitDeny"]) == (False, False)
    (failure,) = told["failures"]["items"]
    assert (failure["statement"]["sid"], failure["statement"]["policy"]) == (
        "Office",
        'policy "own" of user/ursula',
    )
    assert (failure["operator"], failure["key"]) == ("IpAddress", "aws:SourceIp")
    assert (failure["wanted"], failure["seen"]) == (["192.0.2.0/24"], ["127.0.0.1"])
    assert told["context"]["action"] == "iam:GetUser"
    assert told["context"]["conditions"]["items"] == [
        {"key": "aws:SourceIp", "values": {"items": [{"value": "127.0.0.1"}]}}
    ]
    assert told["receipt"]["format"] == 2
    assert told["receipt"]["request_id"] == denied.headers["x-amzn-requestid"]


def test_an_explicit_deny_is_told_with_its_statement(service: Service, tenant: Tenant) -> None:
    denied = service.call(
        make_user(service, tenant, "ursula", allow("iam:GetUser", effect="Deny")), "GetUser", UserName="ursula"
    )
    told = read(service, tenant.key, denied)
    assert told["explicitDeny"] is True
    assert [each["policy"] for each in told["matchedStatements"]["items"]] == ['policy "own" of user/ursula']


def test_reading_takes_its_permission(service: Service, tenant: Tenant) -> None:
    reader = make_user(service, tenant, "rita", allow("sts:DecodeAuthorizationMessage"))
    stranger = make_user(service, tenant, "ursula")
    denied = service.call(stranger, "GetUser", UserName="ursula")
    assert decode(service, reader, denied.receipt).status == 200
    refused = decode(service, stranger, denied.receipt)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert read(service, tenant.key, refused)["context"]["action"] == "sts:DecodeAuthorizationMessage"


def test_the_administration_s_denials_have_receipts_too(service: Service, tenant: Tenant) -> None:
    key = make_user(service, tenant, "ursula")
    answer = service.send(key, path="/api/users/disable", body=b'{"name": "ursula"}', headers={
        "content-type": "application/json"})  # fmt: skip
    _, _, receipt = json.loads(answer.body)["message"].partition(" Encoded authorization failure message: ")
    told = json.loads(decode(service, tenant.key, receipt).text("DecodedMessage"))
    assert told["context"]["action"] == "sts-admin:DisableUser"


def deny_across(service: Service, caller: Tenant, owner: Tenant, external_id: str | None = None) -> Reply:
    """Ask for a role of another account whose trust policy wants another ExternalId; its caller may ask for all."""
    wanted = trust(
        f"arn:aws:iam::{caller.account_id}:root", condition={"StringEquals": {"sts:ExternalId": "the-secret-word"}}
    )
    arn = make_role(service, owner, "partner", wanted)
    more = {} if external_id is None else {"ExternalId": external_id}
    return service.assume(caller.key, arn, **more)


def test_between_two_accounts_each_reads_its_own_side(service: Service, tenant: Tenant) -> None:
    caller, owner = tenant, service.tenant()
    denied = deny_across(service, caller, owner, "wrong-word")
    callers, owners = read(service, caller.key, denied), read(service, owner.key, denied)
    assert "the-secret-word" not in json.dumps(callers)
    assert callers["receipt"]["decision"]["said"] == {"identity": "allowed"}
    (failure,) = owners["failures"]["items"]
    assert (failure["key"], failure["wanted"], failure["seen"]) == (
        "sts:ExternalId", ["the-secret-word"], ["wrong-word"]
    )  # fmt: skip
    assert owners["receipt"]["decision"]["said"] == {"trust": "implicitDeny"}
    assert "AdministratorAccess" not in json.dumps(owners)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def side(service: Service, key: Key, denied: Reply) -> dict[str, Any]:
    """Return the decision of *denied* as the reader of *key* is told it, without the role's name."""
    decision: dict[str, Any] = read(service, key, denied)["receipt"]["decision"]
    return decision | {"resource": ""}


def test_what_a_caller_reads_is_the_same_whatever_a_foreign_trust_policy_says(service: Service, tenant: Tenant) -> None:
    """Ten reports of one's own, silences and denials: none makes room for, or gives way to, what the owner's said."""
    owner = service.tenant()
    statement = {"Principal": {"AWS": f"arn:aws:iam::{tenant.account_id}:root"}, "Action": "sts:AssumeRole"}
    secret = {"Condition": {"StringNotEquals": {"sts:ExternalId": "the-secret-word"}}}
    denying = document({**statement, "Effect": "Allow"}, {**statement, **secret, "Effect": "Deny"})
    arns = [
        make_role(service, owner, "denies", denying),
        make_role(service, owner, "trusts-another", trust(f"arn:aws:iam::{owner.account_id}:root")),
        f"arn:aws:iam::{owner.account_id}:role/missing",
    ]
    many = {"StringNotEquals": {f"aws:PrincipalTag/{number}": "x" for number in range(12)}}
    one = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    asking = {"Action": "sts:AssumeRole", "Resource": "*"}
    policies = {
        "denies": document({**asking, "Effect": "Allow"}, {**asking, "Effect": "Deny", "Condition": many}),
        "nearly-allows": document({**asking, "Effect": "Allow", "Condition": one}),
        "allows": document({**asking, "Effect": "Allow"}),
    }
    told = {}
    for name, policy in policies.items():
        key = make_user(service, tenant, name, policy)
        first, *others = (side(service, tenant.key, service.assume(key, arn)) for arn in arns)
        assert others == [first, first]
        told[name] = len(first["conditions"])
    assert told == {"denies": 10, "nearly-allows": 1, "allows": 0}


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
@pytest.mark.parametrize("key", ["aws:ResourceTag/project", "iam:ResourceTag/project"])
def test_a_condition_of_the_caller_s_tells_nothing_of_a_foreign_role_s_tags_nor_whether_it_is_there(
    service: Service, tenant: Tenant, effect: str, key: str
) -> None:
    owner = service.tenant()
    arn = make_role(service, owner, "hidden", trust(f"arn:aws:iam::{owner.account_id}:root"))
    tag = {"Tags.member.1.Key": "project", "Tags.member.1.Value": "merger-with-acme"}
    assert service.call(owner.key, "TagRole", RoleName="hidden", **tag).status == 200
    probing = {"Effect": effect, "Action": "sts:*", "Resource": "*", "Condition": {"StringLike": {key: "merger*"}}}
    broad = [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}] if effect == "Deny" else []
    prober = make_user(service, tenant, "prober", document(probing, *broad))
    there, missing = (service.assume(prober, name) for name in (arn, arn.replace("hidden", "absent")))
    assert there.message.partition(" Encoded")[0] == missing.message.partition(" Encoded")[0].replace(
        "absent", "hidden"
    )
    assert side(service, tenant.key, there) == side(service, tenant.key, missing)
    first, second = (
        [{**each, "resource": ""} for each in record["decisions"]]
        for record in json.loads(service.send(tenant.key, method="GET", path="/api/audit/records").body)["records"]
        if record["operation"] == "sts:AssumeRole"
    )
    assert first == second


def test_a_condition_on_the_tags_of_a_foreign_role_that_trusts_its_caller_holds_and_is_told_without_them(
    service: Service, tenant: Tenant
) -> None:
    owner = service.tenant()
    arn = make_role(service, owner, "partner", trust(f"arn:aws:iam::{tenant.account_id}:root"))
    tag = {"Tags.member.1.Key": "project", "Tags.member.1.Value": "merger-with-acme"}
    assert service.call(owner.key, "TagRole", RoleName="partner", **tag).status == 200
    asking = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    answers = [
        service.assume(make_user(service, tenant, name, document(asking | {"Condition": condition})), arn)
        for name, condition in (
            ("fits", {"StringEquals": {"aws:ResourceTag/project": "merger-with-acme"}}),
            ("differs", {"StringEquals": {"aws:ResourceTag/project": "x"}}),
        )
    ]
    assert [answer.status for answer in answers] == [200, 403]
    (told,) = side(service, tenant.key, answers[1])["conditions"]
    assert (told["key"], told["seen"], told["held"]) == ("aws:ResourceTag/project", None, False)


def test_a_trust_policy_s_own_condition_on_the_role_s_tags_is_told_to_its_owner(
    service: Service, tenant: Tenant
) -> None:
    owner = service.tenant()
    condition = {"StringEquals": {"aws:ResourceTag/open": "yes"}}
    arn = make_role(service, owner, "partner", trust(f"arn:aws:iam::{tenant.account_id}:root", condition=condition))
    statuses = []
    for value in ("no", "yes"):
        tag = {"Tags.member.1.Key": "open", "Tags.member.1.Value": value}
        assert service.call(owner.key, "TagRole", RoleName="partner", **tag).status == 200
        statuses.append(service.assume(tenant.key, arn))
    assert [answer.status for answer in statuses] == [403, 200]
    (told,) = side(service, owner.key, statuses[0])["conditions"]
    assert (told["wanted"], told["seen"]) == (["yes"], ["no"])
    assert side(service, tenant.key, statuses[0])["conditions"] == []


def test_what_a_role_s_owner_reads_is_the_same_whatever_a_foreign_caller_s_policies_say(
    service: Service, tenant: Tenant
) -> None:
    owner = service.tenant()
    condition = {"StringEquals": {"sts:ExternalId": "the-secret-word"}}
    arn = make_role(service, owner, "partner", trust(f"arn:aws:iam::{tenant.account_id}:root", condition=condition))
    policies = {"silent": None, "allows": allow("sts:*"), "denies": allow("sts:*", effect="Deny")}
    first, *others = (
        side(service, owner.key, service.assume(make_user(service, tenant, name, policy), arn))
        for name, policy in policies.items()
    )
    assert others == [first, first]
    assert [each["wanted"] for each in first["conditions"]] == [["the-secret-word"]]


def test_a_receipt_of_other_accounts_is_refused_like_one_that_is_none(service: Service, tenant: Tenant) -> None:
    denied = deny_across(service, tenant, service.tenant())
    refusals = {
        reply.message: (reply.status, reply.code)
        for reply in (
            decode(service, service.tenant().key, denied.receipt),
            decode(service, tenant.key, "none"),
            decode(service, tenant.key, denied.receipt[:-4]),
        )
    }
    assert list(refusals.values()) == [(400, "InvalidAuthorizationMessageException")]


def test_a_receipt_that_was_changed_anywhere_is_refused(service: Service, tenant: Tenant) -> None:
    denied = service.call(make_user(service, tenant, "ursula"), "GetUser", UserName="ursula")
    sealed = bytearray(base64.urlsafe_b64decode(denied.receipt + "=" * (-len(denied.receipt) % 4)))
    for place in range(0, len(sealed), 37):
        changed = sealed.copy()
        changed[place] ^= 1
        message = base64.urlsafe_b64encode(changed).decode("ascii").rstrip("=")
        assert decode(service, tenant.key, message).code == "InvalidAuthorizationMessageException", place


def test_a_receipt_that_was_cut_or_lengthened_is_refused(service: Service, tenant: Tenant) -> None:
    receipt = service.call(make_user(service, tenant, "ursula"), "GetUser", UserName="ursula").receipt
    cut = [part for length in range(1, len(receipt), 41) for part in (receipt[:length], receipt[-length:])]
    for message in (*cut, f"{receipt}AAAA", f"AAAA{receipt}", receipt + receipt):
        assert decode(service, tenant.key, message).code == "InvalidAuthorizationMessageException", len(message)


def test_what_is_sealed_elsewhere_is_no_receipt(service: Service, tenant: Tenant) -> None:
    """Whoever reads the store could else have a seed or a secret opened as a denial."""
    with closing(sqlite3.connect(service.database_path)) as connection:
        ((sealed,),) = connection.execute(
            "SELECT sealed_secret FROM access_key WHERE access_key_id = ?", (tenant.key.access_key_id,)
        ).fetchall()
    message = base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")
    assert decode(service, tenant.key, message).code == "InvalidAuthorizationMessageException"


@pytest.mark.parametrize("message", ["!", "AAAA", "é" * 10, "A" * 10_240, "AQAAAAE" + "A" * 80])
def test_what_is_no_receipt_is_refused(service: Service, tenant: Tenant, message: str) -> None:
    reply = decode(service, tenant.key, message)
    assert (reply.status, reply.code) == (400, "InvalidAuthorizationMessageException")


def test_a_message_that_is_too_long_is_refused_by_the_model(service: Service, tenant: Tenant) -> None:
    assert decode(service, tenant.key, "A" * 10_241).code == "ValidationError"


@pytest.mark.parametrize("across", [True, False], ids=["other account", "own account"])
def test_its_length_does_not_tell_whether_a_role_exists_or_what_it_asks_for(
    service: Service, tenant: Tenant, *, across: bool
) -> None:
    owner = service.tenant() if across else tenant
    missing = service.assume(tenant.key, f"arn:aws:iam::{owner.account_id}:role/missing-in-this-account")
    near = deny_across(service, tenant, owner, "wrong-word")
    assert len(missing.receipt) == len(near.receipt)
    values = [f"word-{number}-{number * 7919:x}{'x' * 90}" for number in range(15)]
    asks = trust(f"arn:aws:iam::{tenant.account_id}:root", condition={"StringEquals": {"sts:ExternalId": values}})
    much = service.assume(tenant.key, make_role(service, owner, "asks-much", asks))
    assert len(much.receipt) == len(near.receipt)


def test_a_denial_of_many_reasons_stays_within_the_longest(service: Service, tenant: Tenant) -> None:
    noise = [
        {
            "Sid": f"S{n}",
            "Effect": "Allow",
            "Action": "iam:GetUser",
            "Resource": "*",
            "Condition": {"StringEquals": {f"aws:PrincipalTag/{n}": [f"{n * m * 7919:x}" * 20 for m in range(1, 6)]}},
        }
        for n in range(1, 4)
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": noise})
    denied = service.call(make_user(service, tenant, "ursula", policy), "GetUser", UserName="ursula")
    assert 0 < len(denied.receipt) <= 10_240
    assert read(service, tenant.key, denied)["failures"]["items"]


def version(receipt: str) -> int:
    """Return the version of the key that a receipt is sealed under."""
    return int.from_bytes(base64.urlsafe_b64decode(receipt[:8])[1:5], "big")


def test_a_rotation_leaves_receipts_readable(service: Service, tenant: Tenant) -> None:
    key = make_user(service, tenant, "ursula")
    before = service.call(key, "GetUser", UserName="ursula").receipt
    rotate(service, Purpose.SEALING, emergency=True)
    sealed_anew = until(
        lambda: service.call(key, "GetUser", UserName="ursula").receipt,
        lambda receipt: version(receipt) > version(before),
    )
    assert [decode(service, tenant.key, receipt).status for receipt in (before, sealed_anew)] == [200, 200]


def test_whoever_was_denied_mends_the_policy_by_the_receipt(service: Service, tenant: Tenant) -> None:
    key = make_user(service, tenant, "ursula")
    told = read(service, tenant.key, service.call(key, "GetUser", UserName="ursula"))
    policy = allow(told["context"]["action"], told["context"]["resource"])
    service.call(tenant.key, "PutUserPolicy", UserName="ursula", PolicyName="mended", PolicyDocument=policy)
    for _ in range(2_000):
        reply = service.call(key, "GetUser", UserName="ursula")
        if reply.status == 200:
            break
    assert reply.status == 200
