from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from sts.directory.groups import Groups
from sts.directory.users import Users
from sts.errors import AlreadyExists, InputInvalid, InUse, NotFound, QuotaExceeded
from sts.model import Group, User
from sts.store.attachments import insert_attachment
from sts.store.database import Transaction
from sts.store.groups import find_group, find_group_ids, list_groups, list_groups_of, list_members
from sts.store.inline_policies import put_inline_policy
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

GROUPS = Groups(ENTROPY)


def create(store: Store, name: str, path: str = "/", account_id: str = ACCOUNT_ID) -> Group:
    return store.change(lambda tx: GROUPS.create(tx, account_id=account_id, name=name, path=path))


def create_user(store: Store, name: str, account_id: str = ACCOUNT_ID) -> User:
    return store.change(lambda tx: Users(ENTROPY).create(tx, account_id=account_id, name=name))


def add(store: Store, group: Group, user_name: str) -> None:
    store.change(lambda tx: GROUPS.add_member(tx, group=group, user_name=user_name))


def get_group(connection: Connection, account_id: str, name: str) -> Group:
    found = find_group(connection, account_id, name)
    assert found is not None
    return found


def members(store: Store, group: Group, after: str | None = None, limit: int = 100) -> list[str]:
    listed = store.read(lambda connection: list_members(connection, group.unique_id, after, limit))
    return [user.name for user in listed]


def test_a_created_group_is_found_by_its_exact_name_only(store: Store) -> None:
    staff = create(store, "Staff", "/dept/")
    assert staff.arn == f"arn:aws:iam::{ACCOUNT_ID}:group/dept/Staff"
    assert staff.unique_id.startswith("AGPA")
    assert store.read(lambda connection: find_group(connection, ACCOUNT_ID, "Staff")) == staff
    assert store.read(lambda connection: find_group(connection, ACCOUNT_ID, "staff")) is None
    assert store.read(lambda connection: find_group(connection, OTHER_ACCOUNT_ID, "Staff")) is None


def test_a_group_name_that_differs_in_case_only_is_taken(store: Store) -> None:
    create(store, "Staff")
    with pytest.raises(AlreadyExists, match=r"^Group with name STAFF already exists\.$"):
        create(store, "STAFF")
    assert create(store, "Staff", account_id=OTHER_ACCOUNT_ID).account_id == OTHER_ACCOUNT_ID


def test_group_names_may_be_twice_as_long_as_those_of_users(store: Store) -> None:
    assert len(create(store, "g" * 128).name) == 128
    for name, path in (("g" * 129, "/"), ("a/b", "/"), ("ok", "no")):
        with pytest.raises(InputInvalid):
            create(store, name, path)


def test_an_account_has_no_more_groups_than_its_quota(store: Store) -> None:
    few = Groups(ENTROPY, per_account=1)
    store.change(lambda tx: few.create(tx, account_id=ACCOUNT_ID, name="a"))
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for GroupsPerAccount: 1$"):
        store.change(lambda tx: few.create(tx, account_id=ACCOUNT_ID, name="b"))
    store.change(lambda tx: few.create(tx, account_id=OTHER_ACCOUNT_ID, name="b"))


def test_the_default_quotas_of_groups_are_those_of_aws() -> None:
    assert (GROUPS.per_account, GROUPS.per_user) == (300, 10)


def test_a_user_is_in_ten_groups_at_most(store: Store) -> None:
    create_user(store, "alice")
    groups = [create(store, f"g{number}") for number in range(11)]
    for group in groups[:10]:
        add(store, group, "alice")
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for GroupsPerUser: 10$"):
        add(store, groups[10], "alice")
    add(store, groups[0], "alice")
    assert members(store, groups[10]) == []


def test_a_member_added_twice_is_in_the_group_once(store: Store) -> None:
    create_user(store, "alice")
    staff = create(store, "staff")
    add(store, staff, "alice")
    assert store.touched(lambda tx: GROUPS.add_member(tx, group=staff, user_name="alice")) == set()
    assert members(store, staff) == ["alice"]


def test_who_left_is_no_member_and_cannot_leave_again(store: Store) -> None:
    alice = create_user(store, "alice")
    staff, other = create(store, "staff"), create(store, "other")
    add(store, staff, "alice")
    add(store, other, "alice")
    store.change(lambda tx: GROUPS.remove_member(tx, group=staff, user_name="alice"))
    assert store.read(lambda connection: find_group_ids(connection, alice.unique_id)) == (other.unique_id,)
    with pytest.raises(NotFound, match="alice"):
        store.change(lambda tx: GROUPS.remove_member(tx, group=staff, user_name="alice"))


@pytest.mark.parametrize("name", ["alice", "bob"])
@pytest.mark.parametrize("work", [GROUPS.add_member, GROUPS.remove_member])
def test_only_a_user_of_the_groups_own_account_by_its_exact_name_joins_or_leaves(
    store: Store, work: Callable[..., None], name: str
) -> None:
    create_user(store, "Alice")
    create_user(store, "bob", OTHER_ACCOUNT_ID)
    staff = create(store, "staff")
    with pytest.raises(NotFound, match=rf"^The user with name {name} cannot be found\.$"):
        store.change(lambda tx: work(tx, group=staff, user_name=name))


@pytest.mark.parametrize(
    "work",
    [
        lambda tx, group: GROUPS.update(tx, group=group, new_path="/x/"),
        lambda tx, group: GROUPS.delete(tx, group=group),
        lambda tx, group: GROUPS.add_member(tx, group=group, user_name="alice"),
        lambda tx, group: GROUPS.remove_member(tx, group=group, user_name="alice"),
    ],
)
def test_nothing_is_done_to_a_group_that_was_renamed_since_it_was_authorized(
    store: Store, work: Callable[[Transaction, Group], object]
) -> None:
    create_user(store, "alice")
    staff = create(store, "staff")
    store.change(lambda tx: GROUPS.update(tx, group=staff, new_name="other"))
    create(store, "staff")
    with pytest.raises(NotFound, match=r"^The group with name staff cannot be found\.$"):
        store.change(lambda tx: work(tx, staff))


def test_a_renamed_group_keeps_its_members(store: Store) -> None:
    create_user(store, "alice")
    staff = create(store, "staff", "/a/")
    add(store, staff, "alice")
    renamed = store.change(lambda tx: GROUPS.update(tx, group=staff, new_name="Staff", new_path="/b/"))
    assert (renamed.unique_id, renamed.path, renamed.name) == (staff.unique_id, "/b/", "Staff")
    assert members(store, renamed) == ["alice"]


def test_a_new_path_with_the_present_name_is_no_conflict(store: Store) -> None:
    staff = create(store, "staff")
    assert store.change(lambda tx: GROUPS.update(tx, group=staff, new_name="staff", new_path="/b/")).path == "/b/"


def test_a_group_is_not_renamed_to_a_taken_name(store: Store) -> None:
    create(store, "Other")
    staff = create(store, "staff")
    with pytest.raises(AlreadyExists):
        store.change(lambda tx: GROUPS.update(tx, group=staff, new_name="other"))


@pytest.mark.parametrize(("new_name", "new_path"), [("a b", None), (None, "x")])
def test_an_update_of_a_group_obeys_the_rules_of_names_and_paths(
    store: Store, new_name: str | None, new_path: str | None
) -> None:
    staff = create(store, "staff")
    with pytest.raises(InputInvalid):
        store.change(lambda tx: GROUPS.update(tx, group=staff, new_name=new_name, new_path=new_path))


def attach(tx: Transaction, group: Group) -> None:
    insert_attachment(tx.connection, group.unique_id, "ANPA34SN6YCLNSZWWPS7E", ACCOUNT_ID, NOW)


def put_inline(tx: Transaction, group: Group) -> None:
    put_inline_policy(tx.connection, group.unique_id, "one", "{}")


def fill(tx: Transaction, group: Group) -> None:
    Users(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="alice")
    GROUPS.add_member(tx, group=group, user_name="alice")


@pytest.mark.parametrize(
    ("entangle", "message"),
    [
        (attach, "Cannot delete entity, must detach all policies first."),
        (put_inline, "Cannot delete entity, must delete policies first."),
        (fill, "Cannot delete entity, must remove users from group first."),
    ],
)
def test_a_group_in_use_is_not_deleted(
    store: Store, entangle: Callable[[Transaction, Group], None], message: str
) -> None:
    staff = create(store, "staff")
    store.change(lambda tx: entangle(tx, staff))
    with pytest.raises(InUse) as refused:
        store.change(lambda tx: GROUPS.delete(tx, group=staff))
    assert refused.value.message == message
    assert store.read(lambda connection: get_group(connection, ACCOUNT_ID, "staff")) == staff


def test_groups_and_members_are_listed_by_name_from_behind_a_position(store: Store) -> None:
    for name in ("b", "A", "c"):
        create(store, name, f"/{name}/")
        create_user(store, name)
    staff = create(store, "staff", "/z/")
    for name in ("b", "A", "c"):
        add(store, staff, name)
    assert members(store, staff, limit=2) == ["A", "b"]
    assert members(store, staff, after="B") == ["c"]
    listed = store.read(lambda connection: list_groups(connection, ACCOUNT_ID, "/", "a", 2))
    assert [group.name for group in listed] == ["b", "c"]
    prefixed = store.read(lambda connection: list_groups(connection, ACCOUNT_ID, "/a", None, 9))
    assert prefixed == ()


def test_the_groups_of_a_user_are_listed_by_name_from_behind_a_position(store: Store) -> None:
    alice = create_user(store, "alice")
    create(store, "strangers")
    for name in ("b", "A", "c"):
        add(store, create(store, name), "alice")
    listed = store.read(lambda connection: list_groups_of(connection, alice.unique_id, None, 2))
    assert [group.name for group in listed] == ["A", "b"]
    rest = store.read(lambda connection: list_groups_of(connection, alice.unique_id, "B", 2))
    assert [group.name for group in rest] == ["c"]


def test_a_change_of_a_group_touches_the_group_and_a_membership_the_user(store: Store) -> None:
    alice = create_user(store, "alice")
    created = store.touched(lambda tx: GROUPS.create(tx, account_id=ACCOUNT_ID, name="staff"))
    staff = store.read(lambda connection: get_group(connection, ACCOUNT_ID, "staff"))
    group, member = {("group", staff.unique_id)}, {("user", alice.unique_id)}
    assert created == group
    assert store.touched(lambda tx: GROUPS.add_member(tx, group=staff, user_name="alice")) == member
    assert store.touched(lambda tx: GROUPS.remove_member(tx, group=staff, user_name="alice")) == member
    assert store.touched(lambda tx: GROUPS.update(tx, group=staff, new_path="/x/")) == group
    moved = store.read(lambda connection: get_group(connection, ACCOUNT_ID, "staff"))
    assert store.touched(lambda tx: GROUPS.delete(tx, group=moved)) == group
