from typing import Any

import pytest

from sts.directory.bearers import Bearer, kind_of
from sts.errors import NotFound
from sts.store.attachments import BearerKind
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW, bearer, group, role, user
from tests.directory.store import ACCOUNT_ID, Store

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"
EVERY_KIND = tuple(BearerKind)


@pytest.fixture
def desk(store: Store) -> RootDesk:
    return open_root_desk(store)


def attach(desk: RootDesk, to: Bearer) -> tuple[str, str]:
    noun = kind_of(to).capitalize()
    desk.ask(f"Attach{noun}Policy", PolicyArn=ADMINISTRATOR, **{f"{noun}Name": to.name})
    return to.name, to.unique_id


def attach_everywhere(desk: RootDesk) -> dict[str, str]:
    alice, staff = user(desk.store, "alice", "/staff/"), group(desk.store, "staff", "/staff/")
    return dict((attach(desk, alice), attach(desk, staff), attach(desk, role(desk.store))))


def entities(desk: RootDesk, **command: Any) -> list[str]:
    result = desk.ask("ListEntitiesForPolicy", PolicyArn=ADMINISTRATOR, **command)
    return [each[f"{noun}Name"] for noun in ("User", "Group", "Role") for each in result[f"Policy{noun}s"]]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_policy_is_attached_listed_and_detached(desk: RootDesk, kind: BearerKind) -> None:
    noun, name = kind.value.capitalize(), bearer(desk.store, kind).name
    named = {f"{noun}Name": name}
    assert desk.ask(f"Attach{noun}Policy", PolicyArn=ADMINISTRATOR, **named) == {}
    assert desk.ask(f"ListAttached{noun}Policies", **named) == {
        "AttachedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}],
        "IsTruncated": False,
    }
    assert desk.ask(f"Detach{noun}Policy", PolicyArn=ADMINISTRATOR, **named) == {}
    assert desk.ask(f"ListAttached{noun}Policies", **named)["AttachedPolicies"] == []


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("verb", ["Attach", "Detach"])
def test_attaching_and_detaching_is_asked_of_the_bearer_and_says_which_policy(
    desk: RootDesk, verb: str, kind: BearerKind
) -> None:
    noun, to = kind.value.capitalize(), bearer(desk.store, kind)
    demand = desk.demand(f"{verb}{noun}Policy", PolicyArn=ADMINISTRATOR, **{f"{noun}Name": to.name})
    assert (demand.action, demand.resource) == (f"iam:{verb}{noun}Policy", to.arn)
    assert demand.resource_account_id == ACCOUNT_ID
    assert demand.context == {"iam:policyarn": (ADMINISTRATOR,)}


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("operation", ["Attach{}Policy", "Detach{}Policy", "ListAttached{}Policies"])
def test_an_absent_bearer_is_authorized_under_the_root_path_and_not_found(
    desk: RootDesk, operation: str, kind: BearerKind
) -> None:
    noun = kind.value.capitalize()
    command = {f"{noun}Name": "nobody", "PolicyArn": ADMINISTRATOR}
    name = operation.format(noun)
    assert desk.demand(name, **command).resource == f"arn:aws:iam::{ACCOUNT_ID}:{kind.value}/nobody"
    with pytest.raises(NotFound, match=rf"^The {kind.value} with name nobody cannot be found\.$"):
        desk.ask(name, **command)


def test_a_bearer_of_another_account_is_out_of_reach(desk: RootDesk) -> None:
    alice = user(desk.store)
    with pytest.raises(NotFound):
        desk.abroad().ask("AttachUserPolicy", UserName=alice.name, PolicyArn=ADMINISTRATOR)
    assert desk.ask("ListAttachedUserPolicies", UserName=alice.name)["AttachedPolicies"] == []


def test_attached_policies_are_listed_page_by_page_and_by_path(desk: RootDesk) -> None:
    user(desk.store)
    own = desk.ask("CreatePolicy", PolicyName="p", Path="/team/", PolicyDocument=ALLOW)["Policy"]["Arn"]
    for arn in (POWER_USER, own, ADMINISTRATOR):
        desk.ask("AttachUserPolicy", UserName="alice", PolicyArn=arn)
    first = desk.ask("ListAttachedUserPolicies", UserName="alice", MaxItems=2)
    assert [each["PolicyArn"] for each in first["AttachedPolicies"]] == [ADMINISTRATOR, own]
    second = desk.ask("ListAttachedUserPolicies", UserName="alice", MaxItems=2, Marker=first["Marker"])
    assert [each["PolicyArn"] for each in second["AttachedPolicies"]] == [POWER_USER]
    within = desk.ask("ListAttachedUserPolicies", UserName="alice", PathPrefix="/team/")
    assert [each["PolicyArn"] for each in within["AttachedPolicies"]] == [own]


def test_entities_are_told_by_kind_with_their_unique_ids(desk: RootDesk) -> None:
    unique_ids = attach_everywhere(desk)
    assert desk.ask("ListEntitiesForPolicy", PolicyArn=ADMINISTRATOR) == {
        "PolicyUsers": [{"UserName": "alice", "UserId": unique_ids["alice"]}],
        "PolicyGroups": [{"GroupName": "staff", "GroupId": unique_ids["staff"]}],
        "PolicyRoles": [{"RoleName": "reader", "RoleId": unique_ids["reader"]}],
        "IsTruncated": False,
    }
    assert desk.ask("GetPolicy", PolicyArn=ADMINISTRATOR)["Policy"]["AttachmentCount"] == 3


def test_filters_narrow_the_entities(desk: RootDesk) -> None:
    attach_everywhere(desk)
    assert entities(desk, EntityFilter="Role") == ["reader"]
    assert entities(desk, EntityFilter="User") == ["alice"]
    assert entities(desk, EntityFilter="Group") == ["staff"]
    assert entities(desk, EntityFilter="LocalManagedPolicy") == []
    assert entities(desk, PathPrefix="/staff/") == ["alice", "staff"]
    assert entities(desk, PolicyUsageFilter="PermissionsPolicy") == ["alice", "staff", "reader"]
    assert entities(desk, PolicyUsageFilter="PermissionsBoundary") == []
    assert entities(desk.abroad()) == []


def test_entities_are_paged_across_users_groups_and_roles(desk: RootDesk) -> None:
    attach_everywhere(desk)
    command = {"PolicyArn": ADMINISTRATOR, "MaxItems": 1}
    first = desk.ask("ListEntitiesForPolicy", **command)
    second = desk.ask("ListEntitiesForPolicy", **command, Marker=first["Marker"])
    third = desk.ask("ListEntitiesForPolicy", **command, Marker=second["Marker"])
    sizes = [
        tuple(len(page[f"Policy{noun}s"]) for noun in ("Group", "User", "Role")) for page in (first, second, third)
    ]
    assert sizes == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert (second["IsTruncated"], third["IsTruncated"]) == (True, False)
