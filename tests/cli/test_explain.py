import json
from collections.abc import Mapping

import pytest

from tests.cli.conftest import Command
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key


def credentials(key: Key) -> Mapping[str, str]:
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret}


def deny(server: Service, tenant: Tenant) -> Reply:
    """Let a user be denied by a condition on a tag that it has not."""
    statement = {"Sid": "Own", "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    condition = {"StringEquals": {"aws:PrincipalTag/team": ["blue", "red\u202e"]}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]})
    server.call(tenant.key, "CreateUser", UserName="ursula")
    server.call(tenant.key, "PutUserPolicy", UserName="ursula", PolicyName="own", PolicyDocument=policy)
    made = server.call(tenant.key, "CreateAccessKey", UserName="ursula")
    key = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    return server.call(key, "GetUser", UserName="ursula")


def test_a_denial_is_explained_as_a_person_reads(elsewhere: Command, server: Service, resident: Tenant) -> None:
    denied = deny(server, resident)
    told = elsewhere("explain", denied.receipt, "--endpoint-url", server.url, **credentials(resident.key))
    lines = told.stdout.splitlines()
    assert lines[0] == f"arn:aws:iam::{resident.account_id}:user/ursula was denied"
    assert lines[1].strip() == f"iam:GetUser on arn:aws:iam::{resident.account_id}:user/ursula"
    assert "identity-based policies: no allow" in lines
    assert any(line.startswith('statement Own of policy "own" of user/ursula:') for line in lines)
    assert "  wanted  blue, red\\u202e" in lines
    assert "  seen    nothing: the request had no such key" in lines


def test_the_whole_error_will_do_and_programs_get_json(elsewhere: Command, server: Service, resident: Tenant) -> None:
    message = deny(server, resident).text("Message")
    told = elsewhere.json("explain", message, "--endpoint-url", server.url, **credentials(resident.key))
    assert told["decision"]["action"] == "iam:GetUser"


def test_a_message_is_read_from_standard_input(elsewhere: Command, server: Service, resident: Tenant) -> None:
    message = deny(server, resident).text("Message")
    told = elsewhere("explain", "-", "--endpoint-url", server.url, given=message, **credentials(resident.key))
    assert (told.exit_code, "was denied" in told.stdout) == (0, True), told.exception


def test_a_message_that_is_cut_off_is_told_as_one(elsewhere: Command, server: Service, resident: Tenant) -> None:
    receipt = deny(server, resident).receipt
    told = elsewhere("explain", receipt[:-40], "--endpoint-url", server.url, **credentials(resident.key))
    assert (told.exit_code, "it is cut off or not whole" in told.stderr) == (1, True), told.output


def test_a_receipt_of_another_account_is_refused(elsewhere: Command, server: Service, resident: Tenant) -> None:
    denied = deny(server, resident)
    other = credentials(server.tenant().key)
    told = elsewhere("explain", denied.receipt, "--endpoint-url", server.url, **other)
    assert told.exit_code == 1
    assert told.stderr.startswith("Error: InvalidAuthorizationMessageException: ")


@pytest.mark.parametrize(
    "text", ["", "User: arn:aws:iam::111122223333:user/ann is not authorized", "AQAA AQAA", "AQÄA"]
)
def test_a_text_without_an_encoded_message_is_told_without_asking_anybody(text: str, elsewhere: Command) -> None:
    nobody = Key("AKIAEXAMPLE", "example")
    told = elsewhere("explain", text, "--endpoint-url", "http://127.0.0.1:9", **credentials(nobody))
    assert told.exit_code == 1
    assert told.stderr.startswith("Error: The text holds no encoded message")


def test_a_policy_of_the_service_is_told_as_what_no_account_may_change(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    denied = server.call(resident.key, "UntagPolicy", PolicyArn=arn, **{"TagKeys.member.1": "team"})
    assert "because it belongs to the service, and no account may change it" in denied.text("Message")
    words = ("explain", denied.receipt, "--endpoint-url", server.url)
    told = elsewhere.json(*words, **credentials(resident.key))
    assert told["decision"]["blocked_by"] == "resource"
    lines = elsewhere(*words, **credentials(resident.key)).stdout.splitlines()
    assert "it belongs to the service or to another account, which lets nobody else do this" in lines


def make_user(server: Service, tenant: Tenant, name: str, policy: str, **parameters: str) -> Key:
    server.call(tenant.key, "CreateUser", UserName=name, **parameters)
    server.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=policy)
    made = server.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def make_policy(server: Service, tenant: Tenant, name: str, document: str) -> str:
    made = server.call(tenant.key, "CreatePolicy", PolicyName=name, Path="/limits/", PolicyDocument=document)
    return made.text("Arn")


def root_of(tenant: Tenant) -> str:
    return f"arn:aws:iam::{tenant.account_id}:root"


def explain(command: Command, server: Service, reader: Tenant, denied: Reply) -> list[str]:
    told = command("explain", denied.receipt, "--endpoint-url", server.url, **credentials(reader.key))
    assert told.exit_code == 0, told.output
    return told.stdout.splitlines()


def test_a_boundary_that_is_silent_is_named(elsewhere: Command, server: Service, resident: Tenant) -> None:
    boundary = make_policy(server, resident, "reading", allow("iam:ListUsers"))
    key = make_user(server, resident, "brenda", allow("iam:*"), Path="/staff/", PermissionsBoundary=boundary)
    lines = explain(elsewhere, server, resident, server.call(key, "GetUser", UserName="brenda"))
    at = lines.index("the permissions boundary: no allow")
    assert lines[at + 1 : at + 3] == [f"  {boundary}", "  no statement allows iam:GetUser on this resource"]
    assert f"  denied by policy {boundary}" not in lines


def test_the_session_policies_that_are_silent_are_named(elsewhere: Command, server: Service, resident: Tenant) -> None:
    limit = make_policy(server, resident, "narrow", allow("iam:ListUsers"))
    made = server.call(
        resident.key, "CreateRole", RoleName="narrowed",
        AssumeRolePolicyDocument=trust(root_of(resident)),
    )  # fmt: skip
    assumed = server.assume(resident.key, made.text("Arn"), **{"PolicyArns.member.1.arn": limit}, Policy=allow("s3:*"))
    lines = explain(elsewhere, server, resident, server.call(assumed.key(), "GetUser", UserName="nobody"))
    at = lines.index("the session policies: no allow")
    assert lines[at + 1 : at + 4] == [
        "  session policy", f"  {limit}", "  no statement allows iam:GetUser on this resource",
    ]  # fmt: skip


def test_a_trust_policy_that_does_not_name_the_caller_is_told_as_that(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    made = server.call(
        resident.key, "CreateRole", RoleName="closed",
        AssumeRolePolicyDocument=trust(root_of(server.tenant())),
    )  # fmt: skip
    arn = made.text("Arn")
    lines = explain(elsewhere, server, resident, server.assume(resident.key, arn))
    at = lines.index("the role's trust policy: no allow")
    assert lines[at + 1 : at + 3] == [f"  {arn}", "  no statement names this principal for sts:AssumeRole"]
    missing = explain(elsewhere, server, resident, server.assume(resident.key, f"{arn}-not"))
    assert missing[missing.index("the role's trust policy: no allow") + 1] == "  no role of this ARN, or a disabled one"


def test_each_side_of_a_denial_between_two_accounts_is_told_where_the_other_stood_in_the_way(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    owner = server.tenant()
    arns = [
        server.call(owner.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust(whom)).text("Arn")
        for name, whom in (("open", root_of(resident)), ("closed", root_of(owner)))
    ]
    silent = make_user(server, resident, "simon", allow("s3:*"))
    denied = [server.assume(silent, arns[0]), server.assume(resident.key, arns[1])]
    assert "the caller's own account does not allow it" in explain(elsewhere, server, owner, denied[0])
    callers = explain(elsewhere, server, resident, denied[1])
    (line,) = [line for line in callers if line.startswith("there is no such role, or its trust policy")]
    absent = explain(elsewhere, server, resident, server.assume(resident.key, arns[1].replace("closed", "absent")))
    assert line in absent


def test_a_statement_without_a_name_is_told_by_its_place_as_a_fault_of_it_would_be(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    statement = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement, statement | {"Effect": "Deny"}]})
    key = make_user(server, resident, "stella", policy, Path="/staff/")
    denied = server.call(key, "GetUser", UserName="stella")
    told = elsewhere.json("explain", denied.receipt, "--endpoint-url", server.url, **credentials(resident.key))
    assert [each["position"] for each in told["decision"]["deciding"]] == [1]
    lines = explain(elsewhere, server, resident, denied)
    assert '  denied by Statement[1] of policy "own" of user/staff/stella' in lines
    faulty = json.dumps({"Version": "2012-10-17", "Statement": [statement, statement | {"Effect": "No"}]})
    refused = server.call(resident.key, "PutUserPolicy", UserName="stella", PolicyName="own", PolicyDocument=faulty)
    assert "Statement[1].Effect" in refused.text("Message")


def test_whoever_is_denied_a_command_reads_the_reason_first_and_how_to_learn_more(
    elsewhere: Command, server: Service, resident: Tenant
) -> None:
    key = make_user(server, resident, "norman", allow("s3:*"))
    words = ("--endpoint-url", server.url)
    told = elsewhere("disable", "user", "norman", *words, **credentials(key))
    reason, hint, receipt = told.stderr.splitlines()
    assert reason.startswith("Error: AccessDenied: ")
    assert reason.endswith("no identity-based policy allows it")
    assert ("sts:DecodeAuthorizationMessage" in hint, "sts explain" in hint) == (True, True)
    assert elsewhere("explain", receipt, *words, **credentials(key)).stderr.startswith("Error: AccessDenied: ")
    whole = elsewhere.json("explain", told.stderr, *words, **credentials(resident.key))
    assert whole["decision"]["action"] == "sts-admin:DisableUser"
