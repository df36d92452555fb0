from collections.abc import Callable

import pytest

from sts.directory.access_keys import AccessKeys
from sts.directory.groups import Groups
from sts.directory.users import Users, get_user
from sts.errors import AlreadyExists, InputInvalid, InUse, NotFound, QuotaExceeded, Refusal
from sts.model import AccessKey, User
from sts.store.access_keys import insert_access_key, list_access_keys
from sts.store.attachments import count_attached_policies, insert_attachment
from sts.store.database import Transaction
from sts.store.groups import find_group_ids
from sts.store.inline_policies import count_inline_policies, put_inline_policy
from sts.store.users import find_user, list_users
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

USERS = Users(ENTROPY)
GROUPS = Groups(ENTROPY)
ADMINISTRATOR_ID = "ANPA34SN6YCLNSZWWPS7E"


def create(store: Store, name: str, path: str = "/", account_id: str = ACCOUNT_ID) -> User:
    return store.change(lambda tx: USERS.create(tx, account_id=account_id, name=name, path=path))


def names(store: Store, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> list[str]:
    listed = store.read(lambda connection: list_users(connection, ACCOUNT_ID, path_prefix, after, limit))
    return [user.name for user in listed]


def test_a_created_user_is_found_by_its_exact_name_only(store: Store) -> None:
    alice = create(store, "Alice", "/staff/")
    assert alice.arn == f"arn:aws:iam::{ACCOUNT_ID}:user/staff/Alice"
    assert alice.unique_id.startswith("AIDA")
    assert alice.created_at == NOW
    assert store.read(lambda connection: get_user(connection, ACCOUNT_ID, "Alice")) == alice
    with pytest.raises(NotFound, match=r"^The user with name alice cannot be found\.$"):
        store.read(lambda connection: get_user(connection, ACCOUNT_ID, "alice"))


def test_a_user_is_not_found_from_another_account(store: Store) -> None:
    create(store, "alice")
    assert store.read(lambda connection: find_user(connection, OTHER_ACCOUNT_ID, "alice")) is None


@pytest.mark.parametrize("name", ["alice", "ALICE", "Alice"])
def test_a_name_that_differs_in_case_only_is_taken(store: Store, name: str) -> None:
    create(store, "Alice")
    with pytest.raises(AlreadyExists, match=rf"^User with name {name} already exists\.$"):
        create(store, name, "/elsewhere/")


def test_another_account_may_use_the_same_name(store: Store) -> None:
    first, second = create(store, "alice"), create(store, "alice", account_id=OTHER_ACCOUNT_ID)
    assert first.unique_id != second.unique_id
    assert store.read(lambda connection: find_user(connection, OTHER_ACCOUNT_ID, "alice")) == second


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a" * 65, "алиса", "\N{KELVIN SIGN}", "alice\n", "a*"])
def test_a_name_that_is_none_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InputInvalid):
        create(store, name)


@pytest.mark.parametrize("path", ["", "staff", "/staff", "staff/", "/a b/", "/é/", "/" + "a" * 511 + "/", "/\n/"])
def test_a_path_that_is_none_is_refused(store: Store, path: str) -> None:
    with pytest.raises(InputInvalid):
        create(store, "alice", path)


def test_the_longest_name_and_path_are_taken(store: Store) -> None:
    assert create(store, "x+u@x=,._-" + "a" * 54, "/" + "a" * 510 + "/").name.startswith("x+u@x=,.")


def test_an_account_has_no_more_users_than_its_quota(store: Store) -> None:
    create(store, "other", account_id=OTHER_ACCOUNT_ID)
    few = Users(ENTROPY, per_account=2)
    create(store, "a")
    store.change(lambda tx: few.create(tx, account_id=ACCOUNT_ID, name="b"))
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for UsersPerAccount: 2$"):
        store.change(lambda tx: few.create(tx, account_id=ACCOUNT_ID, name="c"))


def test_the_default_quota_of_users_is_that_of_aws() -> None:
    assert USERS.per_account == 5_000


def test_a_rename_takes_keys_memberships_and_policies_along(store: Store) -> None:
    alice = create(store, "alice")
    group = store.change(lambda tx: GROUPS.create(tx, account_id=ACCOUNT_ID, name="staff"))
    store.change(lambda tx: GROUPS.add_member(tx, group=group, user_name="alice"))
    minted = store.change(lambda tx: AccessKeys(ENTROPY, store.keyring).create(tx, owner=alice))
    store.change(lambda tx: bear_policies(tx, alice))
    bob = store.change(lambda tx: USERS.update(tx, user=alice, new_name="bob", new_path="/moved/"))
    assert (bob.unique_id, bob.arn) == (alice.unique_id, f"arn:aws:iam::{ACCOUNT_ID}:user/moved/bob")
    assert store.read(lambda connection: get_user(connection, ACCOUNT_ID, "bob")) == bob
    assert store.read(lambda connection: list_access_keys(connection, ACCOUNT_ID, bob.unique_id)) == (minted.key,)
    assert store.read(lambda connection: find_group_ids(connection, bob.unique_id)) == (group.unique_id,)
    assert store.read(lambda connection: count_attached_policies(connection, bob.unique_id)) == 1
    assert store.read(lambda connection: count_inline_policies(connection, bob.unique_id)) == 1


def bear_policies(tx: Transaction, user: User) -> None:
    insert_attachment(tx.connection, user.unique_id, ADMINISTRATOR_ID, ACCOUNT_ID, NOW)
    put_inline_policy(tx.connection, user.unique_id, "one", "{}")


def test_a_rename_may_change_the_case_of_the_users_own_name(store: Store) -> None:
    alice = create(store, "alice")
    renamed = store.change(lambda tx: USERS.update(tx, user=alice, new_name="Alice"))
    assert names(store) == ["Alice"]
    assert renamed.unique_id == alice.unique_id


def test_a_rename_to_the_present_name_changes_the_path_alone(store: Store) -> None:
    alice = create(store, "alice")
    assert store.change(lambda tx: USERS.update(tx, user=alice, new_name="alice", new_path="/x/")).path == "/x/"


def test_an_update_leaves_what_it_does_not_name(store: Store) -> None:
    alice = create(store, "alice", "/staff/")
    assert store.change(lambda tx: USERS.update(tx, user=alice, new_name="bob")).path == "/staff/"
    bob = store.read(lambda connection: get_user(connection, ACCOUNT_ID, "bob"))
    assert store.change(lambda tx: USERS.update(tx, user=bob, new_path="/y/")).name == "bob"


def test_a_rename_to_a_taken_name_is_refused_in_any_case(store: Store) -> None:
    create(store, "Bob")
    alice = create(store, "alice")
    with pytest.raises(AlreadyExists):
        store.change(lambda tx: USERS.update(tx, user=alice, new_name="bob"))


@pytest.mark.parametrize(("new_name", "new_path"), [("a b", None), (None, "x")])
def test_an_update_obeys_the_rules_of_names_and_paths(store: Store, new_name: str | None, new_path: str | None) -> None:
    alice = create(store, "alice")
    with pytest.raises(InputInvalid):
        store.change(lambda tx: USERS.update(tx, user=alice, new_name=new_name, new_path=new_path))


@pytest.mark.parametrize("work", [USERS.delete, USERS.update])
def test_nothing_is_done_to_a_user_that_was_renamed_since_it_was_authorized(
    store: Store, work: Callable[..., object]
) -> None:
    alice = create(store, "alice")
    store.change(lambda tx: USERS.update(tx, user=alice, new_name="bob"))
    create(store, "alice")
    with pytest.raises(NotFound):
        store.change(lambda tx: work(tx, user=alice))
    assert names(store) == ["alice", "bob"]


def test_a_user_that_is_gone_is_not_deleted_again(store: Store) -> None:
    alice = create(store, "alice")
    store.change(lambda tx: USERS.delete(tx, user=alice))
    assert names(store) == []
    with pytest.raises(NotFound, match="alice"):
        store.change(lambda tx: USERS.delete(tx, user=alice))


def attach(tx: Transaction, user: User) -> None:
    insert_attachment(tx.connection, user.unique_id, ADMINISTRATOR_ID, ACCOUNT_ID, NOW)


def put_inline(tx: Transaction, user: User) -> None:
    put_inline_policy(tx.connection, user.unique_id, "one", "{}")


def keep_key(tx: Transaction, user: User) -> None:
    key = AccessKey(
        access_key_id=ENTROPY.access_key_id("AKIA", user.account_id),
        account_id=user.account_id,
        user_id=user.unique_id,
        active=False,
        sealed_secret=b"sealed",
        created_at=NOW,
    )
    insert_access_key(tx.connection, key)


def join(tx: Transaction, user: User) -> None:
    GROUPS.add_member(tx, group=GROUPS.create(tx, account_id=ACCOUNT_ID, name="staff"), user_name=user.name)


@pytest.mark.parametrize(
    ("entangle", "message"),
    [
        (attach, "Cannot delete entity, must detach all policies first."),
        (put_inline, "Cannot delete entity, must delete policies first."),
        (keep_key, "Cannot delete entity, must delete access keys first."),
        (join, "Cannot delete entity, must remove users from group first."),
    ],
)
def test_a_user_in_use_is_not_deleted(
    store: Store, entangle: Callable[[Transaction, User], None], message: str
) -> None:
    alice = create(store, "alice")
    store.change(lambda tx: entangle(tx, alice))
    with pytest.raises(InUse) as refused:
        store.change(lambda tx: USERS.delete(tx, user=alice))
    assert refused.value.message == message
    assert names(store) == ["alice"]


def test_a_user_created_again_has_another_unique_id(store: Store) -> None:
    alice = create(store, "alice")
    store.change(lambda tx: USERS.delete(tx, user=alice))
    assert create(store, "alice").unique_id != alice.unique_id


def test_users_are_listed_by_name_from_behind_a_position(store: Store) -> None:
    for name in ("bob", "Alice", "carol"):
        create(store, name)
    create(store, "dave", account_id=OTHER_ACCOUNT_ID)
    assert names(store) == ["Alice", "bob", "carol"]
    assert names(store, limit=2) == ["Alice", "bob"]
    assert names(store, after="BOB") == ["carol"]


def test_a_path_prefix_is_compared_with_its_case_and_without_wildcards(store: Store) -> None:
    for name, path in (("a", "/Dept/"), ("b", "/dept/x/"), ("c", "/d_pt/"), ("d", "/d%/")):
        create(store, name, path)
    assert names(store, "/dept") == ["b"]
    assert names(store, "/d_") == ["c"]
    assert names(store, "/d%") == ["d"]
    assert names(store, "/") == ["a", "b", "c", "d"]


def test_each_change_touches_the_user(store: Store) -> None:
    touched = store.touched(lambda tx: USERS.create(tx, account_id=ACCOUNT_ID, name="alice"))
    alice = store.read(lambda connection: get_user(connection, ACCOUNT_ID, "alice"))
    own = {("user", alice.unique_id)}
    assert touched == own
    renamed = store.touched(lambda tx: USERS.update(tx, user=alice, new_name="bob"))
    assert renamed == own
    bob = store.read(lambda connection: get_user(connection, ACCOUNT_ID, "bob"))
    assert store.touched(lambda tx: USERS.delete(tx, user=bob)) == own


def test_a_refused_change_leaves_nothing_behind(store: Store) -> None:
    def create_twice(tx: Transaction) -> None:
        USERS.create(tx, account_id=ACCOUNT_ID, name="alice")
        USERS.create(tx, account_id=ACCOUNT_ID, name="alice")

    with pytest.raises(Refusal):
        store.change(create_twice)
    assert names(store) == []
