import pytest

from sts.directory.attachments import Attachments
from sts.directory.groups import Groups
from sts.directory.policies import Policies
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.errors import InputInvalid, NotFound, QuotaExceeded
from sts.model import Group, Role, User
from sts.store.attachments import BearerKind, Usage, list_attached_policies, list_bearers
from sts.store.database import Transaction
from tests.directory.people import ALLOW, bearer, group, role, user
from tests.directory.store import ACCOUNT_ID, ENTROPY, OTHER_ACCOUNT_ID, Store

ATTACHMENTS = Attachments()
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
EVERY_KIND = tuple(BearerKind)


def policy(store: Store, name: str = "reading", path: str = "/", account_id: str = ACCOUNT_ID) -> str:
    created = store.change(
        lambda tx: Policies(ENTROPY).create(tx, account_id=account_id, name=name, path=path, document=ALLOW)
    )
    return created.arn


def attach(store: Store, to: User | Group | Role, arn: str) -> set[tuple[str, str]]:
    return store.touched(lambda tx: ATTACHMENTS.attach(tx, bearer=to, policy_arn=arn))


def detach(store: Store, from_: User | Group | Role, arn: str) -> set[tuple[str, str]]:
    return store.touched(lambda tx: ATTACHMENTS.detach(tx, bearer=from_, policy_arn=arn))


def attached(store: Store, to: User | Group | Role, path_prefix: str = "/") -> list[str]:
    listed = store.read(
        lambda connection: list_attached_policies(
            connection, to.account_id, to.unique_id, path_prefix, after=None, limit=100
        )
    )
    return [each.arn for each in listed]


def bearers(
    store: Store,
    kinds: tuple[BearerKind, ...] = EVERY_KIND,
    path_prefix: str = "/",
    account_id: str = ACCOUNT_ID,
    after: str | None = None,
) -> list[str]:
    listed = store.read(
        lambda connection: list_bearers(
            connection,
            "ANPA34SN6YCLNSZWWPS7E",
            account_id,
            kinds,
            path_prefix,
            usages=tuple(Usage),
            after=after,
            limit=100,
        )
    )
    return [each.name for each in listed]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_policy_is_attached_and_detached_and_touches_its_bearer(store: Store, kind: BearerKind) -> None:
    to, own = bearer(store, kind), policy(store)
    wanted = {(kind.value, to.unique_id)}
    assert attach(store, to, own) == wanted
    assert attach(store, to, ADMINISTRATOR) == wanted
    assert attached(store, to) == [ADMINISTRATOR, own]
    assert detach(store, to, own) == wanted
    assert attached(store, to) == [ADMINISTRATOR]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_attaching_again_changes_nothing(store: Store, kind: BearerKind) -> None:
    to = bearer(store, kind)
    attach(store, to, ADMINISTRATOR)
    assert attach(store, to, ADMINISTRATOR) == set()
    assert attached(store, to) == [ADMINISTRATOR]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_bearer_has_ten_attached_policies_at_most(store: Store, kind: BearerKind) -> None:
    to = bearer(store, kind)
    arns = [policy(store, f"policy{number}") for number in range(11)]
    for arn in arns[:10]:
        attach(store, to, arn)
    quota = f"Cannot exceed quota for PoliciesPer{kind.value.capitalize()}: 10"
    with pytest.raises(QuotaExceeded, match=rf"^{quota}$"):
        attach(store, to, arns[10])
    assert attach(store, to, arns[9]) == set()
    assert len(attached(store, to)) == 10


@pytest.mark.parametrize("arn", [f"arn:aws:iam::{ACCOUNT_ID}:policy/none", "arn:aws:iam::aws:policy/none"])
def test_a_policy_that_does_not_exist_is_not_attached(store: Store, arn: str) -> None:
    alice = user(store)
    with pytest.raises(NotFound, match=rf"^Policy {arn} does not exist or is not attachable\.$"):
        attach(store, alice, arn)


def test_a_policy_of_another_account_is_not_attached(store: Store) -> None:
    alice, foreign = user(store), policy(store, account_id=OTHER_ACCOUNT_ID)
    with pytest.raises(NotFound, match=rf"^Policy {foreign} does not exist or is not attachable\.$"):
        attach(store, alice, foreign)
    assert attached(store, alice) == []


def test_what_is_no_arn_is_not_attached(store: Store) -> None:
    alice = user(store)
    with pytest.raises(InputInvalid, match=r"^ARN AdministratorAccess is not valid\.$"):
        attach(store, alice, "AdministratorAccess")


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_what_is_not_attached_cannot_be_detached(store: Store, kind: BearerKind) -> None:
    from_ = bearer(store, kind)
    with pytest.raises(NotFound, match=rf"^Policy {ADMINISTRATOR} was not found\.$"):
        detach(store, from_, ADMINISTRATOR)


def test_a_bearer_made_anew_under_the_same_name_is_not_the_one_that_was_authorized(store: Store) -> None:
    users = Users(ENTROPY)
    first = user(store)
    store.change(lambda tx: users.delete(tx, user=first))
    second = user(store)
    with pytest.raises(NotFound, match=r"^The user with name alice cannot be found\.$"):
        attach(store, first, ADMINISTRATOR)
    assert attached(store, second) == []


def test_a_renamed_bearer_keeps_its_policies_but_is_not_found_by_its_old_name(store: Store) -> None:
    alice = user(store)
    attach(store, alice, ADMINISTRATOR)
    renamed = store.change(lambda tx: Users(ENTROPY).update(tx, user=alice, new_name="alicia"))
    assert attached(store, renamed) == [ADMINISTRATOR]
    with pytest.raises(NotFound):
        detach(store, alice, ADMINISTRATOR)
    detach(store, renamed, ADMINISTRATOR)
    assert attached(store, renamed) == []


def test_a_moved_group_is_not_the_one_that_was_authorized(store: Store) -> None:
    staff = group(store)
    store.change(lambda tx: Groups(ENTROPY).update(tx, group=staff, new_path="/moved/"))
    with pytest.raises(NotFound, match=r"^The group with name staff cannot be found\.$"):
        attach(store, staff, ADMINISTRATOR)


def test_attached_policies_are_listed_by_path(store: Store) -> None:
    alice = user(store)
    arns = [policy(store, "a", "/team/"), policy(store, "B", "/team/x/"), policy(store, "c", "/Team/")]
    for arn in arns:
        attach(store, alice, arn)
    assert attached(store, alice) == arns
    assert attached(store, alice, "/team/") == arns[:2]


def test_all_bearers_of_a_policy_are_listed_within_their_account(store: Store) -> None:
    alice = user(store, "alice", "/staff/")
    inside: tuple[User | Group | Role, ...] = (alice, group(store, "staff", "/staff/"), role(store, "reader"))
    outside = role(store, "foreign", account_id=OTHER_ACCOUNT_ID)
    for each in (*inside, outside):
        attach(store, each, ADMINISTRATOR)
    assert bearers(store) == ["staff", "alice", "reader"]
    assert bearers(store, path_prefix="/staff/") == ["staff", "alice"]
    assert bearers(store, (BearerKind.ROLE, BearerKind.USER)) == ["alice", "reader"]
    assert bearers(store, ()) == []
    assert bearers(store, account_id=OTHER_ACCOUNT_ID) == ["foreign"]
    assert bearers(store, after=alice.unique_id) == ["reader"]


def test_no_attachment_outlives_its_bearer(store: Store) -> None:
    reader = role(store)
    attach(store, reader, ADMINISTRATOR)

    def leave(tx: Transaction) -> None:
        ATTACHMENTS.detach(tx, bearer=reader, policy_arn=ADMINISTRATOR)
        Roles(ENTROPY).delete(tx, role=reader)

    store.change(leave)
    assert attached(store, role(store)) == []
    assert bearers(store) == []
