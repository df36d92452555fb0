"""Prove a second factor: a code of a virtual MFA device (RFC 6238), wherever one is shown.

Only the service's clock counts, and what ResyncMFADevice has learnt of the device's. Each step of a device is used
once, over every path and process: it is used up in the store, with all before it, before its code counts for anything,
and stays so when the request is refused after all, the service restarts or the clock is set back.

Wrong codes count against the principal, whichever of its devices they are for: from the tenth in a row on each locks
all its codes for fifteen minutes, so that whoever guesses has one guess in that time. Only a right code ends the count.
Those that are entered where the principal is known to sign in from count apart (`devices`): there it gets in meanwhile.

Whoever has many people's passwords or keys tries a few codes of each: no count of one principal tells of that. So they
count by the address that they come from too, together with wrong passwords (`addresses`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from sts.authn.addresses import AddressCounts
from sts.authn.devices import find_known_device
from sts.authn.line import Line
from sts.clock import Clock
from sts.crypto import totp
from sts.errors import CodeInvalid, FactorUnproven, TemporarilyUnmodifiable
from sts.keyring.keyring import Keyring
from sts.model import Caller, MfaDevice
from sts.store import code_failures, mfa_devices
from sts.store.database import Database, Transaction
from sts.store.password_failures import ELSEWHERE

FREE_FAILURES = 10  # in a row
LOCK = timedelta(minutes=15)
REACH = 20  # steps to either side of ours, ten minutes, within which a device's clock is looked for
_HALF = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
_STRANGE = (
    "MultiFactorAuthentication failed, unable to validate MFA code. "
    "Please verify your MFA serial number is valid and associated with this user."
)
_WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code."
_LOCKED = "MultiFactorAuthentication failed, too many invalid MFA one time pass codes. Try again later."
_PAIR = "Authentication code for device is not valid."

Use: TypeAlias = Callable[[Transaction], "FactorUnproven | int"]


@dataclass(frozen=True, slots=True)
class FactorProven:
    """When a second factor was proven, and how many wrong codes came before the right one in a row."""

    at: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class CodeProof:
    """Verifies codes, and uses them up."""

    database: Database
    keyring: Keyring
    clock: Clock
    addresses: AddressCounts
    line: Line = field(default_factory=Line)

    async def prove(self, caller: Caller, serial_number: str | None, code: str | None, address: str) -> datetime | None:
        """Return the instant at which *caller* proved to hold the device by its *code*; None when neither is given.

        *address* is where the request comes from. Raises FactorUnproven, also when only one is given, Throttled, and
        Unavailable: without the store no code is taken.
        """
        if serial_number is None and code is None:
            return None
        if serial_number is None or code is None:
            raise FactorUnproven(_HALF)
        return (await self.use_up(caller.unique_id, address, partial(self._use, caller, serial_number, code))).at

    async def prove_any(self, owner_id: str, code: str, address: str, device: str | None = None) -> FactorProven:
        """Return when the owner proved to hold one of its devices by *code*, whichever it is of.

        However many devices there are, it counts as one attempt, which *device* comes from: the value that a
        known one keeps. Raises FactorUnproven, Throttled, and Unavailable.
        """
        return await self.use_up(owner_id, address, partial(self._use_any, owner_id, code, device))

    async def use_up(self, owner_id: str, address: str, use: Use) -> FactorProven:
        """Return when *use* used up a code of the owner's of whatever kind, shown from *address*.

        *use* returns how many were wrong before, or the refusal that is raised when what it counted is kept. Raises
        Throttled too, for who has shown too many.
        """
        counted = await self.addresses.count(address)
        async with self.line.turn(owner_id):
            now = self.clock.now()
            used, _ = await self.database.transact(use, now)
        if isinstance(used, FactorUnproven):
            raise used
        await self.addresses.take_back(counted)
        return FactorProven(now, used)

    def find_pair(self, device: MfaDevice, first: str, second: str, now: datetime) -> int:
        """Return the step of *second* when *first* is the code before it: about ours, else where its clock was last.

        Raises CodeInvalid, also when either was used. Nothing is used up.
        """
        seed = self._open(device)
        around = (totp.step_at(now), _step_of(device, now))
        found = (totp.find_pair(seed, first, second, each) for each in around)
        return _require_unused(device, next((step for step in found if step is not None), None))

    def resync(self, tx: Transaction, device: MfaDevice, owner_id: str, first: str, second: str) -> CodeInvalid | None:
        """Learn from two codes how far the device's clock is from ours, and use them up.

        Returns a refusal rather than to raise it: what was counted is to be kept.
        """
        if not count_attempt(tx, owner_id):
            return CodeInvalid(_PAIR, detail="the codes are locked")
        try:
            step = _require_unused(device, find_step_of_pair(self._open(device), first, second, tx.now, REACH))
        except CodeInvalid as refusal:
            return refusal
        drift = step - totp.step_at(tx.now)
        if not mfa_devices.burn_step(tx.connection, device.serial_number, step, drift):
            return CodeInvalid(_PAIR, detail="a code was used")
        code_failures.reset_count(tx.connection, owner_id)
        return None

    def _use(self, caller: Caller, serial_number: str, code: str, tx: Transaction) -> FactorUnproven | int:
        """Use up the step of *code* and return how many were wrong before, or why not.

        What was counted is to be kept, so nothing is raised.
        """
        tx.begin_change()
        device = mfa_devices.find_device(tx.connection, serial_number)
        if device is None or device.owner_id != caller.unique_id:
            return FactorUnproven(_STRANGE, detail="the device is not enabled for the caller")
        return self._look(tx, caller.unique_id, (device,), code)

    def _use_any(self, owner_id: str, code: str, device: str | None, tx: Transaction) -> FactorUnproven | int:
        tx.begin_change()
        device_id = find_known_device(self.keyring, tx, device, owner_id)
        return self._look(tx, owner_id, mfa_devices.list_owned(tx.connection, owner_id), code, device_id)

    def _look(
        self, tx: Transaction, owner_id: str, devices: Sequence[MfaDevice], code: str, device_id: str = ELSEWHERE
    ) -> FactorUnproven | int:
        """Count an attempt, and use up the step of *code* on the first of *devices* that shows it.

        *device_id* is that of the known device which it comes from.
        """
        if not count_attempt(tx, owner_id, device_id):
            return FactorUnproven(_LOCKED, detail="the codes are locked")
        steps = [(device, totp.find_step(self._open(device), code, _step_of(device, tx.now))) for device in devices]
        matching = [(device.serial_number, step) for device, step in steps if step is not None]
        if not matching:
            return FactorUnproven(_WRONG, detail="the code is wrong")
        if not any(mfa_devices.burn_step(tx.connection, serial_number, step) for serial_number, step in matching):
            # No guess: two who share a device, or one who is impatient, lock nobody out.
            code_failures.take_back_attempt(tx.connection, owner_id, device_id)
            return FactorUnproven(_WRONG, detail="the code was used")
        return code_failures.reset_count(tx.connection, owner_id, device_id) - 1

    def _open(self, device: MfaDevice) -> bytes:
        return self.keyring.open_sealed(device.sealed_seed, device.serial_number.encode())


def count_attempt(tx: Transaction, owner_id: str, device_id: str = ELSEWHERE) -> bool:
    """Count an attempt at a code of any kind as wrong, and say whether it may be looked at."""
    return code_failures.count_attempt(
        tx.connection, owner_id, tx.now, free=FREE_FAILURES, lock=LOCK, device_id=device_id
    )


def find_step_of_pair(seed: bytes, first: str, second: str, now: datetime, reach: int = 1) -> int:
    """Return the step of *second*, at most *reach* from ours, when *first* is before it; raises CodeInvalid."""
    step = totp.find_pair(seed, first, second, totp.step_at(now), reach)
    if step is None:
        raise CodeInvalid(_PAIR)
    return step


def _require_unused(device: MfaDevice, step: int | None) -> int:
    if step is None:
        raise CodeInvalid(_PAIR)
    if step - 1 <= device.last_step:
        raise CodeInvalid(_PAIR, detail="a code was used")
    return step


def _step_of(device: MfaDevice, now: datetime) -> int:
    """Return the step that the clock of *device* is at, as far as is known."""
    return totp.step_at(now) + device.drift


def require_unlocked(tx: Transaction, owner_id: str) -> None:
    """Raise TemporarilyUnmodifiable while the owner's codes are locked."""
    locked_until = code_failures.find_locked_until(tx.connection, owner_id)
    if locked_until is not None and locked_until > tx.now:
        raise TemporarilyUnmodifiable(
            f"Too many invalid authentication codes: no device can be enabled before {locked_until:%Y-%m-%dT%H:%M:%SZ}"
        )
