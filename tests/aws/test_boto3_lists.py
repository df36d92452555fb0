"""IAM's lists through boto3's paginators, and the markers between their pages."""

from collections.abc import Callable
from typing import Any

import jmespath
import pytest

from tests.aws.clients import make_key, make_role, refused
from tests.service import Service, Tenant, allow, trust

LIST_USERS = allow("iam:ListUsers")


def _users(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    for name in "abc":
        iam.create_user(UserName=name, Path="/list/")
    return {"PathPrefix": "/list/"}, ["a", "b", "c"]


def _groups(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    for name in "abc":
        iam.create_group(GroupName=name)
    return {}, ["a", "b", "c"]


def _members(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    iam.create_group(GroupName="group")
    for name in "abc":
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="group", UserName=name)
    return {"GroupName": "group"}, ["a", "b", "c"]


def _memberships(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    iam.create_user(UserName="user")
    for name in "abc":
        iam.create_group(GroupName=name)
        iam.add_user_to_group(GroupName=name, UserName="user")
    return {"UserName": "user"}, ["a", "b", "c"]


def _keys(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    iam.create_user(UserName="user")
    return {"UserName": "user"}, sorted(make_key(iam, "user").access_key_id for _ in range(2))


def _roles(iam: Any, account_id: str) -> tuple[dict[str, str], list[str]]:
    for name in "abc":
        make_role(iam, name, trust(f"arn:aws:iam::{account_id}:root"))
    return {}, ["a", "b", "c"]


def _policies(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    for name in "abc":
        iam.create_policy(PolicyName=name, PolicyDocument=LIST_USERS)
    return {"Scope": "Local"}, ["a", "b", "c"]


def _versions(iam: Any, account_id: str) -> tuple[dict[str, str], list[str]]:
    arn = f"arn:aws:iam::{account_id}:policy/p"
    iam.create_policy(PolicyName="p", PolicyDocument=LIST_USERS)
    for _ in range(2):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=LIST_USERS)
    return {"PolicyArn": arn}, ["v3", "v2", "v1"]


def _inline(iam: Any, _account_id: str) -> tuple[dict[str, str], list[str]]:
    iam.create_user(UserName="user")
    for name in "abc":
        iam.put_user_policy(UserName="user", PolicyName=name, PolicyDocument=LIST_USERS)
    return {"UserName": "user"}, ["a", "b", "c"]


def _attached(iam: Any, account_id: str) -> tuple[dict[str, str], list[str]]:
    iam.create_user(UserName="user")
    for name in "abc":
        iam.create_policy(PolicyName=name, PolicyDocument=LIST_USERS)
        iam.attach_user_policy(UserName="user", PolicyArn=f"arn:aws:iam::{account_id}:policy/{name}")
    return {"UserName": "user"}, ["a", "b", "c"]


Prepare = Callable[[Any, str], tuple[dict[str, str], list[str]]]


@pytest.mark.parametrize(
    ("operation", "expression", "prepare"),
    [
        ("list_users", "Users[].UserName", _users),
        ("list_groups", "Groups[].GroupName", _groups),
        ("get_group", "Users[].UserName", _members),
        ("list_groups_for_user", "Groups[].GroupName", _memberships),
        ("list_access_keys", "AccessKeyMetadata[].AccessKeyId", _keys),
        ("list_roles", "Roles[].RoleName", _roles),
        ("list_policies", "Policies[].PolicyName", _policies),
        ("list_policy_versions", "Versions[].VersionId", _versions),
        ("list_user_policies", "PolicyNames[]", _inline),
        ("list_attached_user_policies", "AttachedPolicies[].PolicyName", _attached),
    ],
)
def test_a_paginator_walks_the_whole_list_in_order(
    iam: Any, resident: Tenant, operation: str, expression: str, prepare: Prepare
) -> None:
    parameters, expected = prepare(iam, resident.account_id)
    pages = list(iam.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": 1}))
    assert [page["IsTruncated"] for page in pages] == [True] * (len(expected) - 1) + [False]
    assert [found for page in pages for found in jmespath.search(expression, page)] == expected


def test_a_paginator_finds_all_that_bear_a_policy(iam: Any, resident: Tenant) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=LIST_USERS)["Policy"]["Arn"]
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    make_role(iam, "r", trust(f"arn:aws:iam::{resident.account_id}:root"))
    iam.attach_user_policy(UserName="u", PolicyArn=arn)
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    pages = list(
        iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 1})
    )
    names = "[PolicyUsers[].UserName, PolicyGroups[].GroupName, PolicyRoles[].RoleName][]"
    assert len(pages) == 3
    assert sorted(found for page in pages for found in jmespath.search(names, page)) == ["g", "r", "u"]


def _first_marker(iam: Any) -> str:
    for name in "abc":
        iam.create_user(UserName=name)
    return str(iam.list_users(MaxItems=1)["Marker"])


def test_a_marker_that_was_touched_is_refused(iam: Any) -> None:
    marker = _first_marker(iam)
    assert iam.list_users(Marker=marker)["Users"]
    last = "A" if marker[-1] != "A" else "E"
    for forged in (marker[:-1] + last, marker[1:], "1.1.eg.AAAA", "ü", "b"):
        with refused("ValidationError", 400, "Marker"):
            iam.list_users(Marker=forged)


def test_a_marker_leads_on_through_its_own_list_only(iam: Any, server: Service) -> None:
    marker = _first_marker(iam)
    with refused("ValidationError", 400, "Marker"):
        iam.list_groups(Marker=marker)
    with refused("ValidationError", 400, "Marker"):
        iam.list_users(Marker=marker, PathPrefix="/other/")
    stranger = server.boto("iam", server.tenant().key)
    with refused("ValidationError", 400, "Marker"):
        stranger.list_users(Marker=marker)


def test_a_page_holds_a_thousand_items_at_most(iam: Any) -> None:
    assert iam.list_users(MaxItems=1000)["IsTruncated"] is False
    with refused("ValidationError", 400, "maxItems"):
        iam.list_users(MaxItems=1001)
