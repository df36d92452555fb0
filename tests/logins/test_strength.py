"""What the credentials of a login are good for: what was done at sign-in, and not more."""

import base64
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sts.clock import ManualClock
from tests.logins.desk import Answer, LoginDesk
from tests.service import Reply

PRESENT = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
ABSENT = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
FRESH = {"NumericLessThan": {"aws:MultiFactorAuthAge": "120"}}
SIGN_IN: dict[str, Any] = {"ArnLike": {"aws:SignInSessionArn": "arn:aws:signin:us-east-1:*:session/*"}}


def _claims(answer: Answer) -> dict[str, Any]:
    payload = str(answer.key.token).split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _tag(desk: LoginDesk, answer: Answer) -> Reply:
    return desk.service.call(
        answer.key, "TagUser", UserName="alice", **{"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"}
    )


def _allow_tagging(desk: LoginDesk, condition: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Action": "iam:TagUser", "Resource": "*", "Condition": condition}
    document = msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
    put = {"UserName": "alice", "PolicyName": "tagging", "PolicyDocument": document}
    assert desk.service.call(desk.tenant.key, "PutUserPolicy", **put).status == 200


@pytest.mark.parametrize(("with_factor", "amr"), [(False, ["pwd"]), (True, ["pwd", "otp", "mfa"])])
def test_s_23_the_session_token_says_what_was_done_and_not_more(
    desk: LoginDesk, *, with_factor: bool, amr: list[str]
) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line, with_factor=with_factor)
    for answer in (first, command_line.refresh(first.refresh_token)):
        claims = _claims(answer)
        assert claims["amr"] == amr
        assert ("auth_time" in claims) is with_factor
        assert claims["sub"] == claims["user"] == desk.arn


@pytest.mark.parametrize(
    ("condition", "with_factor", "status"),
    [
        (PRESENT, True, 200),
        (PRESENT, False, 403),
        (ABSENT, True, 403),
        (ABSENT, False, 200),
        (FRESH, True, 200),
        (FRESH, False, 403),
        (SIGN_IN, False, 200),
    ],
)
def test_policies_see_whether_a_second_factor_was_shown_at_sign_in(
    desk: LoginDesk, condition: dict[str, Any], *, with_factor: bool, status: int
) -> None:
    _allow_tagging(desk, condition)
    assert _tag(desk, desk.log_in(desk.command_line(), with_factor=with_factor)).status == status


def test_the_age_of_a_factor_is_reckoned_from_the_sign_in_and_no_refresh_makes_it_younger(
    desk: LoginDesk, clock: ManualClock
) -> None:
    _allow_tagging(desk, FRESH)
    command_line = desk.command_line()
    answer = desk.log_in(command_line, with_factor=True)  # the code was shown a minute before
    clock.tick(timedelta(seconds=59))
    assert _tag(desk, command_line.refresh(answer.refresh_token)).status == 200
    clock.tick(timedelta(seconds=1))
    assert _tag(desk, command_line.refresh(answer.refresh_token)).status == 403


def test_a_login_lends_nothing_on(desk: LoginDesk) -> None:
    key = desk.log_in(desk.command_line(), with_factor=True).key
    assert desk.service.call(key, "GetSessionToken", "sts").code == "AccessDenied"
    assert desk.service.call(key, "GetFederationToken", "sts", Name="friend").code == "AccessDenied"


def test_the_key_of_a_login_is_no_condition_key_of_any_other_credential(desk: LoginDesk) -> None:
    _allow_tagging(desk, SIGN_IN)
    made = desk.service.call(desk.tenant.key, "CreateAccessKey", UserName="alice")
    key = type(desk.tenant.key)(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    tag = {"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"}
    assert desk.service.call(key, "TagUser", UserName="alice", **tag).code == "AccessDenied"


def test_j_07_an_id_token_and_a_refresh_token_open_nothing_else(desk: LoginDesk) -> None:
    answer = desk.log_in(desk.command_line())
    for other in (answer.members["idToken"], answer.refresh_token):
        key = type(answer.key)(answer.key.access_key_id, answer.key.secret, other)
        assert desk.service.call(key, "GetCallerIdentity", "sts").code == "InvalidClientTokenId"
        bearer = {"authorization": f"Bearer {other}"}
        assert desk.service.send(None, method="GET", path="/api/audit/records", headers=bearer).status == 400


def test_a_32_the_store_holds_no_code_and_no_token(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    first = command_line.redeem(code)
    second = command_line.refresh(first.refresh_token)
    kept = b"".join(path.read_bytes() for path in desk.service.database_path.parent.glob("sts.db*"))
    assert b"login_grant" in kept
    for secret in (code, code.split(".")[1], first.refresh_token, second.refresh_token, second.key.secret):
        assert secret.encode() not in kept
