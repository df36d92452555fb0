"""Permissions boundaries at work, through unmodified boto3."""

from typing import Any

import pytest

from tests.aws.clients import document, key_of, make_key, make_role, refused
from tests.service import Service, Tenant, allow, trust

READING = ["iam:GetUser", "iam:ListUsers"]


def make_limit(iam: Any, name: str, *actions: str) -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=allow(list(actions)))["Policy"]["Arn"])


def test_a_user_may_what_its_policies_and_its_boundary_both_allow(iam: Any, server: Service) -> None:
    limit = make_limit(iam, "limit", "iam:GetUser", "iam:GetRole")
    iam.create_user(UserName="bounded", PermissionsBoundary=limit)
    iam.put_user_policy(UserName="bounded", PolicyName="rights", PolicyDocument=allow(READING))
    caller = server.boto("iam", make_key(iam, "bounded"))
    caller.get_user()
    with refused("AccessDenied", 403, "because no permissions boundary allows the iam:ListUsers action"):
        caller.list_users()
    with refused("AccessDenied", 403, "because no identity-based policy allows the iam:GetRole action"):
        caller.get_role(RoleName="any")
    version = iam.create_policy_version(PolicyArn=limit, PolicyDocument=allow("iam:ListUsers"), SetAsDefault=True)
    assert version["PolicyVersion"]["IsDefaultVersion"]
    caller.list_users()
    with refused("AccessDenied", 403, "permissions boundary"):
        caller.get_user()
    iam.delete_user_permissions_boundary(UserName="bounded")
    caller.get_user()


def test_a_boundary_put_on_a_role_limits_the_sessions_that_it_has(iam: Any, server: Service, resident: Tenant) -> None:
    arn = make_role(iam, "bounded", trust(f"arn:aws:iam::{resident.account_id}:root"), allow(READING))
    assumed = server.boto("sts", resident.key).assume_role(RoleArn=arn, RoleSessionName="session")
    session = server.boto("iam", key_of(assumed))
    session.list_users()
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=make_limit(iam, "limit", "iam:GetUser"))
    with refused("AccessDenied", 403, "because no permissions boundary allows the iam:ListUsers action"):
        session.list_users()
    session.get_user(UserName="admin")


def test_an_explicit_deny_of_a_boundary_wins(iam: Any, server: Service) -> None:
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"},
    ]
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=document(*statements))["Policy"]["Arn"]
    iam.create_user(UserName="bounded", PermissionsBoundary=limit)
    iam.put_user_policy(UserName="bounded", PolicyName="rights", PolicyDocument=allow("iam:*"))
    caller = server.boto("iam", make_key(iam, "bounded"))
    with refused("AccessDenied", 403, "with an explicit deny in a permissions boundary"):
        caller.list_users()
    caller.list_roles()


@pytest.fixture
def delegate(iam: Any, server: Service) -> tuple[Any, str]:
    """A user who may make users and give them rights, all within one boundary: the User Guide's own example."""
    limit = make_limit(iam, "limit", "iam:GetUser")
    within = {"StringEquals": {"iam:PermissionsBoundary": limit}}
    actions = [
        "iam:AttachUserPolicy", "iam:CreateUser", "iam:DeleteUserPolicy", "iam:DetachUserPolicy",
        "iam:PutUserPermissionsBoundary", "iam:PutUserPolicy",
    ]  # fmt: skip
    iam.create_user(UserName="delegate")
    iam.put_user_policy(
        UserName="delegate",
        PolicyName="rights",
        PolicyDocument=document({"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": within}),
    )
    return server.boto("iam", make_key(iam, "delegate")), limit


def test_a_delegate_gives_rights_only_within_the_boundary(iam: Any, delegate: tuple[Any, str]) -> None:
    caller, limit = delegate
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    with refused("AccessDenied", 403):
        caller.create_user(UserName="free")
    with refused("AccessDenied", 403):
        caller.create_user(UserName="free", PermissionsBoundary=administrator)
    caller.create_user(UserName="bounded", PermissionsBoundary=limit)
    caller.attach_user_policy(UserName="bounded", PolicyArn=administrator)
    caller.put_user_policy(UserName="bounded", PolicyName="all", PolicyDocument=allow("*"))
    caller.delete_user_policy(UserName="bounded", PolicyName="all")
    caller.detach_user_policy(UserName="bounded", PolicyArn=administrator)
    with refused("AccessDenied", 403):
        caller.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=administrator)
    with refused("AccessDenied", 403):
        caller.delete_user_permissions_boundary(UserName="bounded")
    with refused("AccessDenied", 403):
        caller.attach_user_policy(UserName="delegate", PolicyArn=administrator)
    caller.put_user_permissions_boundary(UserName="admin", PermissionsBoundary=limit)
    with refused("AccessDenied", 403, "because no permissions boundary allows the iam:ListUsers action"):
        iam.list_users()
