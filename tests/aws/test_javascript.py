"""The AWS SDK for JavaScript through its own ways: paginators, exceptions, credential providers, a wrong clock."""

import base64
from typing import Any

from tests.authenticator import read_qr_code
from tests.aws.clients import make_role, make_user
from tests.aws.javascript import walk
from tests.service import Service, Tenant, allow, trust


def test_the_sdk_keeps_users_groups_and_policies(server: Service, resident: Tenant) -> None:
    policy, own = allow("iam:ListUsers"), f"arn:aws:iam::{resident.account_id}"
    found = walk("live", server, resident.key, policy=policy, description="ä +=&/%:@ 漢")
    assert found["user"]["Arn"] == f"{own}:user/js/x+u@x=,."
    assert found["names"] == ["admin", "x+u@x=,."]
    assert "%7B" in found["document"]
    assert "+" not in found["document"]
    assert found["description"] == "ä +=&/%:@ 漢"
    sentence, introduction, receipt = found["denied"]["message"].partition(" Encoded authorization failure message: ")
    assert introduction
    assert receipt
    assert found["denied"] | {"requestId": "", "message": sentence} == {
        "name": "AccessDenied",
        "message": f"User: {own}:user/js/x+u@x=,. is not authorized to perform: iam:ListRoles "
        f"on resource: {own}:role/ because no identity-based policy allows the iam:ListRoles action",
        "status": 403,
        "requestId": "",
        "attempts": 1,
    }
    assert found["denied"]["requestId"]
    assert (found["missing"]["name"], found["missing"]["status"]) == ("NoSuchEntityException", 404)
    assert (found["taken"]["name"], found["taken"]["status"]) == ("EntityAlreadyExistsException", 409)
    assert found["caught"] is True


def test_the_sdk_s_providers_assume_a_role_and_a_role_from_there(server: Service, resident: Tenant, iam: Any) -> None:
    key = make_user(iam, "ann")
    agreed = {"StringEquals": {"sts:ExternalId": "a+b"}}
    first = make_role(iam, "first", trust(f"arn:aws:iam::{resident.account_id}:user/ann", condition=agreed))
    second = make_role(iam, "second", trust(first))
    found = walk("assume", server, key, roles=[first, second], externalId="a+b")
    sessions = f"arn:aws:sts::{resident.account_id}:assumed-role"
    assert found["arns"] == [f"{sessions}/first/first", f"{sessions}/second/second"]
    assert (found["refused"]["name"], found["refused"]["status"]) == ("AccessDenied", 403)


def test_the_sdk_corrects_a_clock_that_is_an_hour_behind(server: Service, resident: Tenant) -> None:
    found = walk("correct", server, resident.key, behind=3_600_000)
    assert found["arn"] == f"arn:aws:iam::{resident.account_id}:user/admin"
    assert found["attempts"] == [2, 1]


def test_the_sdk_s_provider_asks_for_a_code_and_assumes_a_role_with_it(
    server: Service, resident: Tenant, iam: Any
) -> None:
    present = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    role = make_role(iam, "worker", trust(f"arn:aws:iam::{resident.account_id}:user/admin", condition=present))
    found = walk("prove", server, resident.key, role=role)
    assert found["serialNumber"] == f"arn:aws:iam::{resident.account_id}:mfa/js"
    assert f"secret={found['seed']}" in read_qr_code(base64.b64decode(found["png"]))
    assert (found["wrong"]["name"], found["wrong"]["status"]) == ("InvalidAuthenticationCodeException", 403)
    assert found["arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/worker/proven"
    for refusal in (found["without"], found["again"]):
        assert (refusal["name"], refusal["status"]) == ("AccessDenied", 403)
    assert "invalid MFA one time pass code" in found["again"]["message"]
