import pytest

from sts.aws.iam.groups import GroupOperations
from sts.aws.iam.paging import Pager
from sts.directory.groups import Groups
from sts.errors import NotFound
from tests.aws.iam.desk import Desk, open_desk, root
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

ARN = f"arn:aws:iam::{ACCOUNT_ID}:group"
ON_A_GROUP = ["GetGroup", "UpdateGroup", "DeleteGroup", "AddUserToGroup", "RemoveUserFromGroup"]


@pytest.fixture
def desk(store: Store) -> Desk:
    return open_desk(store, GroupOperations(Groups(ENTROPY), Pager(store.keyring)).rows())


@pytest.fixture
def staff(store: Store, desk: Desk) -> str:
    for name in ("alice", "Bob", "carol"):
        user(store, name)
    desk.call(root(), "CreateGroup", GroupName="staff", Path="/dept/")
    for name in ("carol", "alice", "Bob"):
        desk.call(root(), "AddUserToGroup", GroupName="staff", UserName=name)
    return "staff"


def test_a_group_is_created_described_and_authorized_under_the_path_asked_for(desk: Desk) -> None:
    command = {"GroupName": "ops", "Path": "/a/"}
    assert desk.demanded(root(), "CreateGroup", **command) == [("iam:CreateGroup", f"{ARN}/a/ops")]
    described = desk.call(root(), "CreateGroup", **command)["Group"]
    assert described["GroupId"].startswith("AGPA")
    assert described == {
        "Path": "/a/",
        "GroupName": "ops",
        "GroupId": described["GroupId"],
        "Arn": f"{ARN}/a/ops",
        "CreateDate": NOW,
    }
    assert desk.call(root(), "CreateGroup", GroupName="plain")["Group"]["Path"] == "/"


@pytest.mark.parametrize("name", ON_A_GROUP)
def test_a_group_is_authorized_under_its_own_path(desk: Desk, staff: str, name: str) -> None:
    command = {"GroupName": staff, "UserName": "alice"}
    assert desk.demanded(root(), name, **command) == [(f"iam:{name}", f"{ARN}/dept/staff")]


@pytest.mark.parametrize("name", ON_A_GROUP)
def test_a_group_that_does_not_exist_is_authorized_at_the_root_path_and_not_found(desk: Desk, name: str) -> None:
    command = {"GroupName": "none", "UserName": "alice"}
    assert desk.demanded(root(), name, **command) == [(f"iam:{name}", f"{ARN}/none")]
    with pytest.raises(NotFound, match=r"^The group with name none cannot be found\.$"):
        desk.call(root(), name, **command)


@pytest.mark.parametrize("name", ON_A_GROUP)
def test_a_group_of_another_account_is_not_found(desk: Desk, staff: str, name: str) -> None:
    with pytest.raises(NotFound):
        desk.call(root(OTHER_ACCOUNT_ID), name, GroupName=staff, UserName="alice")


def test_a_group_shows_its_members_in_pages(desk: Desk, staff: str) -> None:
    first = desk.call(root(), "GetGroup", GroupName=staff, MaxItems=2)
    assert first["Group"]["GroupName"] == "staff"
    assert ([user["UserName"] for user in first["Users"]], first["IsTruncated"]) == (["alice", "Bob"], True)
    last = desk.call(root(), "GetGroup", GroupName=staff, MaxItems=2, Marker=first["Marker"])
    assert ([user["UserName"] for user in last["Users"]], last["IsTruncated"]) == (["carol"], False)


def test_groups_are_listed_under_a_prefix_in_pages(desk: Desk, staff: str) -> None:
    desk.call(root(), "CreateGroup", GroupName="other", Path="/dept/")
    desk.call(root(), "CreateGroup", GroupName="elsewhere")
    assert desk.demanded(root(), "ListGroups", PathPrefix="/dept/") == [("iam:ListGroups", f"{ARN}/dept/")]
    assert desk.demanded(root(), "ListGroups") == [("iam:ListGroups", f"{ARN}/")]
    first = desk.call(root(), "ListGroups", PathPrefix="/dept/", MaxItems=1)
    assert ([group["GroupName"] for group in first["Groups"]], first["IsTruncated"]) == (["other"], True)
    last = desk.call(root(), "ListGroups", PathPrefix="/dept/", Marker=first["Marker"])
    assert ([group["GroupName"] for group in last["Groups"]], last["IsTruncated"]) == ([staff], False)


def test_a_users_groups_are_listed_and_authorized_on_the_user(desk: Desk, staff: str) -> None:
    desk.call(root(), "CreateGroup", GroupName="ops")
    desk.call(root(), "AddUserToGroup", GroupName="ops", UserName="alice")
    user_arn = f"arn:aws:iam::{ACCOUNT_ID}:user/alice"
    assert desk.demanded(root(), "ListGroupsForUser", UserName="alice") == [("iam:ListGroupsForUser", user_arn)]
    first = desk.call(root(), "ListGroupsForUser", UserName="alice", MaxItems=1)
    assert ([group["GroupName"] for group in first["Groups"]], first["IsTruncated"]) == (["ops"], True)
    last = desk.call(root(), "ListGroupsForUser", UserName="alice", Marker=first["Marker"])
    assert ([group["GroupName"] for group in last["Groups"]], last["IsTruncated"]) == ([staff], False)
    with pytest.raises(NotFound, match=r"^The user with name dave cannot be found\.$"):
        desk.call(root(), "ListGroupsForUser", UserName="dave")


def test_a_member_that_was_removed_is_no_member(desk: Desk, staff: str) -> None:
    assert desk.call(root(), "RemoveUserFromGroup", GroupName=staff, UserName="Bob") == {}
    listed = desk.call(root(), "GetGroup", GroupName=staff)["Users"]
    assert [user["UserName"] for user in listed] == ["alice", "carol"]


def test_a_renamed_group_demands_what_is_there_and_what_it_becomes(desk: Desk, staff: str) -> None:
    changes = {"GroupName": staff, "NewGroupName": staff, "NewPath": "/moved/"}
    action = "iam:UpdateGroup"
    assert desk.demanded(root(), action[4:], **changes) == [
        (action, f"{ARN}/dept/staff"),
        (action, f"{ARN}/moved/staff"),
    ]
    assert desk.call(root(), "UpdateGroup", **changes) == {}
    assert desk.call(root(), "GetGroup", GroupName=staff)["Group"]["Path"] == "/moved/"


def test_an_empty_group_is_deleted(desk: Desk) -> None:
    desk.call(root(), "CreateGroup", GroupName="ops")
    assert desk.call(root(), "DeleteGroup", GroupName="ops") == {}
    assert desk.call(root(), "ListGroups") == {"Groups": [], "IsTruncated": False}


def test_answers_about_groups_are_those_of_the_model(desk: Desk, staff: str) -> None:
    assert b"<GroupName>ops</GroupName>" in desk.render(root(), "CreateGroup", GroupName="ops")
    assert b"<IsTruncated>false</IsTruncated>" in desk.render(root(), "GetGroup", GroupName=staff)
    assert b"<IsTruncated>true</IsTruncated>" in desk.render(root(), "ListGroups", MaxItems=1)
    assert b"<IsTruncated>false</IsTruncated>" in desk.render(root(), "ListGroupsForUser", UserName="alice")
    assert b"AddUserToGroupResponse" in desk.render(root(), "AddUserToGroup", GroupName="ops", UserName="alice")
    assert b"RemoveUserFrom" in desk.render(root(), "RemoveUserFromGroup", GroupName="ops", UserName="alice")
    assert b"UpdateGroupResponse" in desk.render(root(), "UpdateGroup", GroupName="ops", NewPath="/x/")
    assert b"DeleteGroupResponse" in desk.render(root(), "DeleteGroup", GroupName="ops")
