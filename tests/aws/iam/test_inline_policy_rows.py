import pytest

from sts.errors import NotFound
from sts.store.attachments import BearerKind
from tests.aws.iam.root_desk import RootDesk, open_root_desk
from tests.directory.people import ALLOW, bearer, user
from tests.directory.store import ACCOUNT_ID, Store

EVERY_KIND = tuple(BearerKind)
OPERATIONS = ("Put{}Policy", "Get{}Policy", "Delete{}Policy", "List{}Policies")


@pytest.fixture
def desk(store: Store) -> RootDesk:
    return open_root_desk(store)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_inline_policy_is_put_read_listed_and_deleted(desk: RootDesk, kind: BearerKind) -> None:
    noun, name = kind.value.capitalize(), bearer(desk.store, kind).name
    named = {f"{noun}Name": name}
    assert desk.ask(f"Put{noun}Policy", PolicyName="p", PolicyDocument=ALLOW, **named) == {}
    read = desk.ask(f"Get{noun}Policy", PolicyName="p", **named)
    assert read == {**named, "PolicyName": "p", "PolicyDocument": ALLOW}
    assert desk.ask(f"List{noun}Policies", **named) == {"PolicyNames": ["p"], "IsTruncated": False}
    assert desk.ask(f"Delete{noun}Policy", PolicyName="p", **named) == {}
    assert desk.ask(f"List{noun}Policies", **named) == {"PolicyNames": [], "IsTruncated": False}


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_on_an_inline_policy_is_asked_of_its_bearer(
    desk: RootDesk, operation: str, kind: BearerKind
) -> None:
    noun, to = kind.value.capitalize(), bearer(desk.store, kind)
    name = operation.format(noun)
    demand = desk.demand(name, PolicyName="p", PolicyDocument=ALLOW, **{f"{noun}Name": to.name})
    assert (demand.action, demand.resource) == (f"iam:{name}", to.arn)
    assert (demand.resource_account_id, demand.context) == (ACCOUNT_ID, {})


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_inline_policy_of_an_absent_bearer_is_not_found(desk: RootDesk, operation: str, kind: BearerKind) -> None:
    noun = kind.value.capitalize()
    with pytest.raises(NotFound, match=rf"^The {kind.value} with name nobody cannot be found\.$"):
        desk.ask(operation.format(noun), PolicyName="p", PolicyDocument=ALLOW, **{f"{noun}Name": "nobody"})


def test_an_inline_policy_of_another_account_is_out_of_reach(desk: RootDesk) -> None:
    user(desk.store)
    desk.ask("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=ALLOW)
    with pytest.raises(NotFound):
        desk.abroad().ask("GetUserPolicy", UserName="alice", PolicyName="p")


def test_inline_policies_are_listed_page_by_page(desk: RootDesk) -> None:
    user(desk.store)
    for name in ("c", "a", "b"):
        desk.ask("PutUserPolicy", UserName="alice", PolicyName=name, PolicyDocument=ALLOW)
    first = desk.ask("ListUserPolicies", UserName="alice", MaxItems=2)
    assert first["PolicyNames"] == ["a", "b"]
    second = desk.ask("ListUserPolicies", UserName="alice", MaxItems=2, Marker=first["Marker"])
    assert second == {"PolicyNames": ["c"], "IsTruncated": False}
