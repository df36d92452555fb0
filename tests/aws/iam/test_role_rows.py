import json
from typing import Any

import pytest

from sts.audit.events import Event
from sts.aws.row import DOCUMENT, SMALL, Proof
from sts.errors import NotFound, ParameterInvalid
from tests.aws.iam.root_desk import RootDesk, iam_model, open_root_desk
from tests.directory.people import SERVICE_TRUST, trust, user
from tests.directory.store import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, Store

ARN = f"arn:aws:iam::{ACCOUNT_ID}:"
WITH_DOCUMENTS = {
    "CreateRole",
    "UpdateAssumeRolePolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "PutUserPolicy",
    "PutGroupPolicy",
    "PutRolePolicy",
}


@pytest.fixture
def desk(store: Store) -> RootDesk:
    return open_root_desk(store)


def create(desk: RootDesk, name: str = "reader", **command: Any) -> dict[str, Any]:
    result = desk.ask("CreateRole", **{"RoleName": name, "AssumeRolePolicyDocument": SERVICE_TRUST} | command)
    role: dict[str, Any] = result["Role"]
    return role


def test_every_row_is_signed_and_takes_large_bodies_only_for_documents(desk: RootDesk) -> None:
    assert len(desk.desk.rows) == 5 + 7 + 3 + 7 + 10 + 1 + 4 + 18 + 9 + 12
    for name, row in desk.desk.rows.items():
        assert (row.service, row.proof) == ("iam", Proof.SIGNATURE)
        assert row.limit is (DOCUMENT if name in WITH_DOCUMENTS else SMALL)


def test_every_row_is_an_operation_of_the_model_and_holds_back_members_of_it(
    desk: RootDesk,
) -> None:
    model = iam_model()
    for name, row in desk.desk.rows.items():
        members = model.shapes[model.operations[name]["input"]["shape"]]["members"]
        assert row.not_yet <= members.keys()
    assert not {name for name, row in desk.desk.rows.items() if row.not_yet}


def test_a_new_trust_policy_is_recorded_as_such(desk: RootDesk) -> None:
    assert desk.desk.rows["UpdateAssumeRolePolicy"].event is Event.TRUST_UPDATE
    assert desk.desk.rows["ListAttachedRolePolicies"].event is Event.ATTACHMENT_LIST


def test_a_created_role_is_answered_as_it_is_read(desk: RootDesk) -> None:
    role = create(desk, Path="/team/", Description="Reads", MaxSessionDuration=7200)
    assert role | {"RoleLastUsed": {}} == desk.ask("GetRole", RoleName="reader")["Role"]
    assert role.pop("RoleId").startswith("AROA")
    assert json.loads(role.pop("AssumeRolePolicyDocument")) == json.loads(SERVICE_TRUST)
    assert role == {
        "Path": "/team/",
        "RoleName": "reader",
        "Arn": f"{ARN}role/team/reader",
        "CreateDate": NOW,
        "Description": "Reads",
        "MaxSessionDuration": 7200,
    }


def test_a_role_without_description_says_none_and_lasts_an_hour(desk: RootDesk) -> None:
    role = create(desk)
    assert "Description" not in role
    assert role["MaxSessionDuration"] == 3600


def test_a_principal_is_answered_by_arn(desk: RootDesk) -> None:
    alice = user(desk.store)
    role = create(desk, AssumeRolePolicyDocument=trust({"AWS": alice.arn}))
    assert json.loads(role["AssumeRolePolicyDocument"])["Statement"][0]["Principal"] == {"AWS": alice.arn}
    listed = desk.ask("ListRoles")["Roles"]
    assert listed == [role]


def test_creating_demands_the_path_that_is_asked_for(desk: RootDesk) -> None:
    demand = desk.demand("CreateRole", RoleName="r", Path="/team/", AssumeRolePolicyDocument=SERVICE_TRUST)
    assert (demand.action, demand.resource) == ("iam:CreateRole", f"{ARN}role/team/r")
    assert desk.demand("CreateRole", RoleName="r").resource == f"{ARN}role/r"


@pytest.mark.parametrize(
    "operation", ["GetRole", "UpdateRole", "UpdateRoleDescription", "DeleteRole", "UpdateAssumeRolePolicy"]
)
def test_a_role_is_authorized_under_its_own_path_and_an_absent_one_under_the_root(
    desk: RootDesk, operation: str
) -> None:
    command = {"PolicyDocument": SERVICE_TRUST, "Description": "x"}
    create(desk, Path="/team/")
    demand = desk.demand(operation, RoleName="reader", **command)
    assert (demand.action, demand.resource) == (f"iam:{operation}", f"{ARN}role/team/reader")
    assert demand.resource_account_id == ACCOUNT_ID
    assert desk.demand(operation, RoleName="Reader", **command).resource == f"{ARN}role/Reader"
    with pytest.raises(NotFound, match=r"^The role with name Reader cannot be found\.$"):
        desk.ask(operation, RoleName="Reader", **command)


def test_a_role_of_another_account_does_not_exist(desk: RootDesk) -> None:
    create(desk)
    assert desk.abroad().demand("GetRole", RoleName="reader").resource == f"arn:aws:iam::{OTHER_ACCOUNT_ID}:role/reader"
    with pytest.raises(NotFound):
        desk.abroad().ask("GetRole", RoleName="reader")
    assert desk.abroad().ask("ListRoles") == {"Roles": [], "IsTruncated": False}


def test_an_update_changes_what_it_names(desk: RootDesk) -> None:
    create(desk, Description="Reads", MaxSessionDuration=7200)
    assert desk.ask("UpdateRole", RoleName="reader", Description="Writes") == {}
    role = desk.ask("GetRole", RoleName="reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("Writes", 7200)
    desk.ask("UpdateRole", RoleName="reader", MaxSessionDuration=3600)
    role = desk.ask("GetRole", RoleName="reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("Writes", 3600)
    assert desk.ask("UpdateRoleDescription", RoleName="reader", Description="Lists")["Role"]["Description"] == "Lists"


def test_a_trust_policy_is_replaced(desk: RootDesk) -> None:
    create(desk)
    document = trust({"AWS": "*"})
    assert desk.ask("UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=document) == {}
    role = desk.ask("GetRole", RoleName="reader")["Role"]
    assert json.loads(role["AssumeRolePolicyDocument"]) == json.loads(document)


def test_a_deleted_role_is_gone(desk: RootDesk) -> None:
    create(desk)
    assert desk.ask("DeleteRole", RoleName="reader") == {}
    with pytest.raises(NotFound):
        desk.ask("GetRole", RoleName="reader")


def test_a_role_that_went_between_decision_and_change_is_not_found(desk: RootDesk) -> None:
    create(desk)
    target = desk.target("UpdateRole", RoleName="reader", Description="x")
    desk.ask("DeleteRole", RoleName="reader")
    create(desk, Path="/team/")
    with pytest.raises(NotFound):
        desk.act("UpdateRole", target, RoleName="reader", Description="x")
    assert "Description" not in desk.ask("GetRole", RoleName="reader")["Role"]


def test_listing_demands_the_path_that_is_listed(desk: RootDesk) -> None:
    assert desk.demand("ListRoles").resource == f"{ARN}role/"
    assert desk.demand("ListRoles", PathPrefix="/team/").resource == f"{ARN}role/team/"


def test_roles_are_listed_page_by_page(desk: RootDesk) -> None:
    for name in ("a", "B", "c"):
        create(desk, name)
    first = desk.ask("ListRoles", MaxItems=2)
    assert [role["RoleName"] for role in first["Roles"]] == ["a", "B"]
    assert first["IsTruncated"] is True
    second = desk.ask("ListRoles", MaxItems=2, Marker=first["Marker"])
    assert [role["RoleName"] for role in second["Roles"]] == ["c"]
    assert second["IsTruncated"] is False
    assert "Marker" not in second


def test_a_marker_pages_no_other_list(desk: RootDesk) -> None:
    for name in ("a", "b"):
        create(desk, name)
    marker = desk.ask("ListRoles", MaxItems=1)["Marker"]
    with pytest.raises(ParameterInvalid):
        desk.ask("ListPolicies", MaxItems=1, Marker=marker)
    with pytest.raises(ParameterInvalid):
        desk.ask("ListRoles", MaxItems=1, Marker=marker, PathPrefix="/team/")
    with pytest.raises(ParameterInvalid):
        desk.abroad().ask("ListRoles", MaxItems=1, Marker=marker)
