from collections.abc import Callable

import pytest
from sqlalchemy import select

from sts.directory.mfa_devices import MfaDevices
from sts.directory.policies import Policies
from sts.directory.providers import Providers
from sts.directory.roles import Roles
from sts.directory.tags import Tagged, Tagging, bearer_id
from sts.directory.users import Users
from sts.errors import InputInvalid, NotFound, QuotaExceeded, Unmodifiable
from sts.model import MfaDevice, Policy
from sts.providers import Provider
from sts.store.policies import find_policy
from sts.store.tables import tag
from sts.store.tags import find_tags
from tests.directory.people import ALLOW, role, user
from tests.directory.store import ACCOUNT_ID, ENTROPY, Store

TAGGING = Tagging()


def policy(store: Store) -> Policy:
    return store.change(lambda tx: Policies(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="readers", document=ALLOW))


def device(store: Store) -> MfaDevice:
    devices = MfaDevices(ENTROPY, store.keyring)
    return store.change(lambda tx: devices.create(tx, account_id=ACCOUNT_ID, name="phone")).device


def provider(store: Store) -> Provider:
    issuer = "https://idp.example"
    return store.change(lambda tx: Providers(ENTROPY, store.keyring).create(tx, account_id=ACCOUNT_ID, issuer=issuer))


EVERY_NOUN = (user, role, policy, device, provider)


def put(store: Store, bearer: Tagged, *tags: tuple[str, str]) -> None:
    store.change(lambda tx: TAGGING.put(tx, bearer=bearer, tags=tags))


def borne(store: Store, bearer: Tagged) -> list[tuple[str, str]]:
    return list(store.read(lambda connection: find_tags(connection, bearer_id(bearer))).items())


@pytest.mark.parametrize("make", EVERY_NOUN)
def test_tags_are_put_replaced_and_removed(store: Store, make: Callable[[Store], Tagged]) -> None:
    bearer = make(store)
    put(store, bearer, ("team", "blue"), ("cost", ""))
    put(store, bearer, ("team", "red"))
    assert borne(store, bearer) == [("cost", ""), ("team", "red")]
    store.change(lambda tx: TAGGING.remove(tx, bearer=bearer, keys=["team", "unknown"]))
    assert borne(store, bearer) == [("cost", "")]


@pytest.mark.parametrize("make", [user, role])
@pytest.mark.parametrize(("first", "second"), [("Team", "tEAM"), ("Größe", "GRÖßE"), ("я", "Я")])
def test_case_does_not_count_in_the_keys_of_users_and_roles_and_is_kept(
    store: Store, make: Callable[[Store], Tagged], first: str, second: str
) -> None:
    bearer = make(store)
    put(store, bearer, (first, "one"))
    put(store, bearer, (second, "two"))
    assert borne(store, bearer) == [(second, "two")]
    with pytest.raises(InputInvalid, match="Duplicate tag keys"):
        put(store, bearer, (first, "one"), (second, "two"))
    store.change(lambda tx: TAGGING.remove(tx, bearer=bearer, keys=[first]))
    assert borne(store, bearer) == []


@pytest.mark.parametrize("make", EVERY_NOUN)
@pytest.mark.parametrize(("first", "second"), [("access", "acce\u017fs"), ("Key", "\u212aey"), ("Größe", "Grösse")])
def test_no_character_of_another_alphabet_is_taken_for_one_of_ascii(
    store: Store, make: Callable[[Store], Tagged], first: str, second: str
) -> None:
    """Policies tell them apart: one tag that took another's place would free its bearer of what they say of that."""
    bearer = make(store)
    put(store, bearer, (first, "one"))
    put(store, bearer, (second, "two"))
    assert sorted(borne(store, bearer)) == sorted([(first, "one"), (second, "two")])


@pytest.mark.parametrize("make", [policy, device, provider])
@pytest.mark.parametrize(("first", "second"), [("Team", "team"), ("Größe", "GRÖßE")])
def test_case_counts_in_the_keys_of_what_is_no_principal_and_none_is_borne_in_two(
    store: Store, make: Callable[[Store], Tagged], first: str, second: str
) -> None:
    bearer = make(store)
    put(store, bearer, (first, "one"))
    for tags in ([(second, "two")], [(first, "one"), (second, "two")]):
        with pytest.raises(InputInvalid, match="Duplicate tag keys"):
            put(store, bearer, *tags)
    store.change(lambda tx: TAGGING.remove(tx, bearer=bearer, keys=[second]))
    assert borne(store, bearer) == [(first, "one")]
    put(store, bearer, (first, "anew"))
    assert borne(store, bearer) == [(first, "anew")]
    store.change(lambda tx: TAGGING.remove(tx, bearer=bearer, keys=[first]))
    put(store, bearer, (second, "two"))
    assert borne(store, bearer) == [(second, "two")]


@pytest.mark.parametrize("make", EVERY_NOUN)
def test_a_fifty_first_tag_is_refused_and_one_in_place_of_another_is_not(
    store: Store, make: Callable[[Store], Tagged]
) -> None:
    bearer = make(store)
    put(store, bearer, *((f"key{number}", "") for number in range(49)))
    with pytest.raises(QuotaExceeded, match=f"TagsPer{type(bearer).__name__}: 50"):
        put(store, bearer, ("one", ""), ("two", ""))
    put(store, bearer, ("one", ""))
    put(store, bearer, ("one", "anew"), ("key0", "anew"))
    with pytest.raises(QuotaExceeded):
        put(store, bearer, ("two", ""))
    assert len(borne(store, bearer)) == 50


@pytest.mark.parametrize("key", ["aws:team", "AWS:team", "aWs:"])
def test_keys_of_the_service_are_refused(store: Store, key: str) -> None:
    bearer = user(store)
    with pytest.raises(InputInvalid, match="begin with aws:"):
        put(store, bearer, (key, "blue"))
    put(store, bearer, ("awsteam", "blue"), ("x-aws:team", "aws:blue"))
    assert len(borne(store, bearer)) == 2


@pytest.mark.parametrize(("key", "value"), [("", "v"), ("k" * 129, "v"), ("k", "v" * 257)])
def test_a_key_or_value_beyond_its_length_is_refused(store: Store, key: str, value: str) -> None:
    bearer = user(store)
    with pytest.raises(InputInvalid, match="A tag has a key of"):
        put(store, bearer, (key, value))
    put(store, bearer, ("漢" * 128, "漢" * 256))
    assert borne(store, bearer) == [("漢" * 128, "漢" * 256)]


def test_a_user_that_was_renamed_since_is_not_tagged(store: Store) -> None:
    bearer = user(store)
    renamed = store.change(lambda tx: Users(ENTROPY).update(tx, user=bearer, new_name="bob"))
    with pytest.raises(NotFound):
        put(store, bearer, ("team", "blue"))
    with pytest.raises(NotFound):
        store.change(lambda tx: TAGGING.remove(tx, bearer=bearer, keys=["team"]))
    assert borne(store, renamed) == []


def test_a_policy_of_the_service_is_not_tagged(store: Store) -> None:
    kept = store.read(lambda connection: find_policy(connection, "arn:aws:iam::aws:policy/IAMFullAccess"))
    assert kept is not None
    with pytest.raises(Unmodifiable):
        put(store, kept, ("team", "blue"))


def test_tags_go_with_their_bearers(store: Store) -> None:
    alice, reader, readers = user(store), role(store), policy(store)
    for bearer in (alice, reader, readers):
        put(store, bearer, ("team", "blue"))
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    store.change(lambda tx: Roles(ENTROPY).delete(tx, role=reader))
    store.change(lambda tx: Policies(ENTROPY).delete(tx, policy=readers))
    assert store.read(lambda connection: connection.execute(select(tag)).all()) == []


def test_only_what_snapshots_hold_is_dropped(store: Store) -> None:
    alice, reader, readers = user(store), role(store), policy(store)
    touched = [
        store.touched(lambda tx, bearer=bearer: TAGGING.put(tx, bearer=bearer, tags=[("team", "blue")]))  # type: ignore[misc]
        for bearer in (alice, reader, readers)
    ]
    assert touched == [{("user", alice.unique_id)}, {("role", reader.unique_id)}, set()]
