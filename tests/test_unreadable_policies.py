"""A policy that is gone or cannot be read never widens what it limited."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.security.stored import find_record
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
NO_USERS = {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"}


def must(service: Service, tenant: Tenant, action: str, **parameters: str) -> Reply:
    answer = service.call(tenant.key, action, **parameters)
    assert answer.status == 200, answer.body
    return answer


def make_role(service: Service, tenant: Tenant) -> str:
    trusting = trust(f"arn:aws:iam::{tenant.account_id}:root", f"arn:aws:iam::{tenant.account_id}:user/admin")
    arn = must(service, tenant, "CreateRole", RoleName="app", AssumeRolePolicyDocument=trusting).text("Arn")
    must(service, tenant, "PutRolePolicy", RoleName="app", PolicyName="all", PolicyDocument=allow("*"))
    return arn


def make_policy(service: Service, tenant: Tenant, *statements: dict[str, str], name: str = "limits") -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return must(service, tenant, "CreatePolicy", PolicyName=name, PolicyDocument=document).text("Arn")


@pytest.mark.parametrize("inline", [{"Policy": allow("*")}, {}], ids=["beside another", "alone"])
def test_a_session_policy_that_is_deleted_denies_its_sessions_everything(
    service: Service, tenant: Tenant, inline: dict[str, str]
) -> None:
    role = make_role(service, tenant)
    limits = make_policy(service, tenant, ALLOW_ALL, NO_USERS)
    session = service.assume(tenant.key, role, **inline, **{"PolicyArns.member.1.arn": limits}).key()
    assert service.call(session, "ListRoles").status == 200
    assert service.call(session, "ListUsers").status == 403
    must(service, tenant, "DeletePolicy", PolicyArn=limits)
    for action in ("ListUsers", "ListRoles"):
        answer = service.call(session, action)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.message.endswith("with an explicit deny in a session policy")
        (decision,) = find_record(service, answer.headers["x-amzn-requestid"])["decisions"]
        assert [each["policy"] for each in decision["deciding"]] == [f"missing {limits}"]
    make_policy(service, tenant, ALLOW_ALL, NO_USERS)
    assert service.call(session, "ListRoles").status == 200


def test_a_policy_that_says_too_little_for_a_session_is_refused_when_the_role_is_assumed(
    service: Service, tenant: Tenant
) -> None:
    role = make_role(service, tenant)
    short = make_policy(service, tenant, {**ALLOW_ALL, "Resource": "arn:aws:s3"})
    answer = service.assume(tenant.key, role, **{"PolicyArns.member.1.arn": short})
    assert (answer.status, answer.code) == (400, "MalformedPolicyDocument")
    assert short in answer.message
    whole = make_policy(service, tenant, {**ALLOW_ALL, "Resource": "arn:aws:s3:::*"}, name="whole")
    assert service.assume(tenant.key, role, **{"PolicyArns.member.1.arn": whole}).status == 200


def _assume_as_carol(service: Service, tenant: Tenant, role: str) -> tuple[str, str]:
    must(service, tenant, "CreateUser", UserName="carol")
    must(service, tenant, "PutUserPolicy", UserName="carol", PolicyName="all", PolicyDocument=allow("*"))
    made = must(service, tenant, "CreateAccessKey", UserName="carol")
    carol = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    read, missing = service.assume(carol, role), service.assume(carol, f"{role}-missing")
    assert {(read.status, read.code), (missing.status, missing.code)} == {(403, "AccessDenied")}
    return read.message, missing.message.replace("-missing", "")


@pytest.mark.parametrize("text", ["{", '{"Statement":[]}', allow("*")])
def test_a_role_whose_trust_cannot_be_read_reads_like_one_that_is_missing(
    service: Service, tenant: Tenant, text: str
) -> None:
    role = make_role(service, tenant)
    with closing(sqlite3.connect(service.database_path)) as connection, connection:
        connection.execute("UPDATE iam_role SET trust_policy = ?", (text,))
    read, missing = _assume_as_carol(service, tenant, role)
    assert read == missing
    assert read.endswith("because no role trust policy allows the sts:AssumeRole action")
