import json
from typing import Any

import pytest

from sts.directory.instance_profiles import InstanceProfiles
from sts.directory.roles import Roles
from sts.directory.service_linked_roles import ServiceLinkedRoles
from sts.errors import InputInvalid, NotFound, QuotaExceeded, Unmodifiable
from sts.store.database import Transaction
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW, SERVICE_TRUST, role
from tests.directory.store import ACCOUNT_ID, ENTROPY, Store

SERVICE, NAME = "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
INLINE = {"RoleName": NAME, "PolicyName": "inline"}
WITHOUT_TASK = "0" * 36


@pytest.fixture
def desk(store: Store) -> RootDesk:
    return open_root_desk(store)


def create(desk: RootDesk, service: str = SERVICE, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = desk.ask("CreateServiceLinkedRole", AWSServiceName=service, **more)["Role"]
    return made


def test_a_linked_role_trusts_its_service_alone_and_stands_under_its_path(desk: RootDesk) -> None:
    made = create(desk, Description="of the fleet")
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/{SERVICE}/{NAME}"
    assert json.loads(made["AssumeRolePolicyDocument"])["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    ]
    assert (made["Description"], made["MaxSessionDuration"]) == ("of the fleet", 3600)
    assert made | {"RoleLastUsed": {}} == desk.ask("GetRole", RoleName=NAME)["Role"]


@pytest.mark.parametrize(
    ("service", "suffix", "name"),
    [
        ("es.amazonaws.com", None, "AWSServiceRoleForAmazonElasticsearchService"),
        ("ecs.application-autoscaling.amazonaws.com", "x", "AWSServiceRoleForApplicationAutoScaling_ECSService_x"),
        ("backup.amazonaws.com", None, "AWSServiceRoleForBackup"),
        ("part-one.some-thing.amazonaws.com", "-1", "AWSServiceRoleForSomeThing_PartOne_-1"),
    ],
)
def test_a_linked_role_is_named_after_its_service(desk: RootDesk, service: str, suffix: str | None, name: str) -> None:
    made = create(desk, service, **({} if suffix is None else {"CustomSuffix": suffix}))
    assert made["RoleName"] == name


@pytest.mark.parametrize(
    "service",
    [
        "spot",
        "amazonaws.com",
        ".amazonaws.com",
        "spot.example.com",
        "Spot.amazonaws.com",
        "spot.amazonaws.com.",
        "spot..amazonaws.com",
        "spot.amazonaws.com\n",
        "spоt.amazonaws.com",  # noqa: RUF001  a Cyrillic letter
        "a" * 60 + ".amazonaws.com",
    ],
)
def test_what_is_no_service_has_no_linked_role(desk: RootDesk, service: str) -> None:
    with pytest.raises(InputInvalid):
        create(desk, service)


def test_a_service_has_one_linked_role_for_each_suffix(desk: RootDesk) -> None:
    create(desk)
    with pytest.raises(InputInvalid, match=f"^Service role name {NAME} has been taken in this account"):
        create(desk)
    assert create(desk, CustomSuffix="two")["RoleName"] == f"{NAME}_two"
    with pytest.raises(InputInvalid):
        create(desk, CustomSuffix="TWO")


def test_an_account_s_own_role_cannot_stand_where_linked_roles_do(desk: RootDesk) -> None:
    with pytest.raises(InputInvalid, match="reserved for service-linked roles"):
        desk.ask(
            "CreateRole", RoleName=NAME, Path=f"/aws-service-role/{SERVICE}/", AssumeRolePolicyDocument=SERVICE_TRUST
        )
    desk.ask("CreateRole", RoleName="mine", Path="/aws-service-roles/", AssumeRolePolicyDocument=SERVICE_TRUST)
    desk.ask("DeleteRole", RoleName="mine")


@pytest.mark.parametrize(
    ("operation", "command"),
    [
        ("DeleteRole", {"RoleName": NAME}),
        ("UpdateRole", {"RoleName": NAME, "Description": "d", "MaxSessionDuration": 7200}),
        ("UpdateAssumeRolePolicy", {"RoleName": NAME, "PolicyDocument": SERVICE_TRUST}),
        ("AttachRolePolicy", {"RoleName": NAME, "PolicyArn": ADMINISTRATOR}),
        ("DetachRolePolicy", {"RoleName": NAME, "PolicyArn": ADMINISTRATOR}),
        ("PutRolePolicy", INLINE | {"PolicyDocument": ALLOW}),
        ("DeleteRolePolicy", INLINE),
        ("PutRolePermissionsBoundary", {"RoleName": NAME, "PermissionsBoundary": ADMINISTRATOR}),
        ("DeleteRolePermissionsBoundary", {"RoleName": NAME}),
        ("AddRoleToInstanceProfile", {"RoleName": NAME, "InstanceProfileName": "fleet"}),
    ],
)
def test_a_linked_role_is_nobody_s_to_change(
    desk: RootDesk, store: Store, operation: str, command: dict[str, Any]
) -> None:
    made = create(desk)
    store.change(lambda tx: InstanceProfiles(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="fleet"))
    with pytest.raises(Unmodifiable, match=f"protected role '{NAME}'"):
        desk.ask(operation, **command)
    assert made | {"RoleLastUsed": {}} == desk.ask("GetRole", RoleName=NAME)["Role"]


def test_the_description_and_the_tags_of_a_linked_role_can_be_changed(desk: RootDesk) -> None:
    create(desk)
    desk.ask("UpdateRole", RoleName=NAME, Description="told")
    desk.ask("TagRole", RoleName=NAME, Tags=[{"Key": "team", "Value": "blue"}])
    told = desk.ask("GetRole", RoleName=NAME)["Role"]
    assert (told["Description"], told["Tags"]) == ("told", [{"Key": "team", "Value": "blue"}])
    assert desk.ask("UpdateRoleDescription", RoleName=NAME, Description="anew")["Role"]["Description"] == "anew"
    desk.ask("UntagRole", RoleName=NAME, TagKeys=["team"])


def test_a_deletion_is_done_when_its_task_is_told(desk: RootDesk) -> None:
    create(desk)
    desk.ask("TagRole", RoleName=NAME, Tags=[{"Key": "team", "Value": "blue"}])
    task = desk.ask("DeleteServiceLinkedRole", RoleName=NAME)["DeletionTaskId"]
    with pytest.raises(NotFound):
        desk.ask("GetRole", RoleName=NAME)
    assert desk.ask("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task) == {"Status": "SUCCEEDED"}
    demanded = desk.demand("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    assert demanded.resource == f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/{SERVICE}/{NAME}"
    assert "Tags" not in create(desk)
    assert "Tags" not in desk.ask("GetRole", RoleName=NAME)["Role"]


def test_only_a_linked_role_is_deleted_as_one(desk: RootDesk, store: Store) -> None:
    role(store, "reader")
    with pytest.raises(NotFound, match=r"^The role with name reader cannot be found\.$"):
        desk.ask("DeleteServiceLinkedRole", RoleName="reader")
    with pytest.raises(NotFound):
        desk.ask("DeleteServiceLinkedRole", RoleName=NAME)
    desk.ask("GetRole", RoleName="reader")


def test_a_task_that_was_not_told_to_the_account_is_not_found(desk: RootDesk) -> None:
    create(desk)
    task = desk.ask("DeleteServiceLinkedRole", RoleName=NAME)["DeletionTaskId"]
    with pytest.raises(NotFound):
        desk.abroad().ask("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    stem, version, mac = task.rsplit(".", 2)
    for changed in (
        f"{stem}.{version}.{mac[:-2]}AA",
        f"{stem}.{version}.A",
        f"{stem}.{int(version) + 1}.{mac}",
        f"{stem[:-36]}{WITHOUT_TASK}.{version}.{mac}",
        task.replace(NAME, "AWSServiceRoleForRDS"),
    ):
        with pytest.raises(NotFound):
            desk.ask("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=changed)


@pytest.mark.parametrize(
    "task",
    [
        "task",
        "",
        f"task/aws-service-role/{SERVICE}/{NAME}/{WITHOUT_TASK}",
        f"task/aws-service-role/{SERVICE}/*/{WITHOUT_TASK}.1.mac",
        f"task/aws-service-role/example.com/{NAME}/{WITHOUT_TASK}.1.mac",
        f"task/aws-service-role/{SERVICE}/{NAME}/{WITHOUT_TASK}.1.mac\n",
        f"task/aws-service-role/{SERVICE}/{NAME}/{WITHOUT_TASK}.١.mac",  # noqa: RUF001  an Arabic digit
    ],
)
def test_what_is_no_task_is_said_to_be_none(desk: RootDesk, task: str) -> None:
    with pytest.raises(InputInvalid, match="deletion task id is invalid"):
        desk.target("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)


def test_a_linked_role_counts_as_one_of_the_account_s_roles(store: Store) -> None:
    linked = ServiceLinkedRoles(Roles(ENTROPY, per_account=1), store.keyring)

    def make(tx: Transaction, suffix: str) -> None:
        linked.create(tx, account_id=ACCOUNT_ID, service=SERVICE, suffix=suffix)

    store.change(lambda tx: make(tx, "one"))
    with pytest.raises(QuotaExceeded, match="RolesPerAccount: 1"):
        store.change(lambda tx: make(tx, "two"))
