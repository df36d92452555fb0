from dataclasses import replace

import pytest

from sts.directory.access_keys import AccessKeys, MintedKey, get_access_key, list_owned
from sts.directory.accounts import get_account
from sts.directory.users import Users
from sts.entropy import find_account_of_access_key
from sts.errors import NotFound, QuotaExceeded, SealBroken
from sts.model import AccessKey, Account, User
from sts.store.access_keys import find_access_key
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store


def keys_of(store: Store) -> AccessKeys:
    return AccessKeys(ENTROPY, store.keyring)


def create_user(store: Store, name: str, account_id: str = ACCOUNT_ID) -> User:
    return store.change(lambda tx: Users(ENTROPY).create(tx, account_id=account_id, name=name))


def mint(store: Store, owner: User | Account) -> MintedKey:
    return store.change(lambda tx: keys_of(store).create(tx, owner=owner))


def switch(store: Store, owner: User | Account, key: AccessKey, *, active: bool) -> None:
    keys = keys_of(store)
    store.change(lambda tx: keys.update(tx, owner=owner, access_key_id=key.access_key_id, active=active))


def remove(store: Store, owner: User | Account, key: AccessKey) -> None:
    store.change(lambda tx: keys_of(store).delete(tx, owner=owner, access_key_id=key.access_key_id))


def root(store: Store, account_id: str = ACCOUNT_ID) -> Account:
    return store.read(lambda connection: get_account(connection, account_id))


def test_a_key_has_the_form_of_awss_and_encodes_its_account(store: Store) -> None:
    minted = mint(store, create_user(store, "alice"))
    assert minted.key.access_key_id.startswith("AKIA")
    assert find_account_of_access_key(minted.key.access_key_id) == ACCOUNT_ID
    assert len(minted.secret) == 40
    assert minted.key.active
    assert minted.key.created_at == NOW


def test_the_secret_is_kept_sealed_for_its_own_key(store: Store) -> None:
    alice = create_user(store, "alice")
    first, second = mint(store, alice), mint(store, alice)
    kept = store.read(lambda connection: find_access_key(connection, first.key.access_key_id))
    assert kept == first.key
    assert first.secret.encode() not in first.key.sealed_secret
    opened = store.keyring.open_sealed(first.key.sealed_secret, first.key.access_key_id.encode())
    assert opened.decode() == first.secret
    with pytest.raises(SealBroken):
        store.keyring.open_sealed(first.key.sealed_secret, second.key.access_key_id.encode())


def test_a_secret_does_not_show_itself(store: Store) -> None:
    minted = mint(store, create_user(store, "alice"))
    assert minted.secret not in repr(minted)
    assert repr(minted.key.sealed_secret) not in repr(minted)


def test_a_user_has_two_keys_at_most(store: Store) -> None:
    alice, bob = create_user(store, "alice"), create_user(store, "bob")
    mint(store, alice)
    mint(store, alice)
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for AccessKeysPerUser: 2$"):
        mint(store, alice)
    mint(store, bob)


def test_an_inactive_key_counts_too(store: Store) -> None:
    alice = create_user(store, "alice")
    switch(store, alice, mint(store, alice).key, active=False)
    mint(store, alice)
    with pytest.raises(QuotaExceeded):
        mint(store, alice)


def test_root_has_two_keys_at_most_beside_those_of_users_and_other_roots(store: Store) -> None:
    mint(store, create_user(store, "alice"))
    mint(store, root(store, OTHER_ACCOUNT_ID))
    first, second = mint(store, root(store)), mint(store, root(store))
    assert first.key.user_id is None
    listed = store.read(lambda connection: list_owned(connection, root(store)))
    assert set(listed) == {first.key, second.key}
    with pytest.raises(QuotaExceeded):
        mint(store, root(store))


def test_a_deleted_key_makes_room_and_is_gone(store: Store) -> None:
    alice = create_user(store, "alice")
    first, second = mint(store, alice).key, mint(store, alice).key
    remove(store, alice, first)
    third = mint(store, alice).key
    assert set(store.read(lambda connection: list_owned(connection, alice))) == {second, third}
    with pytest.raises(NotFound, match=rf"^The Access Key with id {first.access_key_id} cannot be found\.$"):
        remove(store, alice, first)


@pytest.mark.parametrize("active", [True, False])
def test_a_key_is_switched_off_and_on(store: Store, *, active: bool) -> None:
    alice = create_user(store, "alice")
    key, other = mint(store, alice).key, mint(store, alice).key
    switch(store, alice, key, active=not active)
    switch(store, alice, key, active=active)
    kept = store.read(lambda connection: get_access_key(connection, alice, key.access_key_id))
    assert kept == replace(key, active=active)
    assert store.read(lambda connection: find_access_key(connection, other.access_key_id)) == other


def test_nobody_elses_key_is_changed(store: Store) -> None:
    alice = create_user(store, "alice")
    key = mint(store, alice).key
    strangers = create_user(store, "bob"), create_user(store, "alice", OTHER_ACCOUNT_ID)
    for other in (*strangers, root(store), root(store, OTHER_ACCOUNT_ID)):
        with pytest.raises(NotFound):
            remove(store, other, key)
        with pytest.raises(NotFound):
            switch(store, other, key, active=False)
    assert store.read(lambda connection: find_access_key(connection, key.access_key_id)) == key


def test_roots_key_is_not_changed_through_another_root_or_a_user(store: Store) -> None:
    key = mint(store, root(store)).key
    for other in (create_user(store, "alice"), root(store, OTHER_ACCOUNT_ID)):
        with pytest.raises(NotFound):
            remove(store, other, key)
    remove(store, root(store), key)
    assert store.read(lambda connection: find_access_key(connection, key.access_key_id)) is None


def test_a_renamed_user_gets_no_key_under_the_name_that_was_authorized(store: Store) -> None:
    alice = create_user(store, "alice")
    store.change(lambda tx: Users(ENTROPY).update(tx, user=alice, new_name="bob"))
    create_user(store, "alice")
    with pytest.raises(NotFound, match="alice"):
        mint(store, alice)


def test_each_change_touches_the_key(store: Store) -> None:
    alice = create_user(store, "alice")
    created = store.touched(lambda tx: keys_of(store).create(tx, owner=alice))
    (key,) = store.read(lambda connection: list_owned(connection, alice))
    own = {("access-key", key.access_key_id)}
    keys = keys_of(store)
    assert created == own
    assert own == store.touched(lambda tx: keys.update(tx, owner=alice, access_key_id=key.access_key_id, active=False))
    assert own == store.touched(lambda tx: keys.delete(tx, owner=alice, access_key_id=key.access_key_id))
