"""Tags in policies, through unmodified boto3: of the resource, of the request, of the caller."""

from typing import Any

import pytest

from tests.aws.clients import document, key_of, make_key, make_role, make_user, refused
from tests.service import Service, Tenant, allow, trust

BLUE = [{"Key": "Team", "Value": "blue"}]
RED = [{"Key": "team", "Value": "red"}]


def permit(action: str | list[str], **conditions: dict[str, Any]) -> str:
    return document({"Effect": "Allow", "Action": action, "Resource": "*", "Condition": conditions})


@pytest.mark.parametrize("service", ["aws", "iam"])
def test_a_policy_speaks_of_the_tags_of_the_resource(iam: Any, server: Service, service: str) -> None:
    iam.create_user(UserName="blue", Tags=BLUE)
    iam.create_user(UserName="red", Tags=RED)
    rights = permit("iam:GetUser", StringEquals={f"{service}:ResourceTag/TEAM": "blue"})
    caller = server.boto("iam", make_user(iam, "caller", rights))
    assert caller.get_user(UserName="blue")["User"]["Tags"] == BLUE
    with refused("AccessDenied", 403):
        caller.get_user(UserName="red")
    iam.tag_user(UserName="red", Tags=BLUE)
    assert caller.get_user(UserName="red")["User"]["Tags"] == BLUE
    iam.untag_user(UserName="red", TagKeys=["team"])
    with refused("AccessDenied", 403):
        caller.get_user(UserName="red")


def test_who_may_create_but_not_tag_creates_without_tags_only(iam: Any, server: Service) -> None:
    caller = server.boto("iam", make_user(iam, "caller", allow("iam:Create*")))
    with refused("AccessDenied", 403, "iam:TagUser"):
        caller.create_user(UserName="made", Tags=BLUE)
    with refused("AccessDenied", 403, "iam:TagPolicy"):
        caller.create_policy(PolicyName="made", PolicyDocument=allow("s3:*"), Tags=BLUE)
    assert "Tags" not in caller.create_user(UserName="made")["User"]


def test_a_policy_speaks_of_the_tags_that_a_request_brings(iam: Any, server: Service) -> None:
    only: dict[str, Any] = {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]},
        "StringEquals": {"aws:RequestTag/team": "blue"},
    }
    caller = server.boto("iam", make_user(iam, "caller", permit(["iam:CreateUser", "iam:TagUser"], **only)))
    with refused("AccessDenied", 403):
        caller.create_user(UserName="made")
    with refused("AccessDenied", 403):
        caller.create_user(UserName="made", Tags=[*BLUE, {"Key": "more", "Value": ""}])
    caller.create_user(UserName="made", Tags=BLUE)
    with refused("AccessDenied", 403):
        caller.tag_user(UserName="made", Tags=[{"Key": "Team", "Value": "red"}])
    caller.tag_user(UserName="made", Tags=BLUE)


def test_a_policy_speaks_of_the_keys_that_a_request_takes_away(iam: Any, server: Service) -> None:
    iam.create_user(UserName="bearer", Tags=[*BLUE, {"Key": "cost", "Value": "7"}])
    rights = permit("iam:UntagUser", **{"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}})
    caller = server.boto("iam", make_user(iam, "caller", rights))
    with refused("AccessDenied", 403):
        caller.untag_user(UserName="bearer", TagKeys=["Team", "cost"])
    caller.untag_user(UserName="bearer", TagKeys=["cost"])
    assert iam.list_user_tags(UserName="bearer")["Tags"] == BLUE


def test_a_user_and_a_role_session_have_the_tags_of_their_principal(
    iam: Any, server: Service, resident: Tenant
) -> None:
    own = f"arn:aws:iam::{resident.account_id}"
    alike = permit("iam:GetUser", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"})
    iam.create_user(UserName="blue", Tags=BLUE)
    iam.create_user(UserName="red", Tags=RED)
    iam.create_user(UserName="caller", Tags=BLUE)
    iam.put_user_policy(UserName="caller", PolicyName="alike", PolicyDocument=alike)
    user = server.boto("iam", make_key(iam, "caller"))
    arn = make_role(iam, "caller", trust(f"{own}:root"), alike, Tags=RED)
    assumed = server.boto("sts", resident.key).assume_role(RoleArn=arn, RoleSessionName="session")
    session = server.boto("iam", key_of(assumed))
    user.get_user(UserName="blue")
    session.get_user(UserName="red")
    with refused("AccessDenied", 403):
        user.get_user(UserName="red")
    with refused("AccessDenied", 403):
        session.get_user(UserName="blue")
    iam.untag_role(RoleName="caller", TagKeys=["TEAM"])
    with refused("AccessDenied", 403):
        session.get_user(UserName="red")


def test_who_may_assume_depends_on_the_tags_of_the_role(iam: Any, server: Service, resident: Tenant) -> None:
    arn = make_role(iam, "tagged", trust(f"arn:aws:iam::{resident.account_id}:root"))
    rights = permit("sts:AssumeRole", StringEquals={"aws:ResourceTag/team": "blue", "iam:ResourceTag/team": "blue"})
    caller = server.boto("sts", make_user(iam, "caller", rights))
    with refused("AccessDenied", 403):
        caller.assume_role(RoleArn=arn, RoleSessionName="session")
    iam.tag_role(RoleName="tagged", Tags=BLUE)
    caller.assume_role(RoleArn=arn, RoleSessionName="session")


def test_bad_tags_are_told_what_is_wrong_and_make_nothing(iam: Any) -> None:
    with refused("InvalidInput", 400, "begin with aws:"):
        iam.create_user(UserName="made", Tags=[{"Key": "AWS:team", "Value": "blue"}])
    with refused("InvalidInput", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive."):
        iam.create_user(UserName="made", Tags=[*BLUE, *RED])
    with refused("ValidationError", 400, "less than or equal to 50"):
        iam.create_user(UserName="made", Tags=[{"Key": f"k{number}", "Value": ""} for number in range(51)])
    with refused("ValidationError", 400, "pattern"):
        iam.create_user(UserName="made", Tags=[{"Key": "k", "Value": "<script>"}])
    with refused("NoSuchEntity", 404):
        iam.get_user(UserName="made")
    iam.create_user(UserName="made", Tags=[{"Key": f"k{number}", "Value": "漢字 ß"} for number in range(50)])
    with refused("LimitExceeded", 409, "TagsPerUser: 50"):
        iam.tag_user(UserName="made", Tags=BLUE)
