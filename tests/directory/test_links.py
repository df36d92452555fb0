"""A link lets one owner set a password, once and for a short time; on both stores."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from sts.directory import revocations
from sts.directory.accounts import get_account
from sts.directory.links import PATH, MintedLink, SignInLinks
from sts.directory.owners import Owner
from sts.directory.users import Users
from sts.errors import LinkInvalid, NotFound, RootRefused
from sts.keyring.rotation import Purpose
from sts.store import tables
from sts.store.links import delete_link_of
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, Store

ISSUER = "https://sts.example.com"
LIFE = timedelta(hours=4)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Desk:
    """Makes links and redeems them."""

    store: Store
    root_signs_in: bool = False

    @property
    def links(self) -> SignInLinks:
        return SignInLinks(ENTROPY, self.store.keyring, ISSUER, LIFE, self.root_signs_in)

    def create(self, owner: Owner) -> MintedLink:
        return self.store.change(lambda tx: self.links.create(tx, owner=owner))

    def token(self, owner: Owner) -> str:
        return self.create(owner).url.removeprefix(ISSUER + PATH)

    def look(self, token: str, now: datetime = NOW) -> Owner:
        return self.store.read(lambda connection: self.links.get_owner(connection, token, now))

    def redeem(self, token: str) -> Owner:
        return self.store.change(lambda tx: self.links.redeem(tx, token))

    def root(self) -> Owner:
        return self.store.read(lambda connection: get_account(connection, ACCOUNT_ID))


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_a_link_is_its_owners_and_looking_at_it_does_not_use_it_up(desk: Desk) -> None:
    alice = user(desk.store)
    minted = desk.create(alice)
    assert minted.link.owner_id == alice.unique_id
    assert minted.link.expires_at == NOW + LIFE
    token = minted.url.removeprefix(f"{ISSUER}/ui/link/")
    assert [desk.look(token), desk.look(token), desk.redeem(token)] == [alice] * 3


def test_a_15_a_link_works_once(desk: Desk) -> None:
    token = desk.token(user(desk.store))
    desk.redeem(token)
    for attempt in (desk.look, desk.redeem):
        with pytest.raises(LinkInvalid):
            attempt(token)


def test_a_15_of_those_who_redeem_a_link_at_once_one_does(desk: Desk) -> None:
    token = desk.token(user(desk.store))

    def attempt(_number: int) -> bool:
        try:
            desk.store.database.transact_now(lambda tx: desk.links.redeem(tx, token), NOW)
        except LinkInvalid:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) == 1


def test_a_15_a_link_works_for_a_short_time(desk: Desk) -> None:
    token = desk.token(user(desk.store))
    desk.look(token, NOW + LIFE - TICK)
    with pytest.raises(LinkInvalid) as refused:
        desk.look(token, NOW + LIFE)
    assert refused.value.detail == "the link has expired"


def test_a_15_links_are_random_and_long(desk: Desk) -> None:
    alice = user(desk.store)
    secrets = {desk.token(alice).partition(".")[2] for _ in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {22}  # 128 bits of base64url


def test_a_16_a_newer_link_ends_the_one_before(desk: Desk) -> None:
    alice = user(desk.store)
    first, second = desk.token(alice), desk.token(alice)
    with pytest.raises(LinkInvalid):
        desk.look(first)
    assert desk.redeem(second) == alice


def test_a_16_a_link_dies_with_what_forgets_those_of_its_owner(desk: Desk) -> None:
    alice, bob = user(desk.store), user(desk.store, "bob")
    hers, his = desk.token(alice), desk.token(bob)
    desk.store.change(lambda tx: delete_link_of(tx.connection, alice.unique_id))
    with pytest.raises(LinkInvalid):
        desk.look(hers)
    assert desk.look(his) == bob


def test_a_16_a_link_is_bound_to_one_user(desk: Desk) -> None:
    alice, bob = user(desk.store), user(desk.store, "bob")
    hers, his = desk.token(alice).split("."), desk.token(bob).split(".")
    for mixed in (f"{hers[0]}.{his[1]}", f"{his[0]}.{hers[1]}"):
        with pytest.raises(LinkInvalid) as refused:
            desk.look(mixed)
        assert refused.value.detail == "the link's secret is wrong"


def test_a_link_follows_its_owner_through_a_rename_and_not_to_another_of_the_name(desk: Desk) -> None:
    alice = user(desk.store)
    token = desk.token(alice)
    desk.store.change(lambda tx: Users(ENTROPY).update(tx, user=alice, new_name="anna"))
    namesake = user(desk.store)
    assert desk.look(token) == replace(alice, name="anna") != namesake
    with pytest.raises(NotFound):
        desk.create(alice)


def test_a_deleted_users_link_is_gone(desk: Desk) -> None:
    alice = user(desk.store)
    token = desk.token(alice)
    desk.store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    with pytest.raises(LinkInvalid):
        desk.look(token)
    assert not desk.store.read(lambda c: c.execute(select(tables.sign_in_link)).all())


@pytest.mark.parametrize("of_account", [False, True])
def test_a_disabled_owners_link_is_refused_like_any_other(desk: Desk, *, of_account: bool) -> None:
    alice = user(desk.store)
    token = desk.token(alice)
    principal = desk.root() if of_account else alice
    desk.store.change(lambda tx: revocations.disable(tx, principal=principal))
    with pytest.raises(LinkInvalid) as refused:
        desk.redeem(token)
    assert refused.value.message == LinkInvalid("").message


@pytest.mark.parametrize(
    "strange", ["", ".", "a.b", "a" * 22, f"{'a' * 22}.{'b' * 22}", f"{'é' * 22}.{'b' * 22}", "\0" * 45, "a" * 10**6]
)
def test_what_is_no_link_is_refused(desk: Desk, strange: str) -> None:
    with pytest.raises(LinkInvalid):
        desk.look(strange)


def test_roots_link_is_made_and_taken_only_where_root_may_sign_in(desk: Desk) -> None:
    with pytest.raises(RootRefused, match="STS_ROOT_SIGN_IN"):
        desk.create(desk.root())
    open_desk = replace(desk, root_signs_in=True)
    token = open_desk.token(desk.root())
    with pytest.raises(RootRefused):
        desk.redeem(token)
    assert open_desk.redeem(token) == desk.root()


def test_a_32_a_link_cannot_be_read_from_the_store_or_from_how_it_is_shown(desk: Desk) -> None:
    minted = desk.create(user(desk.store))
    secret = minted.url.rpartition(".")[2]
    (row,) = desk.store.read(lambda c: c.execute(select(tables.sign_in_link)).all())
    assert secret not in repr(row)
    assert secret not in repr(minted)
    assert secret.encode() not in row.stamp


def test_a_link_outlives_a_rotation_of_the_key_that_it_is_kept_under(desk: Desk) -> None:
    alice = user(desk.store)
    token = desk.token(alice)
    desk.store.keyring.rotate(Purpose.MARKER, emergency=True)
    assert desk.redeem(token) == alice
