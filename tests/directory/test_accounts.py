import pytest

from sts.directory.access_keys import AccessKeys, list_owned
from sts.directory.accounts import Accounts
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InputInvalid, NotFound, QuotaExceeded
from sts.store.accounts import find_account, is_enabled, list_accounts
from sts.store.bearers import find_bearers
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

NEW_ACCOUNT_ID = "000000000042"


def accounts_of(store: Store, entropy: Entropy = ENTROPY) -> Accounts:
    return Accounts(entropy, Users(ENTROPY), AccessKeys(ENTROPY, store.keyring))


def test_an_account_begins_with_an_administrator_and_a_key(store: Store) -> None:
    begun = store.change(
        lambda tx: accounts_of(store).create(tx, account_id=NEW_ACCOUNT_ID, name="Lab", administrator="ada")
    )
    assert store.read(lambda connection: find_account(connection, NEW_ACCOUNT_ID)) == begun.account
    assert (begun.account.name, begun.account.created_at, begun.account.enabled) == ("Lab", NOW, True)
    assert begun.administrator.arn == f"arn:aws:iam::{NEW_ACCOUNT_ID}:user/ada"
    assert begun.minted.key.user_id == begun.administrator.unique_id
    bearers = store.read(lambda connection: find_bearers(connection, [begun.administrator.unique_id], [], []))
    assert [name for name, _ in bearers.find_held(begun.administrator).policies] == [
        "arn:aws:iam::aws:policy/AdministratorAccess"
    ]


def test_a_new_account_has_no_root_key(store: Store) -> None:
    begun = store.change(lambda tx: accounts_of(store).create(tx))
    assert store.read(lambda connection: list_owned(connection, begun.account)) == ()


@pytest.mark.parametrize(("drawn", "account_id"), [(bytes(8), "100000000000"), (b"\xff" * 8, "373709551615")])
def test_a_number_that_is_not_given_is_drawn_without_a_zero_in_front(
    store: Store, drawn: bytes, account_id: str
) -> None:
    accounts = accounts_of(store, Entropy(lambda _size: drawn))
    assert store.change(accounts.create).account.account_id == account_id


def test_an_account_that_exists_is_not_created_again(store: Store) -> None:
    with pytest.raises(AlreadyExists, match=ACCOUNT_ID):
        store.change(lambda tx: accounts_of(store).create(tx, account_id=ACCOUNT_ID))


@pytest.mark.parametrize(
    "account_id", ["", "1", "12345678901", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢", "12345678901a", "123456789012\n"]
)
def test_an_account_id_has_twelve_digits(store: Store, account_id: str) -> None:
    with pytest.raises(InputInvalid):
        store.change(lambda tx: accounts_of(store).create(tx, account_id=account_id))


def test_an_account_that_cannot_have_its_administrator_is_not_begun(store: Store) -> None:
    with pytest.raises(InputInvalid):
        store.change(lambda tx: accounts_of(store).create(tx, account_id=NEW_ACCOUNT_ID, administrator="a b"))
    assert store.read(lambda connection: find_account(connection, NEW_ACCOUNT_ID)) is None


def test_root_gets_two_keys_at_most(store: Store) -> None:
    accounts = accounts_of(store)
    minted = store.change(lambda tx: accounts.create_root_key(tx, account_id=ACCOUNT_ID))
    assert (minted.key.account_id, minted.key.user_id) == (ACCOUNT_ID, None)
    store.change(lambda tx: accounts.create_root_key(tx, account_id=ACCOUNT_ID))
    with pytest.raises(QuotaExceeded):
        store.change(lambda tx: accounts.create_root_key(tx, account_id=ACCOUNT_ID))


def test_an_unknown_account_gets_no_root_key(store: Store) -> None:
    with pytest.raises(NotFound, match=NEW_ACCOUNT_ID):
        store.change(lambda tx: accounts_of(store).create_root_key(tx, account_id=NEW_ACCOUNT_ID))


def test_accounts_are_listed_by_number_and_only_those_that_exist_are_enabled(store: Store) -> None:
    listed = store.read(list_accounts)
    assert [account.account_id for account in listed] == [ACCOUNT_ID, OTHER_ACCOUNT_ID]
    assert store.read(lambda connection: is_enabled(connection, ACCOUNT_ID))
    assert not store.read(lambda connection: is_enabled(connection, NEW_ACCOUNT_ID))


def test_a_new_account_touches_all_that_it_makes(store: Store) -> None:
    touched = store.touched(lambda tx: accounts_of(store).create(tx, account_id=NEW_ACCOUNT_ID))
    nouns = {noun for noun, _ in touched}
    assert ("account", NEW_ACCOUNT_ID) in touched
    assert nouns == {"account", "user", "access-key"}
