"""S-09, of second factors: what changes one ends the sessions of its owner, but for the one that it was done in."""

import asyncio
from collections.abc import Callable

import pytest

from sts.directory.mfa_devices import MfaDevices
from sts.errors import SignInNeeded
from sts.model import MfaDevice, Secret
from sts.store.database import Transaction
from tests.sessions.conftest import Desk

Change = Callable[[Transaction, str], None]


def make(desk: Desk) -> MfaDevice:
    devices = MfaDevices(desk.at.entropy, desk.at.keyring)
    work = lambda tx: devices.create(tx, account_id=desk.user.account_id, name="phone").device  # noqa: E731
    return desk.at.database.transact_now(work, desk.clock.now())[0]


def find_change(desk: Desk, device: MfaDevice, verb: str) -> Change:
    devices = MfaDevices(desk.at.entropy, desk.at.keyring)
    if verb == "enable":
        return lambda tx, spared: devices.enable(tx, owner=desk.user, device=device, step=1, spared=spared)
    work = lambda tx: devices.enable(tx, owner=desk.user, device=device, step=1)  # noqa: E731
    desk.at.database.transact_now(work, desk.clock.now())
    return lambda tx, spared: devices.deactivate(tx, owner=desk.user, serial_number=device.serial_number, spared=spared)


@pytest.mark.parametrize("verb", ["enable", "deactivate"])
def test_s_09_a_change_of_a_factor_ends_other_sessions(desk: Desk, verb: str) -> None:
    change = find_change(desk, make(desk), verb)

    async def is_open(value: Secret) -> bool:
        try:
            await desk.sessions.open(value)
        except SignInNeeded:
            return False
        return True

    async def run() -> None:
        own, other = await desk.sign_in(), await desk.sign_in()
        spared = (await desk.sessions.open(own)).session.session_id
        await desk.at.database.transact(lambda tx: change(tx, spared), desk.clock.now())
        assert [await is_open(own), await is_open(other)] == [True, False]

    asyncio.run(run())
