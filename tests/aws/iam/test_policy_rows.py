from typing import Any

import pytest

from sts.errors import InputInvalid, NotFound, Unmodifiable
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW
from tests.directory.store import ACCOUNT_ID, NOW, Store

ARN = f"arn:aws:iam::{ACCOUNT_ID}:policy"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ON_POLICY = {
    "GetPolicy": {},
    "ListPolicyVersions": {},
    "ListEntitiesForPolicy": {},
    "GetPolicyVersion": {"VersionId": "v1"},
}
CHANGING = {
    "DeletePolicy": {},
    "CreatePolicyVersion": {"PolicyDocument": ALLOW},
    "DeletePolicyVersion": {"VersionId": "v1"},
    "SetDefaultPolicyVersion": {"VersionId": "v1"},
}


@pytest.fixture
def desk(store: Store) -> RootDesk:
    return open_root_desk(store)


def create(desk: RootDesk, name: str = "reading", **command: Any) -> dict[str, Any]:
    result = desk.ask("CreatePolicy", PolicyName=name, **{"PolicyDocument": ALLOW} | command)
    policy: dict[str, Any] = result["Policy"]
    return policy


def listed(desk: RootDesk, **command: Any) -> list[str]:
    return [policy["PolicyName"] for policy in desk.ask("ListPolicies", **command)["Policies"]]


def test_a_created_policy_is_answered_in_full_and_described_when_it_is_read(desk: RootDesk) -> None:
    policy = create(desk, Path="/team/", Description="Reads")
    assert desk.ask("GetPolicy", PolicyArn=f"{ARN}/team/reading")["Policy"] == policy | {"Description": "Reads"}
    assert desk.ask("ListPolicies", Scope="Local")["Policies"] == [policy]
    assert policy.pop("PolicyId").startswith("ANPA")
    assert policy == {
        "PolicyName": "reading",
        "Arn": f"{ARN}/team/reading",
        "Path": "/team/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": NOW,
        "UpdateDate": NOW,
    }


def test_creating_demands_the_path_that_is_asked_for_a_policy(desk: RootDesk) -> None:
    demand = desk.demand("CreatePolicy", PolicyName="p", Path="/team/", PolicyDocument=ALLOW)
    assert (demand.action, demand.resource, demand.resource_account_id) == (
        "iam:CreatePolicy",
        f"{ARN}/team/p",
        ACCOUNT_ID,
    )
    assert desk.demand("CreatePolicy", PolicyName="p").resource == f"{ARN}/p"


@pytest.mark.parametrize(("operation", "command"), [*ON_POLICY.items(), *CHANGING.items()])
def test_a_policy_is_authorized_by_its_arn(desk: RootDesk, operation: str, command: dict[str, str]) -> None:
    policy = create(desk)
    demand = desk.demand(operation, PolicyArn=policy["Arn"], **command)
    assert (demand.action, demand.resource) == (f"iam:{operation}", policy["Arn"])
    assert demand.resource_account_id == ACCOUNT_ID


@pytest.mark.parametrize(("operation", "command"), [*ON_POLICY.items(), *CHANGING.items()])
def test_an_absent_and_a_foreign_policy_are_refused_alike(
    desk: RootDesk, operation: str, command: dict[str, str]
) -> None:
    for desk_, arn in ((desk, f"{ARN}/absent"), (desk.abroad(), create(desk)["Arn"])):
        text = "was not found" if operation == "GetPolicy" else "does not exist or is not attachable"
        with pytest.raises(NotFound, match=rf"^Policy {arn} {text}\.$"):
            desk_.ask(operation, PolicyArn=arn, **command)
        assert desk_.demand(operation, PolicyArn=arn, **command).resource_account_id == desk_.caller.account_id


@pytest.mark.parametrize(("operation", "command"), [*ON_POLICY.items(), *CHANGING.items()])
def test_what_is_no_arn_names_no_policy(desk: RootDesk, operation: str, command: dict[str, str]) -> None:
    with pytest.raises(InputInvalid, match=r"^ARN AdministratorAccess is not valid\.$"):
        desk.target(operation, PolicyArn="AdministratorAccess", **command)


@pytest.mark.parametrize(("operation", "command"), ON_POLICY.items())
def test_a_policy_of_the_service_is_read_as_if_it_were_the_callers_own(
    desk: RootDesk, operation: str, command: dict[str, str]
) -> None:
    assert desk.demand(operation, PolicyArn=ADMINISTRATOR, **command).resource_account_id == ACCOUNT_ID
    assert desk.ask(operation, PolicyArn=ADMINISTRATOR, **command)


@pytest.mark.parametrize(("operation", "command"), CHANGING.items())
def test_changing_a_policy_of_the_service_is_asked_of_an_account_that_is_nobodys(
    desk: RootDesk, operation: str, command: dict[str, str]
) -> None:
    assert desk.demand(operation, PolicyArn=ADMINISTRATOR, **command).resource_account_id == "aws"
    with pytest.raises(Unmodifiable):
        desk.ask(operation, PolicyArn=ADMINISTRATOR, **command)


def test_the_document_is_told_by_get_policy_version_only(desk: RootDesk) -> None:
    arn = create(desk)["Arn"]
    deny = ALLOW.replace("Allow", "Deny")
    created = desk.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=deny, SetAsDefault=True)["PolicyVersion"]
    assert created == {"VersionId": "v2", "IsDefaultVersion": True, "CreateDate": NOW}
    read = desk.ask("GetPolicyVersion", PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert read == created | {"Document": deny}
    versions = desk.ask("ListPolicyVersions", PolicyArn=arn)
    assert versions["Versions"] == [created, {"VersionId": "v1", "IsDefaultVersion": False, "CreateDate": NOW}]
    assert versions["IsTruncated"] is False
    assert desk.ask("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"


def test_a_version_is_made_the_default_and_the_other_deleted(desk: RootDesk) -> None:
    arn = create(desk)["Arn"]
    created = desk.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW)["PolicyVersion"]
    assert created["IsDefaultVersion"] is False
    assert desk.ask("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2") == {}
    assert desk.ask("DeletePolicyVersion", PolicyArn=arn, VersionId="v1") == {}
    assert [each["VersionId"] for each in desk.ask("ListPolicyVersions", PolicyArn=arn)["Versions"]] == ["v2"]
    assert desk.ask("DeletePolicy", PolicyArn=arn) == {}
    assert listed(desk, Scope="Local") == []


def test_versions_are_listed_page_by_page_the_newest_first(desk: RootDesk) -> None:
    arn = create(desk)["Arn"]
    for _ in range(2):
        desk.ask("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW)
    first = desk.ask("ListPolicyVersions", PolicyArn=arn, MaxItems=2)
    second = desk.ask("ListPolicyVersions", PolicyArn=arn, MaxItems=2, Marker=first["Marker"])
    pages = [[version["VersionId"] for version in page["Versions"]] for page in (first, second)]
    assert pages == [["v3", "v2"], ["v1"]]
    assert (first["IsTruncated"], second["IsTruncated"]) == (True, False)


def test_scope_says_whose_policies_are_listed(desk: RootDesk) -> None:
    create(desk)
    assert listed(desk, Scope="Local") == ["reading"]
    assert "reading" not in listed(desk, Scope="AWS")
    assert listed(desk, Scope="All") == listed(desk) == sorted([*listed(desk, Scope="AWS"), "reading"], key=str.lower)
    assert listed(desk.abroad(), Scope="Local") == []


def test_policies_are_listed_page_by_page_though_two_have_one_name(desk: RootDesk) -> None:
    create(desk, "AdministratorAccess")
    first = desk.ask("ListPolicies", MaxItems=1)
    second = desk.ask("ListPolicies", MaxItems=1, Marker=first["Marker"])
    arns = [page["Policies"][0]["Arn"] for page in (first, second)]
    assert arns == [f"{ARN}/AdministratorAccess", ADMINISTRATOR]


def test_filters_narrow_the_policies_listed(desk: RootDesk) -> None:
    create(desk)
    create(desk, "other", Path="/team/")
    desk.ask("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust_anyone())
    desk.ask("AttachRolePolicy", RoleName="r", PolicyArn=f"{ARN}/reading")
    assert listed(desk, OnlyAttached=True) == ["reading"]
    assert listed(desk, Scope="Local", OnlyAttached=False) == ["other", "reading"]
    assert listed(desk, PathPrefix="/team/") == ["other"]
    assert listed(desk, Scope="Local", PolicyUsageFilter="PermissionsPolicy") == ["other", "reading"]
    assert desk.ask("ListPolicies", PolicyUsageFilter="PermissionsBoundary") == {"Policies": [], "IsTruncated": False}


def test_listing_policies_demands_the_path_that_is_listed(desk: RootDesk) -> None:
    assert desk.demand("ListPolicies").resource == f"{ARN}/"
    assert desk.demand("ListPolicies", PathPrefix="/team/").resource == f"{ARN}/team/"


def trust_anyone() -> str:
    return '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}'
