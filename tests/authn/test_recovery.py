"""A recovery code proves once, for its owner alone, and cannot be guessed; on both stores."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, text

from sts.authn.codes import FREE_FAILURES, LOCK, CodeProof
from sts.authn.recovery import RecoveryProof
from sts.clock import ManualClock
from sts.directory.mfa_devices import MfaDevices
from sts.directory.recovery_codes import CODES, RecoveryCodes
from sts.directory.users import Users
from sts.errors import FactorUnproven, Throttled, Unavailable
from sts.keyring.rotation import Purpose
from sts.model import Secret, User
from sts.store import recovery_codes, tables
from sts.store.code_failures import find_locked_until
from tests.authn.signing_in import ADDRESS, open_codes
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, Store

_T = TypeVar("_T")
STRANGE = "0000-0000-0000-0000"


@dataclass
class Bench:
    """A store, the service's clock, and the proof between them."""

    store: Store
    clock: ManualClock
    codes: CodeProof = field(init=False)

    def __post_init__(self) -> None:
        self.codes = open_codes(self.store, self.clock)

    def proof(self) -> RecoveryProof:
        return RecoveryProof(self.store.keyring, self.codes)

    def replace(self, owner: User) -> tuple[Secret, ...]:
        codes = RecoveryCodes(ENTROPY, self.store.keyring)
        return self.store.change(lambda tx: codes.replace(tx, owner=owner))

    def prove(self, owner: User, code: str) -> datetime:
        return self.run(self.proof().prove(owner.unique_id, code, ADDRESS)).at

    def refuse(self, owner: User, code: str) -> FactorUnproven:
        with pytest.raises(FactorUnproven) as refused:
            self.prove(owner, code)
        return refused.value

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run(work) if self.store.runner is None else self.store.runner.run(work)

    def left(self, owner: User) -> int:
        return len(self.store.read(lambda c: recovery_codes.list_stamps(c, owner.unique_id)))


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store, ManualClock(NOW))


@pytest.fixture
def alice(store: Store) -> User:
    return user(store)


def test_a_33_there_are_ten_codes_and_each_proves_once(bench: Bench, alice: User) -> None:
    codes = bench.replace(alice)
    assert len(set(codes)) == CODES == 10
    for spent, code in enumerate(codes, 1):
        assert bench.prove(alice, code.lower()) == NOW
        assert bench.refuse(alice, code).detail == "the recovery code is wrong or was used"
        assert bench.left(alice) == CODES - spent


def test_a_33_of_those_who_show_a_code_at_once_one_proves(bench: Bench, alice: User) -> None:
    code = bench.replace(alice)[0]

    async def attempt(proof: RecoveryProof) -> bool:
        try:
            await proof.prove(alice.unique_id, code, ADDRESS)
        except FactorUnproven:
            return False
        return True

    async def rush() -> int:
        proofs = [RecoveryProof(bench.store.keyring, open_codes(bench.store, bench.clock)) for _ in range(9)]
        return sum(await asyncio.gather(*map(attempt, proofs)))

    assert bench.run(rush()) == 1


def test_a_code_is_its_owners_alone(bench: Bench, alice: User) -> None:
    bob = user(bench.store, "bob")
    hers, _ = bench.replace(alice), bench.replace(bob)
    bench.refuse(bob, hers[0])
    assert bench.prove(alice, hers[0]) == NOW


def test_new_codes_end_those_before(bench: Bench, alice: User) -> None:
    before, after = bench.replace(alice), bench.replace(alice)
    bench.refuse(alice, before[0])
    assert bench.left(alice) == CODES
    bench.prove(alice, after[0])


def test_a_33_guesses_are_limited_together_with_those_of_devices(bench: Bench, alice: User) -> None:
    right = bench.replace(alice)
    for _ in range(FREE_FAILURES):
        bench.refuse(alice, STRANGE)
    assert bench.refuse(alice, right[0]).detail == "the codes are locked, or the owner never had any"
    assert bench.store.read(lambda c: find_locked_until(c, alice.unique_id)) == NOW + LOCK
    bench.clock.tick(LOCK)
    bench.prove(alice, right[0])
    for _ in range(FREE_FAILURES - 1):
        bench.refuse(alice, STRANGE)
    bench.prove(alice, right[1])


@pytest.mark.parametrize("typed", ["", "123456", "\0" * 16, "\ud800" * 16, "0" * 10**6])
def test_what_is_no_code_is_refused_and_locks_nobody_out(bench: Bench, alice: User, typed: str) -> None:
    code = bench.replace(alice)[0]
    for _ in range(FREE_FAILURES + 1):
        bench.refuse(alice, typed)
    assert bench.prove(alice, code) == NOW


def test_who_never_had_codes_is_refused(bench: Bench, alice: User) -> None:
    bench.refuse(alice, STRANGE)


def test_few_codes_of_one_owner_wait(bench: Bench, alice: User) -> None:
    bench.replace(alice)

    async def rush() -> list[object]:
        proof = bench.proof()
        tries = (proof.prove(alice.unique_id, STRANGE, ADDRESS) for _ in range(40))
        return list(await asyncio.gather(*tries, return_exceptions=True))

    ended = bench.run(rush())
    assert sum(isinstance(each, Throttled) for each in ended) == 8
    assert all(isinstance(each, FactorUnproven | Throttled) for each in ended)


def test_a_code_outlives_rotations_of_the_pepper(bench: Bench, alice: User) -> None:
    before = bench.replace(alice)
    bench.store.keyring.rotate(Purpose.PEPPER, emergency=True)
    bench.clock.tick(timedelta(days=400))
    bench.prove(alice, before[0])


def test_a_33_codes_are_kept_as_macs_and_show_themselves_nowhere(bench: Bench, alice: User) -> None:
    codes = bench.replace(alice)
    rows = bench.store.read(lambda c: c.execute(select(tables.recovery_code)).all())
    plain = codes[0].replace("-", "")
    assert {len(row.stamp) for row in rows} == {36}
    assert all(plain.encode() not in row.stamp for row in rows)
    assert codes[0] not in repr(codes)


def enable(store: Store, owner: User, name: str) -> str:
    """Enable a new device; return its serial number."""
    devices = MfaDevices(ENTROPY, store.keyring)
    device = store.change(lambda tx: devices.create(tx, account_id=ACCOUNT_ID, name=name)).device
    store.change(lambda tx: devices.enable(tx, owner=owner, device=device, step=1))
    return device.serial_number


def deactivate(store: Store, owner: User, serial_number: str) -> None:
    devices = MfaDevices(ENTROPY, store.keyring)
    store.change(lambda tx: devices.deactivate(tx, owner=owner, serial_number=serial_number))


def test_a_34_codes_go_with_the_last_device_and_with_the_user(bench: Bench, alice: User) -> None:
    first, last = enable(bench.store, alice, "first"), enable(bench.store, alice, "last")
    bench.replace(alice)
    deactivate(bench.store, alice, first)
    assert bench.left(alice) == CODES
    deactivate(bench.store, alice, last)
    assert bench.left(alice) == 0
    bench.replace(alice)
    bench.store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    assert bench.left(alice) == 0


def rename(store: Store, name: str, to: str) -> None:
    store.change(lambda tx: tx.connection.execute(text(f"ALTER TABLE {name} RENAME TO {to}")))


def test_without_the_store_no_code_is_taken(bench: Bench, alice: User) -> None:
    code = bench.replace(alice)[0]
    rename(bench.store, "recovery_code", "gone")
    try:
        with pytest.raises(Unavailable):
            bench.prove(alice, code)
    finally:
        rename(bench.store, "gone", "recovery_code")
    assert bench.prove(alice, code) == NOW
