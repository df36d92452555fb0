"""What was asked, by whom, what was decided and why: the record says it, and says no secret."""

import json
from typing import Any

from sts.arn import iam_arn, session_arn
from tests.security.forging import begin_session, split
from tests.security.lifecycle import BY_TOKEN, EVERY
from tests.security.stored import find_record, read_records
from tests.security.wire import invoke, told
from tests.service import Reply, Service, Tenant
from tests.signing import Key


def _record_of(service: Service, reply: Reply) -> dict[str, Any]:
    return find_record(service, reply.headers["x-amzn-requestid"])


def _user(service: Service, tenant: Tenant, document: str) -> Key:
    invoke(service, tenant.key, "CreateUser", UserName="ursula")
    invoke(service, tenant.key, "PutUserPolicy", UserName="ursula", PolicyName="own", PolicyDocument=document)
    made = invoke(service, tenant.key, "CreateAccessKey", UserName="ursula")
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def test_a_deny_is_recorded_with_its_whole_decision(service: Service, tenant: Tenant) -> None:
    statements = [
        {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Sid": "NotFromHere",
            "Effect": "Deny",
            "Action": "iam:Delete*",
            "Resource": iam_arn(tenant.account_id, "user/*"),
            "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        },
    ]
    key = _user(service, tenant, json.dumps({"Version": "2012-10-17", "Statement": statements}))
    reply = invoke(service, key, "DeleteUser", UserName="admin")
    assert told(reply) == (403, "AccessDenied")
    record, resource = _record_of(service, reply), iam_arn(tenant.account_id, "user/admin")
    assert (record["event"], record["error"], record["operation"]) == (
        "user.delete.refused", "AccessDenied", "iam:DeleteUser",
    )  # fmt: skip
    assert record["pairs"] == [["iam:DeleteUser", resource]]
    (decision,) = record["decisions"]
    assert {name: decision[name] for name in ("outcome", "action", "resource", "said", "blocked_by")} == {
        "outcome": "explicitDeny",
        "action": "iam:DeleteUser",
        "resource": resource,
        "said": {"identity": "explicitDeny"},
        "blocked_by": "identity",
    }
    (reference,) = decision["deciding"]
    assert (reference["kind"], reference["sid"], reference["position"]) == ("identity", "NotFromHere", 1)
    assert "own" in reference["policy"]
    (condition,) = decision["conditions"]
    assert condition == {
        "statement": reference,
        "operator": "NotIpAddress",
        "key": condition["key"],
        "wanted": ["203.0.113.0/24"],
        "seen": ["127.0.0.1"],
        "held": True,
    }
    assert condition["key"].lower() == "aws:sourceip"
    for told_to_the_record_alone in ("NotFromHere", "203.0.113", "own", "SourceIp"):
        assert told_to_the_record_alone not in reply.message


def test_a_silence_is_recorded_as_one(service: Service, tenant: Tenant) -> None:
    key = _user(service, tenant, json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}))
    reply = invoke(service, key, "ListUsers")
    (decision,) = _record_of(service, reply)["decisions"]
    assert (decision["outcome"], decision["said"]) == ("implicitDeny", {"identity": "implicitDeny"})
    assert (decision["blocked_by"], decision["deciding"]) == ("identity", [])


def test_a_success_is_recorded_with_principal_pairs_and_decision(service: Service, tenant: Tenant) -> None:
    reply = invoke(service, tenant.key, "CreateUser", UserName="ursula", Path="/staff/")
    record = _record_of(service, reply)
    admin = iam_arn(tenant.account_id, "user/admin")
    assert (record["event"], record["error"]) == ("user.create.done", None)
    assert record["principal"]["arn"] == admin
    assert record["principal"]["type"] == "user"
    assert record["principal"]["unique_id"].startswith("AIDA")
    assert record["principal"]["access_key_id"] == tenant.key.access_key_id
    assert record["principal"]["proven"] is True
    assert record["parameters"] == {"UserName": "ursula", "Path": "/staff/"}
    resource = iam_arn(tenant.account_id, "user/staff/ursula")
    assert record["pairs"] == [["iam:CreateUser", resource]]
    (decision,) = record["decisions"]
    assert (decision["outcome"], decision["said"]) == ("allowed", {"identity": "allowed"})
    assert [reference["kind"] for reference in decision["deciding"]] == ["identity"]
    assert record["address"] == "127.0.0.1"


def test_what_a_session_does_is_recorded_with_the_session_and_its_chain(service: Service, tenant: Tenant) -> None:
    session = begin_session(service, tenant)
    record = _record_of(service, invoke(service, session, "ListUsers"))
    assert session.token is not None
    claims = json.loads(split(session.token)[1])
    assert record["principal"]["arn"] == session_arn(tenant.account_id, "reader", "session")
    assert (record["session"]["jti"], record["session"]["name"]) == (claims["jti"], "session")
    assert [hop["arn"] for hop in record["chain"]] == [
        iam_arn(tenant.account_id, "user/admin"),
        iam_arn(tenant.account_id, "role/reader"),
    ]


def test_every_operation_leaves_one_record_of_its_own_event(service: Service, tenant: Tenant) -> None:
    made, events = "", set()
    for call in EVERY:
        reply = call.send(service, tenant.key, tenant.account_id, made)
        assert reply.status == call.status, (call, reply.body)
        if call.name == "CreateAccessKey":
            made = reply.text("AccessKeyId")
        if call.name in BY_TOKEN:
            continue  # nobody is proven: it is recorded in sums
        record = _record_of(service, reply)
        assert record["operation"] == f"{call.service}:{call.name}"
        assert record["event"].endswith(".done" if call.status == 200 else ".refused")
        assert record["principal"]["arn"] == iam_arn(tenant.account_id, "user/admin")
        actions = [action for action, _ in record["pairs"]]
        asked = set() if call.name in {"GetCallerIdentity", "GetSessionToken"} else {f"{call.service}:{call.name}"}
        assert set(actions) - {"iam:PassRole"} == asked
        assert len(record["decisions"]) == len(actions)
        events.add(record["event"])
    assert len(events) > len(EVERY) // 2


def test_the_failed_proof_of_a_known_principal_is_recorded_as_claimed(service: Service, tenant: Tenant) -> None:
    reply = invoke(service, Key(tenant.key.access_key_id, "w" * 40), "ListUsers")
    record = _record_of(service, reply)
    assert record["principal"] == {"arn": iam_arn(tenant.account_id, "user/admin"), "proven": False}
    assert (record["error"], record["decisions"]) == ("SignatureDoesNotMatch", [])


def test_no_record_holds_what_an_operation_made_secret(service: Service, tenant: Tenant) -> None:
    made = invoke(service, tenant.key, "CreateAccessKey")
    session = begin_session(service, tenant)
    text = json.dumps(read_records(service))
    assert made.text("AccessKeyId") in text
    for secret in (made.text("SecretAccessKey"), session.secret, session.token, tenant.key.secret):
        assert secret
        assert secret not in text
