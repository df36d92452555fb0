import json
from typing import Any

import pytest

from sts.errors import ParameterInvalid
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW, SERVICE_TRUST, group
from tests.directory.store import Store

OPERATION = "GetAccountAuthorizationDetails"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ATTACHED = [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}]
INLINE = [{"PolicyName": "in", "PolicyDocument": ALLOW}]
BLUE = [{"Key": "team", "Value": "blue"}]
OWN_KINDS = ["User", "Group", "Role", "LocalManagedPolicy"]
LISTS = {
    "UserDetailList": "UserName",
    "GroupDetailList": "GroupName",
    "RoleDetailList": "RoleName",
    "Policies": "PolicyName",
}


@pytest.fixture
def desk(store: Store) -> RootDesk:
    """A desk at an account with one of everything, and a user beside."""
    desk = open_root_desk(store)
    limit = desk.ask("CreatePolicy", PolicyName="limit", PolicyDocument=ALLOW, Description="d")["Policy"]["Arn"]
    desk.ask("CreatePolicyVersion", PolicyArn=limit, PolicyDocument=ALLOW, SetAsDefault=True)
    desk.ask("CreateUser", UserName="ann", PermissionsBoundary=limit, Tags=BLUE)
    desk.ask("CreateUser", UserName="bob")
    group(store, "crew")
    desk.ask("CreateRole", RoleName="app", AssumeRolePolicyDocument=SERVICE_TRUST, Tags=BLUE, Description="d")
    desk.ask("CreateInstanceProfile", InstanceProfileName="web")
    desk.ask("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="app")
    for noun, name in (("User", "ann"), ("Group", "crew"), ("Role", "app")):
        named = {f"{noun}Name": name}
        desk.ask(f"Attach{noun}Policy", **named, PolicyArn=ADMINISTRATOR)
        desk.ask(f"Put{noun}Policy", **named, PolicyName="in", PolicyDocument=ALLOW)
    return desk


def names(told: dict[str, Any]) -> list[str]:
    return [each[name] for member, name in LISTS.items() for each in told[member]]


def test_a_user_is_told_with_policies_boundary_and_tags(desk: RootDesk) -> None:
    ann, bob = desk.ask(OPERATION)["UserDetailList"]
    assert ann == desk.ask("GetUser", UserName="ann")["User"] | {
        "UserPolicyList": INLINE,
        "AttachedManagedPolicies": ATTACHED,
        "GroupList": [],
    }
    assert bob == desk.ask("GetUser", UserName="bob")["User"] | {
        "UserPolicyList": [],
        "AttachedManagedPolicies": [],
        "GroupList": [],
    }


def test_a_group_is_told_with_its_policies(desk: RootDesk) -> None:
    (crew,) = desk.ask(OPERATION)["GroupDetailList"]
    assert (crew["GroupName"], crew["GroupPolicyList"], crew["AttachedManagedPolicies"]) == ("crew", INLINE, ATTACHED)


def test_a_role_is_told_with_trust_profiles_tags_and_last_use(desk: RootDesk) -> None:
    (app,) = desk.ask(OPERATION)["RoleDetailList"]
    assert json.loads(app["AssumeRolePolicyDocument"]) == json.loads(SERVICE_TRUST)
    assert (app["RolePolicyList"], app["AttachedManagedPolicies"], app["Tags"]) == (INLINE, ATTACHED, BLUE)
    assert app["RoleLastUsed"] == {}
    assert app["InstanceProfileList"] == desk.ask("ListInstanceProfiles")["InstanceProfiles"]
    assert not {"Description", "MaxSessionDuration"} & app.keys()


def test_a_policy_is_told_with_all_its_versions_and_texts(desk: RootDesk) -> None:
    (limit,) = desk.ask(OPERATION, Filter=["LocalManagedPolicy"])["Policies"]
    versions = [(each["VersionId"], each["IsDefaultVersion"], each["Document"]) for each in limit["PolicyVersionList"]]
    assert versions == [("v2", True, ALLOW), ("v1", False, ALLOW)]
    assert (limit["Description"], limit["PermissionsBoundaryUsageCount"]) == ("d", 1)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (["User"], ["ann", "bob"]),
        (["Group"], ["crew"]),
        (["Role"], ["app"]),
        (["LocalManagedPolicy"], ["limit"]),
        (["Role", "User"], ["ann", "bob", "app"]),
        (OWN_KINDS, ["ann", "bob", "crew", "app", "limit"]),
    ],
)
def test_a_filter_leaves_the_other_kinds_out(desk: RootDesk, wanted: list[str], told: list[str]) -> None:
    assert names(desk.ask(OPERATION, Filter=wanted)) == told


def test_the_service_s_policies_are_told_too_and_alone_when_asked_for(desk: RootDesk) -> None:
    alone = desk.ask(OPERATION, Filter=["AWSManagedPolicy"])
    assert {each["Arn"] for each in alone["Policies"]} >= {ADMINISTRATOR}
    assert all(each["Arn"].startswith("arn:aws:iam::aws:policy/") for each in alone["Policies"])
    assert names(desk.ask(OPERATION)) == [*names(desk.ask(OPERATION, Filter=OWN_KINDS)), *names(alone)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_pages_of_whatever_size_tell_everything_once_and_in_order(desk: RootDesk, size: int) -> None:
    command: dict[str, Any] = {"Filter": OWN_KINDS, "MaxItems": size}
    pages = [desk.ask(OPERATION, **command)]
    while pages[-1]["IsTruncated"]:
        pages.append(desk.ask(OPERATION, **command, Marker=pages[-1]["Marker"]))
    assert [name for page in pages for name in names(page)] == ["ann", "bob", "crew", "app", "limit"]
    assert [len(names(page)) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_a_marker_does_not_lead_into_another_filter(desk: RootDesk) -> None:
    first = desk.ask(OPERATION, Filter=["User"], MaxItems=1)
    with pytest.raises(ParameterInvalid, match="Invalid Marker"):
        desk.ask(OPERATION, Filter=["User", "Role"], MaxItems=1, Marker=first["Marker"])


def test_another_account_is_told_nothing_of_it(desk: RootDesk) -> None:
    assert names(desk.abroad().ask(OPERATION, Filter=OWN_KINDS)) == []
    (admin,) = [each for each in desk.abroad().ask(OPERATION)["Policies"] if each["Arn"] == ADMINISTRATOR]
    assert admin["AttachmentCount"] == 0
