from typing import Any

import pytest

from sts.errors import InputInvalid, InUse, NotFound
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW, SERVICE_TRUST
from tests.directory.store import ACCOUNT_ID, Store

LIMIT = f"arn:aws:iam::{ACCOUNT_ID}:policy/limit"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"
MORE: dict[str, dict[str, Any]] = {"User": {}, "Role": {"AssumeRolePolicyDocument": SERVICE_TRUST}}
EVERY_NOUN = pytest.mark.parametrize("noun", MORE)
KEY = "iam:permissionsboundary"


@pytest.fixture
def desk(store: Store) -> RootDesk:
    opened = open_root_desk(store)
    opened.ask("CreatePolicy", PolicyName="limit", PolicyDocument=ALLOW)
    return opened


def create(desk: RootDesk, noun: str, **command: Any) -> dict[str, Any]:
    made: dict[str, Any] = desk.ask(f"Create{noun}", **{f"{noun}Name": "n"}, **MORE[noun], **command)[noun]
    return made


def boundary(desk: RootDesk, noun: str) -> str | None:
    told = desk.ask(f"Get{noun}", **{f"{noun}Name": "n"})[noun].get("PermissionsBoundary")
    return None if told is None else told["PermissionsBoundaryArn"]


def uses(desk: RootDesk, arn: str) -> tuple[int, int]:
    policy = desk.ask("GetPolicy", PolicyArn=arn)["Policy"]
    return policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]


@EVERY_NOUN
def test_a_boundary_is_put_replaced_told_and_removed(desk: RootDesk, noun: str) -> None:
    named = {f"{noun}Name": "n"}
    assert "PermissionsBoundary" not in create(desk, noun)
    assert desk.ask(f"Put{noun}PermissionsBoundary", **named, PermissionsBoundary=LIMIT) == {}
    assert (boundary(desk, noun), uses(desk, LIMIT)) == (LIMIT, (0, 1))
    desk.ask(f"Put{noun}PermissionsBoundary", **named, PermissionsBoundary=POWER_USER)
    assert (boundary(desk, noun), uses(desk, LIMIT), uses(desk, POWER_USER)) == (POWER_USER, (0, 0), (0, 1))
    assert desk.ask(f"Delete{noun}PermissionsBoundary", **named) == {}
    assert (boundary(desk, noun), uses(desk, POWER_USER)) == (None, (0, 0))
    with pytest.raises(NotFound, match="has no permissions boundary"):
        desk.ask(f"Delete{noun}PermissionsBoundary", **named)


@EVERY_NOUN
def test_a_boundary_of_a_create_call_is_told_in_its_answer_and_in_no_list(desk: RootDesk, noun: str) -> None:
    made = create(desk, noun, PermissionsBoundary=LIMIT)
    assert made["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": LIMIT,
    }
    assert boundary(desk, noun) == LIMIT
    (listed,) = desk.ask(f"List{noun}s")[f"{noun}s"]
    assert "PermissionsBoundary" not in listed


@EVERY_NOUN
@pytest.mark.parametrize(
    ("arn", "refusal"),
    [
        (f"arn:aws:iam::{ACCOUNT_ID}:policy/none", NotFound),
        ("arn:aws:iam::210987654321:policy/limit", NotFound),
        ("no-arn-but-long-enough", InputInvalid),
    ],
)
def test_what_is_no_policy_of_the_account_or_the_service_is_no_boundary(
    desk: RootDesk, noun: str, arn: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        create(desk, noun, PermissionsBoundary=arn)
    with pytest.raises(NotFound):
        desk.ask(f"Get{noun}", **{f"{noun}Name": "n"})
    create(desk, noun)
    with pytest.raises(refusal):
        desk.ask(f"Put{noun}PermissionsBoundary", **{f"{noun}Name": "n"}, PermissionsBoundary=arn)
    assert boundary(desk, noun) is None


@EVERY_NOUN
def test_a_policy_is_not_deleted_while_it_is_a_boundary_and_is_when_its_bearer_is_gone(
    desk: RootDesk, noun: str
) -> None:
    create(desk, noun, PermissionsBoundary=LIMIT)
    with pytest.raises(InUse):
        desk.ask("DeletePolicy", PolicyArn=LIMIT)
    desk.ask(f"Delete{noun}", **{f"{noun}Name": "n"})
    desk.ask("DeletePolicy", PolicyArn=LIMIT)


def test_uses_as_boundary_are_listed_apart_and_together(desk: RootDesk) -> None:
    for noun in MORE:
        create(desk, noun, PermissionsBoundary=LIMIT)
    desk.ask("AttachUserPolicy", UserName="n", PolicyArn=LIMIT)

    def entities(**command: Any) -> tuple[int, int]:
        result = desk.ask("ListEntitiesForPolicy", PolicyArn=LIMIT, **command)
        return len(result["PolicyUsers"]), len(result["PolicyRoles"])

    assert entities() == (1, 1)
    assert entities(PolicyUsageFilter="PermissionsPolicy") == (1, 0)
    assert entities(PolicyUsageFilter="PermissionsBoundary") == (1, 1)
    assert entities(PolicyUsageFilter="PermissionsBoundary", EntityFilter="Role") == (0, 1)
    listed = desk.ask("ListPolicies", PolicyUsageFilter="PermissionsBoundary")["Policies"]
    assert [each["Arn"] for each in listed] == [LIMIT]
    assert desk.abroad().ask("ListPolicies", PolicyUsageFilter="PermissionsBoundary")["Policies"] == []


@EVERY_NOUN
def test_asking_for_a_boundary_says_which(desk: RootDesk, noun: str) -> None:
    named = {f"{noun}Name": "n"}
    asked = desk.demand(f"Create{noun}", **named, **MORE[noun], PermissionsBoundary=LIMIT)
    assert asked.context == {KEY: (LIMIT,)}
    create(desk, noun, PermissionsBoundary=POWER_USER)
    put = desk.demand(f"Put{noun}PermissionsBoundary", **named, PermissionsBoundary=LIMIT)
    assert (put.action, put.context) == (f"iam:Put{noun}PermissionsBoundary", {KEY: (LIMIT,)})


@EVERY_NOUN
@pytest.mark.parametrize(
    "operation", ["Attach{}Policy", "Detach{}Policy", "Put{}Policy", "Delete{}Policy", "Delete{}PermissionsBoundary"]
)
def test_changing_rights_says_which_boundary_there_is(desk: RootDesk, noun: str, operation: str) -> None:
    create(desk, noun)
    command = {f"{noun}Name": "n", "PolicyArn": POWER_USER, "PolicyName": "p", "PolicyDocument": ALLOW}
    name = operation.format(noun)
    assert KEY not in desk.demand(name, **command).context
    desk.ask(f"Put{noun}PermissionsBoundary", **{f"{noun}Name": "n"}, PermissionsBoundary=LIMIT)
    assert desk.demand(name, **command).context[KEY] == (LIMIT,)


@pytest.mark.parametrize(
    "operation", ["GetRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy", "DeleteRole"]
)
def test_reading_and_changing_a_role_says_which_boundary_it_has(desk: RootDesk, operation: str) -> None:
    create(desk, "Role")
    assert KEY not in desk.demand(operation, RoleName="n").context
    desk.ask("PutRolePermissionsBoundary", RoleName="n", PermissionsBoundary=LIMIT)
    assert desk.demand(operation, RoleName="n").context[KEY] == (LIMIT,)


@pytest.mark.parametrize(
    ("operation", "noun"),
    [("GetUser", "User"), ("DeleteUser", "User")]
    + [(operation, noun) for noun in MORE for operation in (f"Tag{noun}", f"List{noun}Policies")],
)
def test_other_operations_do_not_say_it(desk: RootDesk, operation: str, noun: str) -> None:
    create(desk, noun, PermissionsBoundary=LIMIT)
    command: dict[str, Any] = {f"{noun}Name": "n", "Tags": [{"Key": "k", "Value": "v"}]}
    assert KEY not in desk.demand(operation, **command).context
