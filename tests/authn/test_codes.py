"""A code proves once, in its time, and cannot be guessed; on both stores."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from sts.authn.codes import FREE_FAILURES, LOCK, CodeProof, require_unlocked
from sts.clock import ManualClock
from sts.crypto.totp import step_at
from sts.directory.accounts import get_account
from sts.directory.mfa_devices import MfaDevices, get_enabled_device
from sts.directory.owners import Owner, owner_id_of
from sts.errors import CodeInvalid, FactorUnproven, TemporarilyUnmodifiable, Throttled, Unavailable
from sts.model import Caller, User
from sts.store.code_failures import count_attempt
from sts.store.database import Transaction
from tests.authenticator import STEP, Authenticator
from tests.authn.signing_in import ADDRESS, open_codes
from tests.aws.iam.desk import calling, root, session
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, Store

WRONG = r"^MultiFactorAuthentication failed with invalid MFA one time pass code\.$"
STRANGE = r"^MultiFactorAuthentication failed, unable to validate MFA code\. Please verify your MFA serial number"
HALF = r"^MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code\.$"
LOCKED = r"^MultiFactorAuthentication failed, too many invalid MFA one time pass codes\. Try again later\.$"
ONE = timedelta(seconds=STEP)


@dataclass
class Bench:
    """A store, the service's clock, and the proof between them."""

    store: Store
    clock: ManualClock

    @property
    def proof(self) -> CodeProof:
        return open_codes(self.store, self.clock)

    def prove(self, caller: Caller, serial_number: str | None, code: str | None) -> datetime | None:
        work = self.proof.prove(caller, serial_number, code, ADDRESS)
        return asyncio.run(work) if self.store.runner is None else self.store.runner.run(work)

    def enable(self, owner: Owner, name: str = "phone") -> tuple[str, Authenticator]:
        """Enable a new device, long enough ago that the steps that are used up lie before all that are looked at."""
        devices = MfaDevices(ENTROPY, self.store.keyring)
        minted = self.store.change(lambda tx: devices.create(tx, account_id=ACCOUNT_ID, name=name))
        at = self.clock.now() - 100 * ONE
        enable = partial(devices.enable, owner=owner, device=minted.device, step=step_at(at))
        self.store.change(lambda tx: enable(replace(tx, now=at)))
        return minted.device.serial_number, Authenticator(minted.seed)

    def fail(self, caller: Caller, serial_number: str, device: Authenticator, times: int, match: str = WRONG) -> None:
        """Show wrong codes."""
        right = {device.code(self.clock.now(), away) for away in (-1, 0, 1)}
        guesses = (f"{guess:06}" for guess in range(10**6) if f"{guess:06}" not in right)
        for _ in range(times):
            with pytest.raises(FactorUnproven, match=match):
                self.prove(caller, serial_number, next(guesses))


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store, ManualClock(NOW))


@pytest.fixture
def alice(store: Store) -> User:
    return user(store)


def test_a_right_code_proves_at_the_instant_of_the_services_clock(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    assert bench.prove(calling(alice), serial_number, device.code(NOW)) == NOW


def test_without_a_code_nothing_is_proven_and_half_of_one_is_refused(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    assert bench.prove(calling(alice), None, None) is None
    for half in ((serial_number, None), (None, device.code(NOW))):
        with pytest.raises(FactorUnproven, match=HALF):
            bench.prove(calling(alice), *half)


def test_a_28_a_code_works_once(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.prove(calling(alice), serial_number, device.code(NOW))
    for _ in range(3):
        with pytest.raises(FactorUnproven, match=WRONG) as caught:
            bench.prove(calling(alice), serial_number, device.code(NOW))
        assert caught.value.detail == "the code was used"


@pytest.mark.parametrize(("away", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_29_codes_of_the_step_and_of_those_beside_it_are_taken(
    bench: Bench, alice: User, away: int, *, taken: bool
) -> None:
    serial_number, device = bench.enable(alice)
    if taken:
        assert bench.prove(calling(alice), serial_number, device.code(NOW, away)) == NOW
    else:
        with pytest.raises(FactorUnproven, match=WRONG):
            bench.prove(calling(alice), serial_number, device.code(NOW, away))


def test_a_29_once_a_later_code_was_used_an_earlier_one_is_not_taken(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.prove(calling(alice), serial_number, device.code(NOW, 1))
    for away in (-1, 0, 1):
        with pytest.raises(FactorUnproven, match=WRONG):
            bench.prove(calling(alice), serial_number, device.code(NOW, away))
    bench.clock.tick(ONE)
    assert bench.prove(calling(alice), serial_number, device.code(NOW, 2))


def test_a_35_a_clock_that_is_set_back_lets_no_used_code_be_used_again(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.prove(calling(alice), serial_number, device.code(NOW))
    for back in (ONE, 2 * ONE, timedelta(hours=1)):
        bench.clock.at = NOW - back
        for at in (NOW, bench.clock.now()):
            with pytest.raises(FactorUnproven):
                bench.prove(calling(alice), serial_number, device.code(at))


def test_a_code_of_anothers_device_is_refused_as_one_of_no_device(bench: Bench, alice: User) -> None:
    own, device = bench.enable(alice)
    strangers = (calling(user(bench.store, "bob")), root(), session(), replace(calling(alice), unique_id="AROAEXAMPLE"))
    for caller in strangers:
        with pytest.raises(FactorUnproven, match=STRANGE):
            bench.prove(caller, own, device.code(NOW))
    for nobodys in (f"{own}x", "GAHT12345678", alice.arn):
        with pytest.raises(FactorUnproven, match=STRANGE):
            bench.prove(calling(alice), nobodys, device.code(NOW))
    assert bench.prove(calling(alice), own, device.code(NOW)) == NOW


def test_a_deactivated_device_proves_nothing(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    devices = MfaDevices(ENTROPY, bench.store.keyring)
    bench.store.change(lambda tx: devices.deactivate(tx, owner=alice, serial_number=serial_number))
    with pytest.raises(FactorUnproven, match=STRANGE):
        bench.prove(calling(alice), serial_number, device.code(NOW))


def test_root_proves_with_a_device_of_its_own(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(bench.store.read(lambda c: get_account(c, ACCOUNT_ID)))
    with pytest.raises(FactorUnproven, match=STRANGE):
        bench.prove(calling(alice), serial_number, device.code(NOW))
    assert bench.prove(root(), serial_number, device.code(NOW)) == NOW


def test_a_30_after_ten_wrong_codes_the_right_one_is_not_looked_at(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES)
    bench.fail(calling(alice), serial_number, device, 150 - FREE_FAILURES, match=LOCKED)
    with pytest.raises(FactorUnproven, match=LOCKED):
        bench.prove(calling(alice), serial_number, device.code(NOW))
    bench.clock.tick(LOCK - timedelta(microseconds=1))
    with pytest.raises(FactorUnproven, match=LOCKED):
        bench.prove(calling(alice), serial_number, device.code(bench.clock.now()))


def test_a_30_the_lock_ends_with_time_and_the_count_does_not(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES)
    for _ in range(3):
        bench.clock.tick(LOCK)
        bench.fail(calling(alice), serial_number, device, 1)
        bench.fail(calling(alice), serial_number, device, 1, match=LOCKED)
    bench.clock.tick(LOCK)
    assert bench.prove(calling(alice), serial_number, device.code(bench.clock.now()))


def test_a_30_a_right_code_ends_the_count(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES - 1)
    bench.prove(calling(alice), serial_number, device.code(bench.clock.now()))
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES - 1)
    bench.clock.tick(ONE)
    assert bench.prove(calling(alice), serial_number, device.code(bench.clock.now()))


def test_a_30_all_devices_of_a_user_are_counted_together_and_nobody_elses(bench: Bench, alice: User) -> None:
    bob = user(bench.store, "bob")
    first, second, bobs = bench.enable(alice, "one"), bench.enable(alice, "two"), bench.enable(bob, "three")
    bench.fail(calling(alice), *first, FREE_FAILURES // 2)
    bench.fail(calling(alice), *second, FREE_FAILURES - FREE_FAILURES // 2)
    for serial_number, device in (first, second):
        with pytest.raises(FactorUnproven, match=LOCKED):
            bench.prove(calling(alice), serial_number, device.code(NOW))
    assert bench.prove(calling(bob), bobs[0], bobs[1].code(NOW)) == NOW


def test_a_30_a_new_device_does_not_end_the_count(bench: Bench, alice: User) -> None:
    first = bench.enable(alice, "one")
    bench.fail(calling(alice), *first, FREE_FAILURES)
    serial_number, device = bench.enable(alice, "two")
    with pytest.raises(FactorUnproven, match=LOCKED):
        bench.prove(calling(alice), serial_number, device.code(NOW))


def test_a_30_a_code_that_was_used_is_no_guess(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES - 1)
    bench.prove(calling(alice), serial_number, device.code(NOW))
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES - 1)
    for _ in range(2 * FREE_FAILURES):
        with pytest.raises(FactorUnproven, match=WRONG):
            bench.prove(calling(alice), serial_number, device.code(NOW))
    bench.clock.tick(ONE)
    assert bench.prove(calling(alice), serial_number, device.code(bench.clock.now()))


def test_a_30_of_guesses_made_at_once_no_more_are_looked_at_than_one_after_the_other(bench: Bench, alice: User) -> None:
    """The right code stands last among them: were any guess looked at before the others were counted, it would pass."""
    serial_number, device = bench.enable(alice)
    right = device.code(NOW)
    guesses = [f"{guess:06}" for guess in range(100) if f"{guess:06}" != right][: 3 * FREE_FAILURES]

    async def race() -> list[object]:
        tries = (bench.proof.prove(calling(alice), serial_number, code, ADDRESS) for code in [*guesses, right])
        return list(await asyncio.gather(*tries, return_exceptions=True))

    ends = asyncio.run(race()) if bench.store.runner is None else bench.store.runner.run(race())
    details = [end.detail for end in ends if isinstance(end, FactorUnproven)]
    assert details.count("the code is wrong") == FREE_FAILURES
    assert details.count("the codes are locked") == len(ends) - FREE_FAILURES


def test_without_the_store_no_code_is_taken_and_none_is_used_up(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)

    def rename(before: str, after: str) -> None:
        statement = text(f"ALTER TABLE {before} RENAME TO {after}")
        bench.store.change(lambda tx: tx.connection.execute(statement).close())

    rename("code_failure", "gone")
    with pytest.raises(Unavailable):
        bench.prove(calling(alice), serial_number, device.code(NOW))
    rename("gone", "code_failure")
    assert bench.prove(calling(alice), serial_number, device.code(NOW)) == NOW


def test_while_codes_are_locked_no_device_is_enabled(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    bench.store.change(lambda tx: require_unlocked(tx, alice.unique_id))
    bench.fail(calling(alice), serial_number, device, FREE_FAILURES)
    with pytest.raises(TemporarilyUnmodifiable, match=r"before 2026-11-24T08:15:00Z$"):
        bench.store.change(lambda tx: require_unlocked(tx, alice.unique_id))


def resync(bench: Bench, owner: User, serial_number: str, codes: dict[str, str]) -> CodeInvalid | None:
    def change(tx: Transaction) -> CodeInvalid | None:
        known = get_enabled_device(tx.connection, owner, serial_number)
        first, second = codes.values()
        return bench.proof.resync(tx, known, owner_id_of(owner), first, second)

    return bench.store.change(change)


@pytest.mark.parametrize("away", [-20, -5, 0, 5, 20])
def test_a_device_whose_clock_is_off_is_taken_at_its_own_time_once_that_is_known(
    bench: Bench, alice: User, away: int
) -> None:
    serial_number, device = bench.enable(alice)
    assert resync(bench, alice, serial_number, device.pair(NOW, away)) is None
    for ahead, taken in ((-2, False), (0, False), (1, True), (2, False)):
        if taken:
            assert bench.prove(calling(alice), serial_number, device.code(NOW, away + ahead)) == NOW
        else:
            with pytest.raises(FactorUnproven, match=WRONG):
                bench.prove(calling(alice), serial_number, device.code(NOW, away + ahead))


def test_codes_from_too_far_away_teach_nothing(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    for away in (-21, 21):
        assert isinstance(resync(bench, alice, serial_number, device.pair(NOW, away)), CodeInvalid)


def test_a_28_codes_that_taught_the_clock_are_used_up(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    assert resync(bench, alice, serial_number, device.pair(NOW)) is None
    assert isinstance(resync(bench, alice, serial_number, device.pair(NOW)), CodeInvalid)
    assert isinstance(resync(bench, alice, serial_number, device.pair(NOW, 1)), CodeInvalid)  # its first was used
    for away in (-1, 0):
        with pytest.raises(FactorUnproven, match=WRONG):
            bench.prove(calling(alice), serial_number, device.code(NOW, away))


def test_a_30_wrong_pairs_count_and_locked_codes_teach_nothing(bench: Bench, alice: User) -> None:
    serial_number, device = bench.enable(alice)
    wrong = {"first": device.code(NOW, 9), "second": device.code(NOW, -9)}
    for _ in range(FREE_FAILURES):
        assert isinstance(resync(bench, alice, serial_number, wrong), CodeInvalid)
    refusal = resync(bench, alice, serial_number, device.pair(NOW))
    assert isinstance(refusal, CodeInvalid)
    assert refusal.detail == "the codes are locked"
    with pytest.raises(FactorUnproven, match=LOCKED):
        bench.prove(calling(alice), serial_number, device.code(NOW))


def test_whose_wrong_codes_are_not_counted_has_none_looked_at(bench: Bench) -> None:
    counted = bench.store.change(
        lambda tx: count_attempt(tx.connection, "AIDANOBODY", tx.now, free=FREE_FAILURES, lock=LOCK)
    )
    assert counted is False


def test_a_flood_of_codes_is_sent_away_and_keeps_no_record_waiting(bench: Bench, alice: User) -> None:
    serial_number, _ = bench.enable(alice)
    # By address they would be sent away before they come to the line that is looked at here.
    proof, store = open_codes(bench.store, bench.clock, most_wrong=1_000), bench.store.database

    async def guess() -> str:
        try:
            await proof.prove(calling(alice), serial_number, "000000", ADDRESS)
        except (FactorUnproven, Throttled) as refusal:
            return type(refusal).__name__
        return "proven"

    async def flood() -> tuple[Counter[str], bool]:
        guesses = [asyncio.ensure_future(guess()) for _ in range(1_000)]
        while sum(each.done() for each in guesses) < 900:  # noqa: ASYNC110  only looking shows it
            await asyncio.sleep(0)
        # What the journal does: it waits for no more than the codes that are looked at.
        await store.transact(lambda _tx: None, NOW)
        is_before = not all(each.done() for each in guesses)
        return Counter(await asyncio.gather(*guesses)), is_before

    run = asyncio.run if bench.store.runner is None else bench.store.runner.run
    ended, is_before = run(flood())
    assert ended == {"Throttled": 1_000 - 32, "FactorUnproven": 32}
    assert is_before
