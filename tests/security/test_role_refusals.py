"""Why a role may not be assumed stands in records: a caller learns neither that it exists nor what it asks for."""

import json
from typing import Any

import pytest

from sts.arn import iam_arn
from tests.security.stored import read_records
from tests.security.wire import assume, invoke, told
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

IDENTITIES = {
    "silent": allow("s3:*"),
    "allowing": allow("sts:AssumeRole"),
    "denying": allow("sts:AssumeRole", effect="Deny"),
}


def _caller(service: Service, tenant: Tenant, name: str, document: str) -> Key:
    invoke(service, tenant.key, "CreateUser", UserName=name)
    invoke(service, tenant.key, "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=document)
    made = invoke(service, tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def _roles(service: Service, owner: Tenant, caller_arns: list[str]) -> list[str]:
    """Make roles that refuse the callers, each for a reason of its own; the last name is nobody's."""
    admin = iam_arn(owner.account_id, "user/admin")
    failing = trust(*caller_arns, condition={"StringEquals": {"sts:ExternalId": "secret-of-the-owner"}})
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": caller_arns}, "Action": "sts:AssumeRole"},
        {"Sid": "NeverThem", "Effect": "Deny", "Principal": {"AWS": caller_arns}, "Action": "sts:AssumeRole"},
    ]
    denying = json.dumps({"Version": "2012-10-17", "Statement": statements})
    made = {"quiet": trust(admin), "asking": failing, "denies": denying}
    for name, document in made.items():
        reply = invoke(service, owner.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=document)
        assert reply.status == 200, reply.body
    invoke(
        service, owner.key, "CreateRole", RoleName="pathed", Path="/x/", AssumeRolePolicyDocument=trust(*caller_arns)
    )
    return [*made, "pathed", "nobody"]


def _shown(reply: Reply, name: str) -> tuple[int, str, str, frozenset[str], int]:
    """Return everything of an answer that could tell one role from another, with its name taken out."""
    headers = frozenset(reply.headers.keys())
    message = reply.message.replace(f":role/{name} ", ":role/NAME ")
    return reply.status, reply.code, message, headers, len(reply.body) - len(name)


def _records(service: Service, reply: Reply, account_id: str) -> dict[str, Any]:
    request_id = reply.headers["x-amzn-requestid"]
    (record,) = [r for r in read_records(service) if r["request_id"] == request_id and r["account_id"] == account_id]
    return record


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("across", [False, True], ids=["own account", "other account"])
def test_a_refusal_reads_the_same_whether_or_not_there_is_a_role(
    service: Service, tenant: Tenant, identity: str, *, across: bool
) -> None:
    visitor = service.tenant() if across else tenant
    key = _caller(service, visitor, "cora", IDENTITIES[identity])
    names = _roles(service, tenant, [iam_arn(visitor.account_id, "user/cora")])
    replies = {name: assume(service, key, iam_arn(tenant.account_id, f"role/{name}")) for name in names}
    for external in ("wrong", "secret-of-the-owner."):
        replies["asking"] = assume(service, key, iam_arn(tenant.account_id, "role/asking"), ExternalId=external)
        shown = {_shown(reply, name) for name, reply in replies.items()}
        assert len(shown) == 1, shown
    ((status, code, message, _, _),) = shown
    assert (status, code) == (403, "AccessDenied")
    assert message.startswith(
        f"User: {iam_arn(visitor.account_id, 'user/cora')} is not authorized to perform: sts:AssumeRole on resource: "
    )
    for hint in ("ExternalId", "NeverThem", "secret-of-the-owner", "quiet"):
        assert hint not in message


@pytest.mark.parametrize("identity", IDENTITIES)
def test_a_refusal_takes_no_more_policies_into_account_than_it_tells(
    service: Service, tenant: Tenant, identity: str
) -> None:
    """What the caller's own policies are missing is told, since they are its own."""
    key = _caller(service, tenant, "cora", IDENTITIES[identity])
    reply = assume(service, key, iam_arn(tenant.account_id, "role/nobody"))
    wanted = {
        "silent": "because no identity-based policy allows the sts:AssumeRole action",
        "allowing": "because no role trust policy allows the sts:AssumeRole action",
        "denying": "with an explicit deny in an identity-based policy",
    }
    assert reply.message.endswith(wanted[identity])


@pytest.mark.parametrize(
    "arn",
    [
        "nothing-valid-in-here",
        "arn::b:::something/test-role",
        "arn:a::::something/test-role",
        "arn:a:::something/test-role",
        "arn:a:a::aaaaaaaaaa:",
    ],
)
def test_what_is_no_arn_is_refused_as_that(service: Service, tenant: Tenant, arn: str) -> None:
    """AWS answers each of these so, as recorded in July 2025 (LocalStack's snapshot `test_sts_invalid_parameters`)."""
    reply = assume(service, tenant.key, arn)
    assert (reply.status, reply.code, reply.message) == (400, "ValidationError", f"{arn} is invalid")


@pytest.mark.parametrize(
    "form",
    ["iam::{}:user/admin", "iam::{}:instance-profile/x", "iam::{}:root", "iam:us-east-1:{}:role/quiet",
     "s3::{}:role/quiet", "sts::{}:assumed-role/quiet/me", "iam::{}:role/"],
)  # fmt: skip
def test_the_arn_of_what_is_no_role_is_refused_like_that_of_a_missing_one(
    service: Service, tenant: Tenant, form: str
) -> None:
    made = invoke(
        service, tenant.key, "CreateRole", RoleName="quiet",
        AssumeRolePolicyDocument=trust(iam_arn(tenant.account_id, "root")),
    )  # fmt: skip
    assert assume(service, tenant.key, made.text("Arn")).status == 200
    arn = f"arn:aws:{form.format(tenant.account_id)}"
    reply = assume(service, tenant.key, arn)
    assert (reply.status, reply.code) == (403, "AccessDenied")
    assert reply.message.endswith(f"on resource: {arn} because no role trust policy allows the sts:AssumeRole action")


WORDS = {
    "identity": ("no identity-based policy", "an identity-based policy"),
    "boundary": ("no permissions boundary", "a permissions boundary"),
    "trust": ("no role trust policy",),
}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("across", [False, True], ids=["own account", "other account"])
def test_the_receipt_and_the_record_name_what_the_caller_was_told(
    service: Service, tenant: Tenant, identity: str, *, across: bool
) -> None:
    visitor = service.tenant() if across else tenant
    key = _caller(service, visitor, "cora", IDENTITIES[identity])
    names = _roles(service, tenant, [iam_arn(visitor.account_id, "user/cora")])
    bounded = iam_arn(visitor.account_id, "policy/none")
    made = invoke(service, visitor.key, "CreatePolicy", PolicyName="none", PolicyDocument=allow("s3:*"))
    assert made.text("Arn") == bounded
    for boundary in (None, bounded):
        if boundary is not None:
            invoke(service, visitor.key, "PutUserPermissionsBoundary", UserName="cora", PermissionsBoundary=boundary)
        for name in names:
            reply = assume(service, key, iam_arn(tenant.account_id, f"role/{name}"))
            opened = service.call(visitor.key, "DecodeAuthorizationMessage", "sts", EncodedMessage=reply.receipt)
            told_of = json.loads(opened.text("DecodedMessage"))["receipt"]["decision"]
            assert any(words in reply.message for words in WORDS[told_of["blocked_by"]]), (name, reply.message)
            (recorded,) = _records(service, reply, visitor.account_id)["decisions"]
            assert recorded["blocked_by"] == told_of["blocked_by"]


def test_the_owner_s_records_tell_the_refusals_apart(service: Service, tenant: Tenant) -> None:
    visitor = service.tenant()
    key = _caller(service, visitor, "cora", IDENTITIES["allowing"])
    names = _roles(service, tenant, [iam_arn(visitor.account_id, "user/cora")])
    told_by: dict[str, Any] = {}
    for name in names:
        reply = assume(service, key, iam_arn(tenant.account_id, f"role/{name}"), ExternalId="wrong")
        own = _records(service, reply, visitor.account_id)
        (decision,) = own["decisions"]
        assert (own["error"], decision["said"].get("identity")) == ("AccessDenied", "allowed")
        assert "trust" not in decision["said"]
        assert "secret-of-the-owner" not in json.dumps(own)
        if name in {"quiet", "asking", "denies"}:
            (told_by[name],) = _records(service, reply, tenant.account_id)["decisions"]
    assert told_by["quiet"]["said"] == told_by["asking"]["said"] == {"trust": "implicitDeny"}
    assert told_by["denies"]["said"] == {"trust": "explicitDeny"}
    (reference,) = told_by["denies"]["deciding"]
    assert (reference["kind"], reference["sid"]) == ("trust", "NeverThem")
    assert told_by["quiet"]["conditions"] == []
    (condition,) = told_by["asking"]["conditions"]
    assert condition["key"].lower() == "sts:externalid"
    assert (condition["wanted"], condition["seen"], condition["held"]) == (["secret-of-the-owner"], ["wrong"], False)


def test_within_an_account_the_record_tells_the_refusals_apart(service: Service, tenant: Tenant) -> None:
    key = _caller(service, tenant, "cora", IDENTITIES["allowing"])
    names = _roles(service, tenant, [iam_arn(tenant.account_id, "user/cora")])
    decisions = {}
    for name in names:
        reply = assume(service, key, iam_arn(tenant.account_id, f"role/{name}"))
        (decisions[name],) = _records(service, reply, tenant.account_id)["decisions"]
    assert decisions["denies"]["outcome"] == "explicitDeny"
    assert decisions["denies"]["blocked_by"] == "trust"
    assert decisions["asking"]["conditions"][0]["seen"] is None
    assert decisions["quiet"]["said"]["trust"] == decisions["nobody"]["said"]["trust"] == "implicitDeny"
    assert len({json.dumps(each["conditions"]) + each["outcome"] for each in decisions.values()}) >= 3


def test_neither_parameters_nor_order_of_checks_tell_whether_a_role_is_there(service: Service, tenant: Tenant) -> None:
    key = _caller(service, tenant, "cora", IDENTITIES["allowing"])
    names = _roles(service, tenant, [iam_arn(tenant.account_id, "user/cora")])
    for parameters in (
        {"DurationSeconds": "43200"},
        {"Policy": "no policy"},
        {"Policy": allow("*")},
        {"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/NoSuchPolicy"},
        {"ExternalId": "guess"},
    ):
        replies = {n: assume(service, key, iam_arn(tenant.account_id, f"role/{n}"), **parameters) for n in names}
        assert len({_shown(reply, name) for name, reply in replies.items()}) == 1, parameters
        assert {told(reply)[1] for reply in replies.values()} <= {"AccessDenied", "MalformedPolicyDocument"}


def test_a_caller_of_another_account_learns_of_none_of_its_names(service: Service, tenant: Tenant) -> None:
    visitor = service.tenant()
    _roles(service, tenant, [iam_arn(visitor.account_id, "user/admin")])
    for account_id in (tenant.account_id, "000000000000", "999999999999"):
        reply = assume(service, visitor.key, iam_arn(account_id, "role/quiet"))
        assert told(reply) == (403, "AccessDenied")
        assert reply.message.endswith("because no role trust policy allows the sts:AssumeRole action")
