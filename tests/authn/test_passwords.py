"""The right password proves who is signing in; all that is wrong looks alike, and is counted; on both stores."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from sts.authn.passwords import FREE_FAILURES, LOCKS, LOCKS_ALONE, USED_FIRST_PASSWORD_LIFE, require_unchanged
from sts.crypto.passwords import Cost
from sts.directory.login_profiles import FIRST_PASSWORD_LIFE, require_change
from sts.errors import PasswordWrong, Refusal, SignInRefused, Throttled, Unavailable
from sts.store import password_failures, tables
from sts.store.accounts import find_account
from sts.store.credential_marks import mark_sign_in
from sts.store.login_profiles import find_login_profile
from tests.authn.signing_in import ADDRESS, PASSWORD, Desk, open_desk
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, NOW, Store

LOCK = LOCKS[0][1]
REFUSED = r"^The account, the user name or the password is wrong, or the user may not sign in now\.$"
WRONG = "not the password of anybody"


@pytest.fixture
def desk(store: Store) -> Desk:
    return open_desk(store, NOW)


def refuse(desk: Desk, times: int = 1, **asked: Any) -> list[str | None]:
    """Ask so often, be refused, and return why."""
    details = []
    for _ in range(times):
        with pytest.raises(SignInRefused, match=REFUSED) as caught:
            desk.prove(**{"password": WRONG, **asked})
        details.append(caught.value.detail)
    return details


def test_s_09_a_change_after_the_proof_shows_in_its_mark(desk: Desk) -> None:
    alice = desk.somebody()
    marks = [desk.prove().mark for _ in range(2)]
    database = desk.store.database

    def read() -> bytes:
        return database.read_now(lambda connection: mark_sign_in(connection, alice.account_id, alice.unique_id))

    assert marks == [read()] * 2
    desk.change(lambda tx: require_change(tx, owner=alice))
    assert read() != marks[0]
    assert desk.prove().mark == read()


def test_the_right_password_proves_who_it_is(desk: Desk) -> None:
    alice = desk.somebody()
    proven = desk.prove()
    assert (proven.principal, proven.strong_alone, proven.failures) == (alice, True, 0)
    assert not desk.must_change()
    assert desk.prove(name="ALICE").principal == alice


def test_a_15_a_first_password_is_good_for_a_week_and_only_to_choose_another(desk: Desk) -> None:
    alice = user(desk.store)
    desk.give(alice)
    desk.clock.tick(FIRST_PASSWORD_LIFE - timedelta(microseconds=1))
    assert desk.must_change()
    desk.clock.tick(timedelta(microseconds=1))
    assert refuse(desk, password=PASSWORD) == ["the first password is over"]
    desk.choose(alice)
    assert not desk.must_change()


def test_a_15_a_first_password_that_was_used_is_good_while_that_sign_in_may_last_and_no_longer(desk: Desk) -> None:
    desk.give(user(desk.store))
    assert desk.must_change()
    desk.clock.tick(USED_FIRST_PASSWORD_LIFE - timedelta(microseconds=1))
    assert desk.must_change()  # which prolongs nothing
    desk.clock.tick(timedelta(microseconds=1))
    assert refuse(desk, password=PASSWORD) == ["the first password is over"]


def test_a_16_what_was_set_after_the_old_password_was_proven_is_not_overwritten(desk: Desk) -> None:
    alice = desk.somebody()
    proven = desk.run(desk.proof.prove_again(alice.unique_id, PASSWORD, ADDRESS))
    desk.change(lambda tx: require_unchanged(tx, proven))
    desk.change(lambda tx: require_change(tx, owner=alice))
    with pytest.raises(PasswordWrong) as caught:
        desk.change(lambda tx: require_unchanged(tx, proven))
    assert caught.value.detail == "the password or a factor was changed meanwhile"


def test_a_12_a_password_does_not_grow_old(desk: Desk) -> None:
    desk.somebody()
    desk.clock.tick(timedelta(days=400))
    assert not desk.must_change()


def test_a_13_after_a_mark_a_password_is_good_only_to_choose_another(desk: Desk) -> None:
    alice = desk.somebody()
    desk.change(lambda tx: require_change(tx, owner=alice))
    assert desk.must_change()
    desk.choose(alice, "another horse battery staple")
    assert not desk.must_change("another horse battery staple")


@pytest.mark.parametrize(
    "tried", [PASSWORD.upper(), f" {PASSWORD}", f"{PASSWORD} ", PASSWORD[:-1], f"{PASSWORD}\0", ""]
)
def test_a_05_what_only_resembles_the_password_is_wrong(desk: Desk, tried: str) -> None:
    desk.somebody()
    assert refuse(desk, password=tried) == ["The password is not the one that was hashed"]


def test_a_04_no_more_than_the_whole_password_is_right(desk: Desk) -> None:
    alice = user(desk.store)
    for right, wrong in (("a" * 80, "a" * 72 + "b" * 8), ("one\0two three four", "one\0two three five")):
        desk.choose(alice, right)
        refuse(desk, password=wrong)
        assert desk.prove(right).principal == alice


def test_a_07_a_password_is_the_same_however_its_characters_are_composed(desk: Desk) -> None:
    alice = user(desk.store)
    desk.choose(alice, "caf\u00e9 au lait le matin")
    assert desk.prove("cafe\u0301 au lait le matin").principal == alice


def test_a_18_all_that_is_wrong_looks_alike_and_costs_one_hash(desk: Desk) -> None:
    alice, bob, carol = desk.somebody(), desk.somebody("bob"), user(desk.store, "carol")
    dave = desk.somebody("dave")
    refuse(desk, FREE_FAILURES, name="bob")
    disabled = update(tables.user).where(tables.user.c.unique_id == dave.unique_id).values(enabled=False)
    desk.change(lambda tx: tx.connection.execute(disabled).close())
    asked: dict[str, dict[str, str]] = {
        "The password is not the one that was hashed": {"name": alice.name},
        "there is no such user": {"name": "nobody"},
        "there is no password": {"name": carol.name},
        "the password is locked": {"name": bob.name, "password": PASSWORD},
        "the user or its account is disabled": {"name": dave.name, "password": PASSWORD},
    }
    elsewhere: list[dict[str, str]] = [
        {"account": "210987654321"},
        {"account": "no-such-alias"},
        {"account": "\0"},
        {"name": "a" * 65},
    ]
    for detail, each in [*asked.items(), *(("there is no such user", each) for each in elsewhere)]:
        before = desk.hasher.computed
        assert refuse(desk, 1, **each) == [detail]
        assert desk.hasher.computed - before == 1


def test_a_18_after_the_cost_is_raised_time_tells_no_user_from_nobody(desk: Desk) -> None:
    alice = desk.somebody()
    desk.hasher = replace(desk.hasher, cost=Cost(memory_kib=48, passes=2))
    fresh, carol = desk.somebody("bob"), user(desk.store, "carol")
    filled = []
    for name in (alice.name, fresh.name, carol.name, "nobody"):
        before = desk.hasher.filled_kib
        refuse(desk, name=name)
        filled.append(desk.hasher.filled_kib - before)
    assert filled == [48 * 2] * 4


def test_a_19_after_the_limit_not_even_the_right_password_is_looked_at(desk: Desk) -> None:
    desk.somebody()
    for number in range(150):
        refuse(desk, address=f"192.0.2.{number}")
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]
    desk.clock.tick(LOCK)
    assert desk.prove().failures == FREE_FAILURES


def test_a_19_from_the_hundredth_on_there_is_one_guess_a_day(desk: Desk) -> None:
    desk.somebody()
    for _ in range(100):
        assert refuse(desk) == ["The password is not the one that was hashed"]
        desk.clock.tick(LOCK)
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]
    desk.clock.tick(timedelta(days=1))
    assert desk.prove().failures == 100


def test_a_20_the_right_password_ends_the_count(desk: Desk) -> None:
    desk.somebody()
    for _ in range(3):
        refuse(desk, FREE_FAILURES - 1)
        assert desk.prove().failures == FREE_FAILURES - 1


def test_a_21_an_attacker_locks_nobody_out_of_a_device_that_is_known(desk: Desk) -> None:
    alice, _ = desk.somebody(), desk.somebody("bob")
    device = desk.run(desk.proof.remember(alice.unique_id))
    refuse(desk, FREE_FAILURES)
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]
    assert desk.prove(device=device).principal == alice
    assert desk.prove(name="bob").failures == 0
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]  # what a known device proves is its own


def test_a_21_a_known_device_may_guess_as_often_as_any_and_no_more(desk: Desk) -> None:
    alice, _ = desk.somebody(), desk.somebody("bob")
    device = desk.run(desk.proof.remember(alice.unique_id))
    refuse(desk, FREE_FAILURES, device=device)
    assert refuse(desk, password=PASSWORD, device=device) == ["the password is locked"]
    assert desk.prove().principal == alice
    refuse(desk, FREE_FAILURES, name="bob", device=device)  # it is known as alice's
    assert refuse(desk, name="bob", password=PASSWORD, device=device) == ["the password is locked"]


@pytest.mark.parametrize("device", ["", "nonsense", "\u00e9", "A" * 3_000])
def test_what_is_no_device_is_taken_for_none(desk: Desk, device: str) -> None:
    desk.somebody()
    refuse(desk, FREE_FAILURES, device=device)
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]


def test_a_device_is_forgotten_when_it_is_not_seen_and_when_there_are_many(desk: Desk) -> None:
    alice = desk.somebody()
    first = desk.run(desk.proof.remember(alice.unique_id))
    desk.clock.tick(timedelta(days=181))
    refuse(desk, FREE_FAILURES, device=first)
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]
    desk.clock.tick(LOCK)
    devices = []
    for _ in range(password_failures.MOST_DEVICES + 1):
        desk.clock.tick(timedelta(seconds=1))
        devices.append(desk.run(desk.proof.remember(alice.unique_id)))
    refuse(desk, FREE_FAILURES)
    refuse(desk, password=PASSWORD, device=devices[0])
    assert desk.prove(device=devices[1]).principal == alice


def test_an_administrator_opens_what_is_locked(desk: Desk) -> None:
    alice = desk.somebody()
    refuse(desk, FREE_FAILURES)
    desk.change(lambda tx: password_failures.unlock(tx.connection, alice.unique_id))
    assert desk.prove().principal == alice


def test_a_22_one_password_tried_on_everybody_is_slowed_by_the_address(desk: Desk) -> None:
    refuse_all = [f"user{number}" for number in range(desk.proof.addresses.most_wrong)]
    for name in refuse_all:
        refuse(desk, name=name)
    with pytest.raises(Throttled) as caught:
        desk.prove(WRONG, "another")
    assert 0 < caught.value.retry_after_seconds <= 900
    refuse(desk, address="192.0.2.2")
    desk.clock.tick(timedelta(seconds=caught.value.retry_after_seconds))
    refuse(desk)


def test_a_22_an_ipv6_network_is_one_address_and_who_is_right_uses_up_nothing(desk: Desk) -> None:
    desk.somebody()
    most = desk.proof.addresses.most_wrong
    for _ in range(most + 1):
        desk.prove(address="2001:db8::1")
    for number in range(most):
        refuse(desk, name="nobody", address=f"2001:db8::{number:x}")
    with pytest.raises(Throttled):
        desk.prove(address="2001:db8::ffff:1")


def test_a_23_of_many_tries_at_once_no_more_are_looked_at_than_one_after_the_other(desk: Desk) -> None:
    """The right password is among them: were any looked at before the others were counted, it would pass."""
    desk.somebody()
    desk.hasher = replace(desk.hasher, most_waiting=1_000)

    async def race() -> list[object]:
        tries = [f"{WRONG} {number}" for number in range(199)] + [PASSWORD]
        proofs = (desk.proof.prove(ACCOUNT_ID, "alice", each, f"192.0.2.{n}") for n, each in enumerate(tries))
        return list(await asyncio.gather(*proofs, return_exceptions=True))

    ends = desk.run(race())
    assert len(ends) == 200
    details = Counter(end.detail if isinstance(end, Refusal) else "proven" for end in ends)
    assert details["The password is not the one that was hashed"] + details["proven"] <= FREE_FAILURES, details
    assert details["the password is locked"], details


def test_a_42_what_cannot_be_looked_at_now_is_sent_away_uncounted(desk: Desk) -> None:
    desk.somebody()
    desk.hasher = replace(desk.hasher, most_waiting=4)

    async def flood() -> list[object]:
        proofs = (desk.proof.prove(ACCOUNT_ID, "alice", PASSWORD, "192.0.2.1") for _ in range(64))
        return list(await asyncio.gather(*proofs, return_exceptions=True))

    ends = desk.run(flood())
    throttled = [end for end in ends if isinstance(end, Throttled)]
    assert len(throttled) == 60
    assert {end.rate for end in throttled} == {"passwords"}
    assert desk.prove().failures == 0


def test_a_42_a_password_of_a_megabyte_is_refused_before_anything_is_computed_of_it(desk: Desk) -> None:
    desk.somebody()
    before = desk.hasher.computed
    details = {refuse(desk, password="a" * 1_048_576, name=name)[0] for name in ("alice", "nobody")}
    assert details == {"A password has at most 1024 characters"}
    assert desk.hasher.computed == before


def test_a_40_a_password_is_hashed_anew_once_the_cost_is_raised(desk: Desk) -> None:
    alice = desk.somebody()
    desk.hasher = replace(desk.hasher, cost=replace(desk.hasher.cost, passes=2))
    desk.prove()
    kept = desk.store.read(lambda c: find_login_profile(c, alice.unique_id))
    assert kept is not None
    assert "m=8,t=2,p=1" in kept.password.hashed
    desk.prove()
    assert desk.store.read(lambda c: find_login_profile(c, alice.unique_id)) == kept


def test_root_signs_in_by_its_number_and_only_where_a_setting_lets_it(desk: Desk) -> None:
    account = desk.store.read(lambda connection: find_account(connection, ACCOUNT_ID))
    assert account is not None
    desk.choose(account)
    details = refuse(desk, name=ACCOUNT_ID, password=PASSWORD)
    assert details == ["root may not sign in: STS_ROOT_SIGN_IN is off"]
    desk.root_signs_in = True
    assert desk.prove(name=ACCOUNT_ID).principal == account


def test_a_10_whoever_is_signed_in_proves_the_password_again_and_its_failures_count(desk: Desk) -> None:
    alice = desk.somebody()
    assert desk.run(desk.proof.prove_again(alice.unique_id, PASSWORD, "192.0.2.1")).principal == alice
    for _ in range(FREE_FAILURES):
        with pytest.raises(PasswordWrong):
            desk.run(desk.proof.prove_again(alice.unique_id, WRONG, "192.0.2.1"))
    assert refuse(desk, password=PASSWORD) == ["the password is locked"]


def test_without_the_store_nobody_signs_in(desk: Desk) -> None:
    desk.somebody()

    def rename(before: str, after: str) -> None:
        statement = text(f"ALTER TABLE {before} RENAME TO {after}")
        desk.change(lambda tx: tx.connection.execute(statement).close())

    rename("password_failure", "gone")
    with pytest.raises(Unavailable):
        desk.prove()
    rename("gone", "password_failure")
    assert desk.prove().failures == 0


def test_while_the_cache_is_away_less_is_taken_and_the_store_has_the_last_word(desk: Desk) -> None:
    class Away:
        """A cache that cannot be asked; the real one's outages are tested in tests/faults."""

        async def get(self, _key: str) -> bytes | None:
            raise Unavailable("the cache is not available")

        async def count(self, _key: str, _span: timedelta) -> int:
            raise Unavailable("the cache is not available")

    alice = desk.somebody()
    proof = replace(desk.proof, addresses=replace(desk.proof.addresses, cache=Away()))  # type: ignore[arg-type]
    assert desk.run(proof.prove(ACCOUNT_ID, "alice", PASSWORD, "192.0.2.1")).principal == alice
    for _ in range(LOCKS_ALONE[0][0]):
        with pytest.raises(SignInRefused):
            desk.run(proof.prove(ACCOUNT_ID, "alice", WRONG, "192.0.2.1"))
    with pytest.raises(SignInRefused) as caught:
        desk.run(proof.prove(ACCOUNT_ID, "alice", PASSWORD, "192.0.2.1"))
    assert caught.value.detail == "the password is locked"
    for number in range(desk.proof.addresses.most_wrong // 4 - LOCKS_ALONE[0][0] - 1):
        with pytest.raises(SignInRefused):
            desk.run(proof.prove(ACCOUNT_ID, f"user{number}", WRONG, "192.0.2.1"))
    with pytest.raises(Throttled):
        desk.run(proof.prove(ACCOUNT_ID, "another", WRONG, "192.0.2.1"))
