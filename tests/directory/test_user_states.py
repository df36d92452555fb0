"""How users stand, as administrators see them; on both stores."""

from datetime import timedelta

from sts.directory import revocations
from sts.directory.access_keys import AccessKeys
from sts.directory.factor_requirements import require_factor
from sts.directory.links import SignInLinks
from sts.directory.login_profiles import choose_password, create_login_profile, require_change
from sts.directory.mfa_devices import MfaDevices
from sts.model import User
from sts.passwords import KeptPassword
from sts.store import code_failures, password_failures
from sts.store.password_failures import ELSEWHERE
from sts.store.user_states import UserState, find_user_state, list_user_states
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

HOUR = timedelta(hours=1)
KEPT = KeptPassword(hashed="$argon2id$", pepper_version=1)


def state(store: Store, of: User) -> UserState:
    return store.read(lambda connection: find_user_state(connection, of, NOW))


def names(store: Store, after: str | None = None, limit: int = 10, containing: str = "") -> list[str]:
    found = store.read(lambda c: list_user_states(c, ACCOUNT_ID, NOW, after=after, limit=limit, containing=containing))
    return [each.user.name for each in found]


def test_a_new_user_has_nothing(store: Store) -> None:
    alice = user(store)
    assert state(store, alice) == UserState(
        user=alice,
        has_password=False,
        must_change=False,
        signed_in_at=None,
        locked_until=None,
        factors=0,
        factor_required=False,
        link_until=None,
        keys=(),
    )


def test_users_are_listed_by_name_in_pages_and_found_by_a_part_of_it(store: Store) -> None:
    for name in ("alice", "Bob", "bobby", "c_d", "cxd"):
        user(store, name)
    user(store, "bob", account_id=OTHER_ACCOUNT_ID)
    assert names(store) == ["alice", "Bob", "bobby", "c_d", "cxd"]
    assert names(store, after="ALICE", limit=2) == ["Bob", "bobby"]
    assert names(store, containing="bOB") == ["Bob", "bobby"]
    assert names(store, containing="_") == ["c_d"]
    assert names(store, containing="%") == names(store, after="z") == []


def test_a_password_is_told_and_whether_it_must_be_changed(store: Store) -> None:
    alice = user(store)
    store.change(lambda tx: create_login_profile(tx, owner=alice, password=KEPT, reset_required=False))
    assert (state(store, alice).has_password, state(store, alice).must_change) == (True, True)
    store.change(lambda tx: choose_password(tx, owner=alice, password=KEPT))
    assert not state(store, alice).must_change
    store.change(lambda tx: require_change(tx, owner=alice))
    assert state(store, alice).must_change


def test_the_later_of_the_locks_is_told_until_it_is_over(store: Store) -> None:
    alice = user(store)
    store.change(lambda tx: code_failures.begin_count(tx.connection, alice.unique_id))
    store.change(lambda tx: password_failures.begin_count(tx.connection, alice.unique_id, NOW))
    assert state(store, alice).locked_until is None
    store.change(lambda tx: code_failures.count_attempt(tx.connection, alice.unique_id, NOW, free=1, lock=HOUR))
    assert state(store, alice).locked_until == NOW + HOUR
    locks = ((1, 2 * HOUR),)
    store.change(lambda tx: password_failures.count_attempt(tx.connection, alice.unique_id, ELSEWHERE, NOW, locks))
    assert state(store, alice).locked_until == NOW + 2 * HOUR
    assert store.read(lambda c: find_user_state(c, alice, NOW + 2 * HOUR)).locked_until is None


def test_factors_links_keys_and_being_disabled_are_told(store: Store) -> None:
    alice, bob = user(store), user(store, "bob")
    devices = MfaDevices(ENTROPY, store.keyring)
    device = store.change(lambda tx: devices.create(tx, account_id=ACCOUNT_ID, name="phone")).device
    store.change(lambda tx: devices.enable(tx, owner=alice, device=device, step=1))
    store.change(lambda tx: require_factor(tx, subject=alice))
    links = SignInLinks(ENTROPY, store.keyring, "https://sts.example.com", HOUR, root_signs_in=False)
    store.change(lambda tx: links.create(tx, owner=alice))
    minted = store.change(lambda tx: AccessKeys(ENTROPY, store.keyring).create(tx, owner=alice))
    store.change(lambda tx: revocations.disable(tx, principal=alice))
    found = {
        each.user.name: each
        for each in store.read(lambda c: list_user_states(c, ACCOUNT_ID, NOW, after=None, limit=10))
    }
    told = found["alice"]
    assert (told.factors, told.factor_required, told.link_until, told.user.enabled) == (1, True, NOW + HOUR, False)
    ((access_key_id, key),) = told.keys
    assert (access_key_id, key.active, key.created_at, key.used_at) == (minted.key.access_key_id, True, NOW, None)
    assert found["bob"] == state(store, bob)
    assert (found["bob"].factors, found["bob"].keys, found["bob"].link_until) == (0, (), None)
