import json
from typing import Any

import pytest

from sts.directory.instance_profiles import InstanceProfiles
from sts.errors import AlreadyExists, InputInvalid, InUse, NotFound, QuotaExceeded
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import SERVICE_TRUST
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

OWN = f"arn:aws:iam::{ACCOUNT_ID}"
NAMED = {"InstanceProfileName": "web"}
BOTH = {**NAMED, "RoleName": "app"}


@pytest.fixture
def desk(store: Store) -> RootDesk:
    opened = open_root_desk(store)
    opened.ask("CreateRole", RoleName="app", Path="/team/", AssumeRolePolicyDocument=SERVICE_TRUST)
    return opened


def create(desk: RootDesk, name: str = "web", **command: Any) -> dict[str, Any]:
    made: dict[str, Any] = desk.ask("CreateInstanceProfile", InstanceProfileName=name, **command)["InstanceProfile"]
    return made


def test_a_profile_is_told_as_it_was_made_and_has_no_role(desk: RootDesk) -> None:
    made = create(desk, Path="/fleet/")
    assert made["InstanceProfileId"].startswith("AIPA")
    assert made == {
        "Path": "/fleet/",
        "InstanceProfileName": "web",
        "InstanceProfileId": made["InstanceProfileId"],
        "Arn": f"{OWN}:instance-profile/fleet/web",
        "CreateDate": NOW,
        "Roles": [],
    }
    assert desk.ask("GetInstanceProfile", **NAMED)["InstanceProfile"] == made


def test_a_role_in_a_profile_is_told_with_its_trust_policy_and_listed_both_ways(desk: RootDesk) -> None:
    create(desk)
    assert desk.ask("AddRoleToInstanceProfile", **BOTH) == {}
    (role,) = desk.ask("GetInstanceProfile", **NAMED)["InstanceProfile"]["Roles"]
    assert (role["Arn"], json.loads(role["AssumeRolePolicyDocument"])) == (
        f"{OWN}:role/team/app",
        json.loads(SERVICE_TRUST),
    )
    (of_role,) = desk.ask("ListInstanceProfilesForRole", RoleName="app")["InstanceProfiles"]
    (listed,) = desk.ask("ListInstanceProfiles")["InstanceProfiles"]
    assert of_role == listed == desk.ask("GetInstanceProfile", **NAMED)["InstanceProfile"]
    assert desk.ask("RemoveRoleFromInstanceProfile", **BOTH) == {}
    assert desk.ask("ListInstanceProfilesForRole", RoleName="app")["InstanceProfiles"] == []


def test_a_profile_holds_one_role(desk: RootDesk) -> None:
    create(desk)
    desk.ask("CreateRole", RoleName="other", AssumeRolePolicyDocument=SERVICE_TRUST)
    desk.ask("AddRoleToInstanceProfile", **BOTH)
    for name in ("other", "app"):
        with pytest.raises(QuotaExceeded, match="InstanceSessionsPerInstanceProfile: 1"):
            desk.ask("AddRoleToInstanceProfile", **NAMED, RoleName=name)
    with pytest.raises(NotFound, match="Role other cannot be found in Instance Profile web"):
        desk.ask("RemoveRoleFromInstanceProfile", **NAMED, RoleName="other")


def test_one_role_may_be_in_many_profiles_which_are_paged_by_name(desk: RootDesk) -> None:
    for name in ("b", "A", "c"):
        create(desk, name)
        desk.ask("AddRoleToInstanceProfile", InstanceProfileName=name, RoleName="app")
    for operation, command in (("ListInstanceProfiles", {}), ("ListInstanceProfilesForRole", {"RoleName": "app"})):
        first = desk.ask(operation, **command, MaxItems=2)
        rest = desk.ask(operation, **command, MaxItems=2, Marker=first["Marker"])
        names = [[each["InstanceProfileName"] for each in page["InstanceProfiles"]] for page in (first, rest)]
        assert names == [["A", "b"], ["c"]]
        assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)


def test_neither_the_role_nor_the_profile_is_deleted_while_one_is_in_the_other(desk: RootDesk) -> None:
    create(desk)
    desk.ask("AddRoleToInstanceProfile", **BOTH)
    for operation, command in (("DeleteRole", {"RoleName": "app"}), ("DeleteInstanceProfile", NAMED)):
        with pytest.raises(InUse, match="must remove roles from instance profile first"):
            desk.ask(operation, **command)
    desk.ask("RemoveRoleFromInstanceProfile", **BOTH)
    desk.ask("DeleteRole", RoleName="app")
    desk.ask("DeleteInstanceProfile", **NAMED)
    with pytest.raises(NotFound, match=r"^Instance Profile web cannot be found\.$"):
        desk.ask("GetInstanceProfile", **NAMED)


def test_putting_a_role_in_demands_to_pass_it_to_ec2_and_taking_it_out_does_not(desk: RootDesk) -> None:
    create(desk, Path="/fleet/", Tags=[{"Key": "kind", "Value": "web"}])
    desk.ask("TagRole", RoleName="app", Tags=[{"Key": "team", "Value": "blue"}])
    adding, passing = desk.demands("AddRoleToInstanceProfile", **BOTH)
    profile_arn = f"{OWN}:instance-profile/fleet/web"
    assert (adding.action, adding.resource) == ("iam:AddRoleToInstanceProfile", profile_arn)
    assert adding.context == {"aws:resourcetag/kind": ("web",)}
    assert (passing.action, passing.resource) == ("iam:PassRole", f"{OWN}:role/team/app")
    assert passing.context == {
        "aws:resourcetag/team": ("blue",),
        "iam:resourcetag/team": ("blue",),
        "iam:passedtoservice": ("ec2.amazonaws.com",),
        "iam:associatedresourcearn": (f"arn:aws:ec2:*:{ACCOUNT_ID}:instance/*",),
    }
    removing = desk.demand("RemoveRoleFromInstanceProfile", **BOTH)
    assert (removing.action, removing.resource) == ("iam:RemoveRoleFromInstanceProfile", profile_arn)


def test_what_does_not_exist_is_authorized_at_the_root_path_and_not_found(desk: RootDesk) -> None:
    adding, passing = desk.demands("AddRoleToInstanceProfile", **NAMED, RoleName="none")
    assert (adding.resource, passing.resource) == (f"{OWN}:instance-profile/web", f"{OWN}:role/none")
    with pytest.raises(NotFound, match="Instance Profile web"):
        desk.ask("AddRoleToInstanceProfile", **BOTH)
    create(desk)
    with pytest.raises(NotFound, match="role with name none"):
        desk.ask("AddRoleToInstanceProfile", **NAMED, RoleName="none")


def test_a_profile_that_was_made_anew_since_is_not_the_one_that_was_authorized(desk: RootDesk) -> None:
    create(desk)
    targets = {name: desk.target(name, **BOTH) for name in ("AddRoleToInstanceProfile", "DeleteInstanceProfile")}
    desk.ask("DeleteInstanceProfile", **NAMED)
    create(desk)
    for name, target in targets.items():
        with pytest.raises(NotFound):
            desk.act(name, target, **BOTH)


def test_names_are_unique_ignoring_case_within_their_account(desk: RootDesk) -> None:
    create(desk)
    with pytest.raises(AlreadyExists):
        create(desk, "WEB")
    create(desk.abroad())
    with pytest.raises(NotFound):
        desk.ask("GetInstanceProfile", InstanceProfileName="WEB")


def test_profiles_and_roles_of_another_account_are_out_of_reach(desk: RootDesk) -> None:
    create(desk)
    create(desk.abroad(), "theirs")
    with pytest.raises(NotFound):
        desk.abroad().ask("GetInstanceProfile", **NAMED)
    with pytest.raises(NotFound, match="role with name app"):
        desk.abroad().ask("AddRoleToInstanceProfile", InstanceProfileName="theirs", RoleName="app")
    listed = desk.abroad().ask("ListInstanceProfiles")["InstanceProfiles"]
    assert [each["Arn"] for each in listed] == [f"arn:aws:iam::{OTHER_ACCOUNT_ID}:instance-profile/theirs"]


def test_tags_of_a_profile_go_with_it(desk: RootDesk) -> None:
    blue, red = {"Key": "Team", "Value": "blue"}, {"Key": "zone", "Value": "red"}
    made = create(desk, Tags=[blue])
    assert made["Tags"] == [blue]
    desk.ask("TagInstanceProfile", **NAMED, Tags=[red])
    assert desk.ask("ListInstanceProfileTags", **NAMED)["Tags"] == [blue, red]
    desk.ask("UntagInstanceProfile", **NAMED, TagKeys=["Team"])
    assert desk.ask("GetInstanceProfile", **NAMED)["InstanceProfile"]["Tags"] == [red]
    desk.ask("DeleteInstanceProfile", **NAMED)
    assert "Tags" not in create(desk)
    creating = desk.demands("CreateInstanceProfile", InstanceProfileName="other", Tags=[blue])
    assert [each.action for each in creating] == ["iam:CreateInstanceProfile", "iam:TagInstanceProfile"]


@pytest.mark.parametrize(("name", "path"), [("n" * 129, "/"), ("ä", "/"), ("n", "fleet"), ("n", "/" + "p" * 511 + "/")])
def test_a_name_or_path_beyond_its_rules_is_refused(store: Store, name: str, path: str) -> None:
    profiles = InstanceProfiles(ENTROPY)
    with pytest.raises(InputInvalid):
        store.change(lambda tx: profiles.create(tx, account_id=ACCOUNT_ID, name=name, path=path))
    store.change(lambda tx: profiles.create(tx, account_id=ACCOUNT_ID, name="n" * 128))


def test_an_account_has_no_more_profiles_than_its_quota(store: Store) -> None:
    profiles = InstanceProfiles(ENTROPY, per_account=1)
    store.change(lambda tx: profiles.create(tx, account_id=ACCOUNT_ID, name="one"))
    with pytest.raises(QuotaExceeded, match="InstanceProfilesPerAccount: 1"):
        store.change(lambda tx: profiles.create(tx, account_id=ACCOUNT_ID, name="two"))
    store.change(lambda tx: profiles.create(tx, account_id=OTHER_ACCOUNT_ID, name="two"))
