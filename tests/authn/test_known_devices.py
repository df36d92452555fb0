"""Wrong codes from elsewhere lock nobody out where they are known to sign in from; on both stores."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sts.authn.codes import FREE_FAILURES, LOCK, FactorProven, require_unlocked
from sts.authn.recovery import RecoveryProof
from sts.clock import ManualClock
from sts.directory.locks import unlock
from sts.directory.mfa_devices import MfaDevices
from sts.directory.recovery_codes import RecoveryCodes
from sts.directory.users import Users
from sts.errors import FactorUnproven, TemporarilyUnmodifiable
from sts.model import User
from sts.store import tables
from sts.store.password_failures import MOST_DEVICES
from tests.authenticator import Authenticator
from tests.authn.signing_in import ADDRESS, Desk, open_codes, open_desk
from tests.authn.test_codes import Bench
from tests.directory.people import user
from tests.directory.store import ENTROPY, NOW, Store

Prove = Callable[[str, str, str, str | None], Coroutine[Any, Any, FactorProven]]


@dataclass
class Owner:
    """Somebody with a factor, and both proofs of one: by a code of it, and by a recovery code in its place."""

    desk: Desk
    user: User
    serial_number: str
    authenticator: Authenticator
    recovery_codes: list[str]

    def remember(self) -> str:
        """Sign in from a device, and return what it keeps."""
        return str(self.desk.run(self.desk.proof.remember(self.user.unique_id)))

    def prove(self, kind: str, code: str, device: str | None) -> FactorProven:
        store, clock = self.desk.store, self.desk.clock
        codes = open_codes(store, clock)
        proofs: dict[str, Prove] = {
            "code": codes.prove_any,
            "recovery": RecoveryProof(store.keyring, codes).prove,
        }
        return self.desk.run(proofs[kind](self.user.unique_id, code, ADDRESS, device))

    def show(self, kind: str, device: str | None = None) -> int:
        """Show a right code, and return how many wrong ones were counted before it."""
        self.desk.clock.tick(timedelta(seconds=30))
        code = self.authenticator.code(self.desk.clock.now()) if kind == "code" else self.recovery_codes.pop()
        return self.prove(kind, code, device).failures

    def guess(self, kind: str, times: int, device: str | None = None) -> None:
        """Show wrong codes."""
        shown = {self.authenticator.code(self.desk.clock.now(), away) for away in (-1, 0, 1)}
        wrong = min({"000000", "000001", "000002", "000003"} - shown) if kind == "code" else "0000-0000-0000-0000"
        for _ in range(times):
            with pytest.raises(FactorUnproven):
                self.prove(kind, wrong, device)

    def count_rows(self) -> int:
        query = tables.code_failure.select().where(tables.code_failure.c.owner_id == self.user.unique_id)
        return len(self.desk.store.read(lambda c: c.execute(query).all()))


def make(store: Store, clock: ManualClock, name: str = "alice") -> Owner:
    desk, owner = open_desk(store, NOW), user(store, name)
    desk.clock = clock
    serial_number, authenticator = Bench(store, clock).enable(owner, f"{name}-phone")
    codes = store.change(lambda tx: RecoveryCodes(ENTROPY, store.keyring).replace(tx, owner=owner))
    return Owner(desk, owner, serial_number, authenticator, [str(code) for code in codes])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def alice(store: Store, clock: ManualClock) -> Owner:
    return make(store, clock)


@pytest.mark.parametrize("guessed", ["code", "recovery"])
def test_a_21_who_guesses_codes_elsewhere_locks_nobody_out_of_a_device_that_is_known(
    alice: Owner, guessed: str
) -> None:
    device = alice.remember()
    alice.guess(guessed, FREE_FAILURES)
    for kind in ("code", "recovery"):
        with pytest.raises(FactorUnproven, match=r"[Tt]oo many"):
            alice.show(kind)
        assert alice.show(kind, device) == 0
        with pytest.raises(FactorUnproven, match=r"[Tt]oo many"):  # what a known device proves is its own
            alice.show(kind)


@pytest.mark.parametrize("guessed", ["code", "recovery"])
def test_a_30_a_known_device_may_guess_codes_as_often_as_any_and_no_more(alice: Owner, guessed: str) -> None:
    device = alice.remember()
    alice.guess(guessed, FREE_FAILURES, device)
    for kind in ("code", "recovery"):
        with pytest.raises(FactorUnproven, match=r"[Tt]oo many"):
            alice.show(kind, device)
    assert alice.show("code") == 0
    alice.desk.clock.tick(LOCK)
    assert alice.show("recovery", device) == FREE_FAILURES
    assert alice.show("code", device) == 0


def test_a_30_anothers_device_and_what_is_none_count_as_elsewhere(
    alice: Owner, store: Store, clock: ManualClock
) -> None:
    bobs = make(store, clock, "bob").remember()
    for device in (bobs, "nonsense", "\u00e9"):
        alice.guess("code", FREE_FAILURES // 2, device)
    with pytest.raises(FactorUnproven, match="too many"):
        alice.show("code")


def test_while_a_known_devices_codes_are_locked_no_device_is_enabled(alice: Owner) -> None:
    alice.guess("code", FREE_FAILURES, alice.remember())
    with pytest.raises(TemporarilyUnmodifiable):
        alice.desk.change(lambda tx: require_unlocked(tx, alice.user.unique_id))


def test_an_administrator_opens_the_codes_of_all_devices(alice: Owner) -> None:
    device = alice.remember()
    for where in (None, device):
        alice.guess("code", FREE_FAILURES, where)
    alice.desk.change(lambda tx: unlock(tx, user=alice.user))
    assert [alice.show("code", where) for where in (None, device)] == [0, 0]


def test_the_counts_go_with_the_devices_and_with_the_owner(alice: Owner) -> None:
    for _ in range(MOST_DEVICES + 5):
        alice.desk.clock.tick(timedelta(seconds=1))
        alice.guess("code", 1, alice.remember())
    assert alice.count_rows() == 1 + MOST_DEVICES
    devices = MfaDevices(ENTROPY, alice.desk.store.keyring)
    alice.desk.change(lambda tx: devices.deactivate(tx, owner=alice.user, serial_number=alice.serial_number))
    alice.desk.change(lambda tx: Users(ENTROPY).delete(tx, user=alice.user))
    assert alice.count_rows() == 0
