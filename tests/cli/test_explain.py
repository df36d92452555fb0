import json
from collections.abc import Mapping

import pytest

from tests.cli.conftest import Command
from tests.service import Reply, Service, Tenant
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
    assert "identity-based policies: does not allow it" in lines
    assert any(line.startswith("statement Own of inline own of AIDA") for line in lines)
    assert "  wanted  blue, red\\u202e" in lines
    assert "  seen    nothing: the request had no such key" in lines


def test_the_whole_error_will_do_and_programs_get_json(elsewhere: Command, server: Service, resident: Tenant) -> None:
    message = deny(server, resident).text("Message")
    told = elsewhere.json("explain", message, "--endpoint-url", server.url, **credentials(resident.key))
    assert told["decision"]["action"] == "iam:GetUser"


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
