"""A session begins, and is renewed, only while what its sign-in stands on is as it was."""

import asyncio
from collections.abc import Callable

import pytest

from sts.directory import revocations
from sts.directory.mfa_devices import MfaDevices
from sts.errors import FlowEnded
from sts.sessions import end_everywhere
from sts.store.browser_sessions import list_open
from sts.store.database import Transaction
from tests.sessions.conftest import Desk

End = Callable[[Desk, Transaction], object]


def _disable_and_enable(desk: Desk, tx: Transaction) -> None:
    revocations.disable(tx, principal=desk.user)
    revocations.enable(tx, principal=desk.user)


def _enrol(desk: Desk, tx: Transaction) -> None:
    devices = MfaDevices(desk.at.entropy, desk.at.keyring)
    devices.enrol(tx, owner=desk.user, name="phone", seed=desk.at.entropy.totp_seed(), step=1)


ENDS: list[End] = [
    lambda desk, tx: end_everywhere(tx, desk.user.unique_id),
    lambda desk, tx: revocations.revoke_principal(tx, principal=desk.user),
    _disable_and_enable,
    _enrol,
]


def _change(desk: Desk, end: End) -> None:
    desk.at.database.transact_now(lambda tx: end(desk, tx), desk.clock.now())


@pytest.mark.parametrize("end", ENDS)
def test_s_08_what_is_ended_before_a_session_begins_lets_none_begin(desk: Desk, end: End) -> None:
    async def begin() -> None:
        flow = desk.flow()
        _change(desk, end)  # before the session is prepared: it would begin behind what is known to be revoked
        beginning = await desk.sessions.prepare(flow, "192.0.2.1", "a browser")
        with pytest.raises(FlowEnded):
            await desk.at.database.transact(lambda tx: desk.sessions.begin(tx, beginning), desk.clock.now())
        assert await desk.sign_in()  # by a sign-in of now

    asyncio.run(begin())
    found = desk.at.database.read_now(lambda c: list_open(c, desk.user.unique_id, desk.clock.now()))
    assert len(found) == 1


@pytest.mark.parametrize("end", [ENDS[0], _enrol])
def test_s_09_what_is_ended_before_a_session_is_renewed_lets_it_not_be_renewed(desk: Desk, end: End) -> None:
    async def renew() -> None:
        await desk.sign_in()
        flow, opened = desk.flow(with_factor=True), await desk.sessions.open(await desk.sign_in())
        renewed = desk.sessions.prepare_renewal(opened, flow)
        _change(desk, end)
        with pytest.raises(FlowEnded):
            await desk.at.database.transact(lambda tx: desk.sessions.renew(tx, opened, renewed, flow), desk.clock.now())

    asyncio.run(renew())


def test_s_08_each_ending_ends_what_began_since_the_last_at_the_same_instant_too(desk: Desk) -> None:
    marks = set()
    for _ in range(3):
        _change(desk, ENDS[0])
        marks.add(desk.flow().mark)
    assert len(marks) == 3
