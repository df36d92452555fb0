"""What ends a login, and with it every credential that came from it: at once."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.authenticator import Authenticator
from tests.faults.processes import wait_until
from tests.logins.desk import LoginDesk
from tests.service import Reply, allow

CHANGED = (403, "AccessDeniedException", "USER_CREDENTIALS_CHANGED")
ENDED = (401, "AccessDeniedException", "TOKEN_EXPIRED")


def _administer(desk: LoginDesk, path: str, **members: str) -> dict[str, Any]:
    body = msgspec.json.encode(members)
    headers = {"content-type": "application/json"}
    reply = desk.service.send(desk.tenant.key, path=path, body=body, headers=headers)
    assert reply.status == 200, reply.body
    told: dict[str, Any] = msgspec.json.decode(reply.body)
    return told


def _disable_user(desk: LoginDesk) -> None:
    _administer(desk, "/api/users/disable", name="alice")


def _disable_and_enable_user(desk: LoginDesk) -> None:
    _disable_user(desk)
    _administer(desk, "/api/users/enable", name="alice")


def _revoke_principal(desk: LoginDesk) -> None:
    _administer(desk, "/api/principals/revoke", arn=desk.arn)


def _delete_user(desk: LoginDesk) -> None:
    for policy in ("SignInLocalDevelopmentAccess", "IAMReadOnlyAccess"):
        _call(desk, "DetachUserPolicy", UserName="alice", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    _call(desk, "DeleteUser", UserName="alice")


def _end_session(desk: LoginDesk) -> None:
    desk.end_session()


def _end_user_sessions(desk: LoginDesk) -> None:
    assert _administer(desk, "/api/users/end-sessions", name="alice")["ended"] == 2  # the browser's, and the login


def _enable_device(desk: LoginDesk) -> None:
    made = _call(desk, "CreateVirtualMFADevice", VirtualMFADeviceName="phone")
    device = Authenticator(base64.b64decode(made.text("Base32StringSeed")).decode())
    codes = device.pair(desk.service.clock.now())
    _call(desk, "EnableMFADevice", UserName="alice", SerialNumber=made.text("SerialNumber"), **codes)


def _call(desk: LoginDesk, action: str, **parameters: str) -> Reply:
    reply = desk.service.call(desk.tenant.key, action, **parameters)
    assert reply.status == 200, reply.body
    return reply


@pytest.mark.parametrize(
    "end",
    [_disable_user, _disable_and_enable_user, _revoke_principal, _delete_user, _end_session, _end_user_sessions],
)
def test_s_08_what_ends_a_user_or_a_session_ends_the_login_and_its_credentials(
    desk: LoginDesk, end: Callable[[LoginDesk], None]
) -> None:
    command_line = desk.command_line()
    answer = desk.log_in(command_line)
    end(desk)
    wait_until(lambda: desk.service.call(answer.key, "GetCallerIdentity", "sts").status == 403, seconds=1)
    assert command_line.refresh(answer.refresh_token).status in {401, 403}
    assert command_line.refresh(answer.refresh_token).status in {401, 403}


@pytest.mark.parametrize(
    "end", [_disable_user, _disable_and_enable_user, _revoke_principal, _end_session, _end_user_sessions]
)
def test_s_08_a_code_that_was_not_redeemed_yet_ends_too(desk: LoginDesk, end: Callable[[LoginDesk], None]) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    end(desk)
    assert command_line.redeem(code).error == (ENDED if end is _end_user_sessions else CHANGED)


def test_s_09_a_new_factor_ends_a_login_that_was_begun_without(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    answer = desk.log_in(command_line)
    _enable_device(desk)
    assert command_line.refresh(answer.refresh_token).error == CHANGED
    assert desk.service.call(answer.key, "GetCallerIdentity", "sts").code == "ExpiredToken"


def test_a_role_that_was_assumed_from_a_login_ends_with_it(desk: LoginDesk) -> None:
    trusting = {"Effect": "Allow", "Principal": {"AWS": desk.arn}, "Action": "sts:AssumeRole"}
    document = msgspec.json.encode({"Version": "2012-10-17", "Statement": [trusting]}).decode()
    _call(desk, "CreateRole", RoleName="reader", AssumeRolePolicyDocument=document)
    command_line = desk.command_line()
    answer = desk.log_in(command_line)
    role_arn = f"arn:aws:iam::{desk.tenant.account_id}:role/reader"
    assumed = desk.service.assume(answer.key, role_arn).key()
    assert desk.service.call(assumed, "GetCallerIdentity", "sts").status == 200
    desk.end_session()
    wait_until(lambda: desk.service.call(assumed, "GetCallerIdentity", "sts").status == 403, seconds=1)


def test_the_evaluator_decides_on_each_refresh(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    answer = desk.log_in(command_line)
    arn = f"arn:aws:signin:us-east-1:{desk.tenant.account_id}:oauth2/public-client/localhost"
    denial = allow("signin:CreateOAuth2Token", arn, effect="Deny")
    _call(desk, "PutUserPolicy", UserName="alice", PolicyName="no", PolicyDocument=denial)
    refused = command_line.refresh(answer.refresh_token)
    assert refused.error == (403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS")
    assert arn in refused.members["message"]
    _call(desk, "DeleteUserPolicy", UserName="alice", PolicyName="no")
    assert command_line.refresh(answer.refresh_token).status == 200


def test_a_redirect_uri_beside_a_refresh_token_is_no_condition_key(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    answer = desk.log_in(command_line)
    condition = {"Null": {"signin:OAuthRedirectUri": "false"}}
    statement = {"Effect": "Deny", "Action": "signin:*", "Resource": "*", "Condition": condition}
    document = msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
    _call(desk, "PutUserPolicy", UserName="alice", PolicyName="no", PolicyDocument=document)
    assert command_line.refresh(answer.refresh_token, redirectUri="http://127.0.0.1:1/").status == 200


def test_the_evaluator_sees_client_redirect_and_grant_type(desk: LoginDesk) -> None:
    condition = {
        "StringEquals": {
            "signin:OAuthClientId": "arn:aws:signin:::devtools/same-device",
            "signin:OAuthGrantType": "authorization_code",
        },
        "StringLike": {"signin:OAuthRedirectUri": "http://127.0.0.1:*/oauth/callback"},
    }
    statement = {"Effect": "Deny", "Action": "signin:*", "Resource": "*", "Condition": condition}
    document = msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
    command_line = desk.command_line()
    code = desk.approve(command_line)
    _call(desk, "PutUserPolicy", UserName="alice", PolicyName="no", PolicyDocument=document)
    assert command_line.redeem(code).error == (403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS")
    _call(desk, "DeleteUserPolicy", UserName="alice", PolicyName="no")
    answer = command_line.redeem(code)
    _call(desk, "PutUserPolicy", UserName="alice", PolicyName="no", PolicyDocument=document)
    assert command_line.refresh(answer.refresh_token).status == 200
