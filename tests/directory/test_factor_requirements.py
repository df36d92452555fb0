"""A second factor is required of one user, or of everybody in an account."""

from sts.directory.accounts import get_account
from sts.directory.factor_requirements import is_factor_required, release_factor, require_factor
from sts.directory.owners import Owner
from sts.directory.users import Users
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, OTHER_ACCOUNT_ID, Store


def required(store: Store, owner: Owner) -> bool:
    return store.read(
        lambda c: is_factor_required(c, account_id=owner.account_id, owner_id=getattr(owner, "unique_id", ACCOUNT_ID))
    )


def test_nobody_must_have_a_factor_until_it_is_required(store: Store) -> None:
    alice, bob = user(store), user(store, "bob")
    assert not required(store, alice)
    assert store.change(lambda tx: require_factor(tx, subject=alice))
    assert required(store, alice)
    assert not required(store, bob)
    assert not store.change(lambda tx: require_factor(tx, subject=alice))
    assert store.change(lambda tx: release_factor(tx, subject=alice))
    assert not required(store, alice)
    assert not store.change(lambda tx: release_factor(tx, subject=alice))


def test_an_account_requires_it_of_all_its_users_and_of_root(store: Store) -> None:
    account = store.read(lambda c: get_account(c, ACCOUNT_ID))
    alice, stranger = user(store), user(store, account_id=OTHER_ACCOUNT_ID)
    store.change(lambda tx: require_factor(tx, subject=account))
    store.change(lambda tx: release_factor(tx, subject=alice))
    assert required(store, alice)
    assert required(store, account)
    assert not required(store, stranger)


def test_the_requirement_ends_with_its_user(store: Store) -> None:
    alice = user(store)
    store.change(lambda tx: require_factor(tx, subject=alice))
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    assert not required(store, alice)
