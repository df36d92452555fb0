"""The condition keys of a request, each as it reaches the policies of a boto3 caller."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.aws.clients import document, key_of, make_role, make_user, refused
from tests.service import REGION, Service, Tenant, allow, trust

SOON = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
EPOCH = str(int(datetime.now(UTC).timestamp()) - 86_400)
Condition = dict[str, dict[str, str]]


def _listing(condition: Condition) -> str:
    return document({"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition})


@pytest.mark.parametrize(
    ("holds", "fails"),
    [
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/ann"}}, {"ArnLike": {"aws:PrincipalArn": "*:user/b"}}),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}),
        ({"StringLike": {"aws:userid": "AIDA*"}}, {"StringLike": {"aws:userid": "AIDA*:*"}}),
        ({"StringEquals": {"aws:username": "ann"}}, {"StringEquals": {"aws:username": "Ann"}}),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}),
        ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, {"StringLike": {"aws:UserAgent": "curl/*"}}),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"Bool": {"aws:SecureTransport": "true"}}),
        ({"DateLessThan": {"aws:CurrentTime": SOON}}, {"DateGreaterThan": {"aws:CurrentTime": SOON}}),
        ({"NumericGreaterThan": {"aws:EpochTime": EPOCH}}, {"NumericLessThan": {"aws:EpochTime": EPOCH}}),
        ({"StringEquals": {"aws:RequestedRegion": REGION}}, {"StringNotEquals": {"aws:RequestedRegion": REGION}}),
        ({"Null": {"aws:TokenIssueTime": "true"}}, {"Null": {"aws:TokenIssueTime": "false"}}),
        ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, {"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
    ],
)
def test_a_user_s_request_brings_its_condition_keys(
    server: Service, iam: Any, holds: Condition, fails: Condition
) -> None:
    ann = server.boto("iam", make_user(iam, "ann", _listing(holds)))
    assert ann.list_users()["Users"]
    iam.put_user_policy(UserName="ann", PolicyName="inline-0", PolicyDocument=_listing(fails))
    with refused("AccessDenied", 403):
        ann.list_users()


def test_a_session_s_request_brings_the_keys_of_a_session(
    server: Service, resident: Tenant, iam: Any, sts: Any
) -> None:
    own = f"arn:aws:iam::{resident.account_id}"
    condition = {
        "ArnEquals": {"aws:PrincipalArn": f"{own}:role/path/role"},
        "StringEquals": {"aws:PrincipalType": "AssumedRole", "aws:PrincipalAccount": resident.account_id},
        "StringLike": {"aws:userid": "AROA*:session"},
        "DateGreaterThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"},
        "Null": {"aws:username": "true"},
    }
    role_arn = make_role(iam, "role", trust(f"{own}:root"), _listing(condition), Path="/path/")
    session = key_of(sts.assume_role(RoleArn=role_arn, RoleSessionName="session"))
    assert server.boto("iam", session).list_users()["Users"]
    other = key_of(sts.assume_role(RoleArn=role_arn, RoleSessionName="other"))
    with refused("AccessDenied", 403):
        server.boto("iam", other).list_users()


def test_a_user_may_keep_its_own_keys_by_a_policy_variable(server: Service, resident: Tenant, iam: Any) -> None:
    own = allow(["iam:CreateAccessKey", "iam:ListAccessKeys"], "arn:aws:iam::*:user/${aws:username}")
    ann = server.boto("iam", make_user(iam, "ann", own))
    iam.create_user(UserName="bob")
    assert ann.create_access_key()["AccessKey"]["UserName"] == "ann"
    assert len(ann.list_access_keys(UserName="ann")["AccessKeyMetadata"]) == 2
    with refused("AccessDenied", 403, f"on resource: arn:aws:iam::{resident.account_id}:user/bob"):
        ann.create_access_key(UserName="bob")


def test_which_policy_may_be_attached_can_be_limited(server: Service, iam: Any) -> None:
    limited = document(
        {
            "Effect": "Allow",
            "Action": "iam:AttachUserPolicy",
            "Resource": "*",
            "Condition": {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}},
        }
    )
    ann = server.boto("iam", make_user(iam, "ann", limited))
    ann.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    with refused("AccessDenied", 403):
        ann.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_for_which_service_a_linked_role_is_made_can_be_limited(server: Service, iam: Any) -> None:
    limited = document(
        {
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:aws:iam::*:role/aws-service-role/*",
            "Condition": {"StringLike": {"iam:AWSServiceName": "*.application-autoscaling.amazonaws.com"}},
        }
    )
    ann = server.boto("iam", make_user(iam, "ann", limited))
    made = ann.create_service_linked_role(AWSServiceName="ecs.application-autoscaling.amazonaws.com")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForApplicationAutoScaling_ECSService"
    with refused("AccessDenied", 403):
        ann.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")


def test_which_session_names_may_be_taken_can_be_limited(server: Service, resident: Tenant, iam: Any) -> None:
    key = make_user(iam, "ann")
    by_name = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:user/ann", condition=by_name))
    sts = server.boto("sts", key)
    assert sts.assume_role(RoleArn=role_arn, RoleSessionName="ann")["AssumedRoleUser"]["Arn"].endswith("/ann")
    with refused("AccessDenied", 403):
        sts.assume_role(RoleArn=role_arn, RoleSessionName="bob")


def test_a_rename_needs_leave_for_both_names(server: Service, resident: Tenant, iam: Any) -> None:
    mover = server.boto("iam", make_user(iam, "mover", allow("iam:UpdateUser", "arn:aws:iam::*:user/staff/*")))
    iam.create_user(UserName="ann", Path="/staff/")
    with refused("AccessDenied", 403, f"arn:aws:iam::{resident.account_id}:user/board/ann"):
        mover.update_user(UserName="ann", NewPath="/board/")
    mover.update_user(UserName="ann", NewUserName="anna", NewPath="/staff/new/")
    assert iam.get_user(UserName="anna")["User"]["Path"] == "/staff/new/"
