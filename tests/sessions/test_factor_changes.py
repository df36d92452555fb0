"""S-09, of second factors: what changes one ends its owner's sessions; the page that it is done on begins another."""

import asyncio
from collections.abc import Callable

import pytest

from sts.directory.mfa_devices import MfaDevices
from sts.errors import SignInNeeded
from sts.model import MfaDevice, Secret
from sts.store.database import Transaction
from tests.sessions.conftest import Desk

Change = Callable[[Transaction], None]


def make(desk: Desk) -> MfaDevice:
    devices = MfaDevices(desk.at.entropy, desk.at.keyring)
    work = lambda tx: devices.create(tx, account_id=desk.user.account_id, name="phone").device  # noqa: E731
    return desk.at.database.transact_now(work, desk.clock.now())[0]


def find_change(desk: Desk, device: MfaDevice, verb: str) -> Change:
    devices = MfaDevices(desk.at.entropy, desk.at.keyring)
    if verb == "enable":
        return lambda tx: devices.enable(tx, owner=desk.user, device=device, step=1)
    work = lambda tx: devices.enable(tx, owner=desk.user, device=device, step=1)  # noqa: E731
    desk.at.database.transact_now(work, desk.clock.now())
    return lambda tx: devices.deactivate(tx, owner=desk.user, serial_number=device.serial_number)


@pytest.mark.parametrize("verb", ["enable", "deactivate"])
def test_s_09_a_change_of_a_factor_ends_all_sessions_but_the_one_that_follows_its_own(desk: Desk, verb: str) -> None:
    change = find_change(desk, make(desk), verb)

    async def is_open(value: Secret) -> bool:
        try:
            await desk.sessions.open(value)
        except SignInNeeded:
            return False
        return True

    async def run() -> None:
        own, other = await desk.sign_in(), await desk.sign_in()
        opened = await desk.sessions.open(own)
        successor = desk.sessions.prepare_successor(opened)
        await desk.at.database.transact(
            lambda tx: desk.sessions.succeed(tx, opened, successor, change), desk.clock.now()
        )
        assert [await is_open(value) for value in (own, other, successor.value)] == [False, False, True]

    asyncio.run(run())
