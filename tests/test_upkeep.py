import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from sts.app import build_accounts, build_sealing
from sts.audit.events import Outcome
from sts.audit.record import Entry
from sts.clock import ManualClock
from sts.directory.mfa_devices import MfaDevices
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.keyring.keyring import open_keyring
from sts.keyring.rotation import Purpose
from sts.settings import read_settings
from sts.store.revocations import Revocation, insert_revocation
from sts.upkeep import Upkeep
from tests.service import Service, Tenant, trust


@pytest.fixture
def at(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Foundation]:
    foundation = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    yield foundation
    foundation.database.close()


def upkeep(at: Foundation) -> Upkeep:
    return Upkeep(
        clock=at.clock,
        keyring=at.keyring,
        database=at.database,
        coherence=at.coherence,
        journal=at.journal,
        sums=at.sums,
        sealing=build_sealing(at),
    )


def keep_minute(at: Foundation, chores: Upkeep) -> None:
    """Do the chores of a minute, with the writer running."""

    async def keep() -> None:
        at.journal._wake, at.journal._closing = asyncio.Event(), False  # each call runs in an event loop of its own
        writer = asyncio.create_task(at.journal.write())
        await chores.keep_minute()
        at.journal.close()
        await writer

    asyncio.run(keep())


def refused(at: Foundation, address: str) -> Entry:
    return Entry(
        request_id=at.entropy.request_id(),
        at=at.clock.now(),
        address=address,
        user_agent="",
        outcome=Outcome.REFUSED,
        error="MissingAuthenticationToken",
    )


def column(at: Foundation, query: str) -> list[object]:
    return at.database.read_now(lambda connection: list(connection.execute(text(query)).scalars()))


def test_sums_are_recorded_once_a_minute(at: Foundation) -> None:
    at.sums.add(refused(at, "192.0.2.1"))
    keep_minute(at, upkeep(at))
    assert column(at, "SELECT event FROM audit_record") == ["request.refuse.refused"]


def test_sums_that_cannot_be_recorded_are_kept_for_the_next_minute(at: Foundation, home: Path) -> None:
    at.sums.add(refused(at, "192.0.2.1"))
    at.sums.add(refused(at, "192.0.2.1"))
    chores = upkeep(at)
    with closing(sqlite3.connect(home / "sts.db")) as file:
        file.execute("ALTER TABLE audit_record RENAME TO gone")
        keep_minute(at, chores)
        at.sums.add(refused(at, "192.0.2.1"))
        file.execute("ALTER TABLE gone RENAME TO audit_record")
    keep_minute(at, chores)
    assert column(at, "SELECT body ->> '$.parameters.count' FROM audit_record") == [3]


def test_a_rotated_sealing_key_seals_every_secret_anew(at: Foundation, clock: ManualClock) -> None:
    begun = at.database.transact_now(lambda tx: build_accounts(at).create(tx), clock.now())[0]
    devices = MfaDevices(at.entropy, at.keyring)
    account_id = begun.account.account_id
    device = at.database.transact_now(lambda tx: devices.create(tx, account_id=account_id, name="a"), clock.now())[0]
    chores = upkeep(at)
    keep_minute(at, chores)
    kept = "SELECT sealed_secret FROM access_key UNION ALL SELECT sealed_seed FROM mfa_device"
    before = column(at, kept)
    at.keyring.rotate(Purpose.SEALING)
    clock.tick(timedelta(minutes=6))
    keep_minute(at, chores)
    places = (begun.minted.key.access_key_id.encode(), device.device.serial_number.encode())
    opened = []
    for place, earlier, later in zip(places, before, column(at, kept), strict=True):
        assert later != earlier
        assert isinstance(later, bytes)
        assert at.keyring.find_resealed(later, place) is None
        opened.append(at.keyring.open_sealed(later, place))
    assert opened == [begun.minted.secret.encode(), base64.b32decode(device.seed)]


def test_a_secret_that_does_not_open_keeps_no_other_from_being_sealed_anew(at: Foundation, clock: ManualClock) -> None:
    for _ in range(2):
        at.database.transact_now(lambda tx: build_accounts(at).create(tx), clock.now())
    spoil = (
        "UPDATE access_key SET sealed_secret = x'00' WHERE access_key_id = (SELECT min(access_key_id) FROM access_key)"
    )
    at.database.transact_now(lambda tx: tx.connection.execute(text(spoil)), clock.now())
    at.keyring.rotate(Purpose.SEALING)
    clock.tick(timedelta(minutes=6))
    keep_minute(at, upkeep(at))
    spoilt, sealed = column(at, "SELECT sealed_secret FROM access_key ORDER BY access_key_id")
    assert spoilt == b"\0"
    assert isinstance(sealed, bytes)
    assert at.keyring.find_resealed(sealed, b"any") is None


def test_a_failing_chore_does_not_keep_the_others_from_being_done(at: Foundation, clock: ManualClock) -> None:
    ended = Revocation("AROAX", clock.now(), clock.now() + timedelta(hours=1))
    at.database.transact_now(lambda tx: insert_revocation(tx.connection, ended), clock.now())
    clock.tick(timedelta(hours=2))
    chores = upkeep(at)
    at.keyring._folder = Path("/nowhere")
    keep_minute(at, chores)
    assert column(at, "SELECT subject FROM revocation") == []


def test_what_cannot_be_written_is_tried_again_without_a_request(at: Foundation) -> None:
    at.journal.is_failing = True
    asyncio.run(at.journal.retry())
    assert not at.journal.is_failing


def test_a_session_ends_at_once_when_its_signing_key_is_removed(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    policy = trust(f"arn:aws:iam::{tenant.account_id}:root")
    service.call(tenant.key, "CreateRole", RoleName="r", AssumeRolePolicyDocument=policy)
    session = service.assume(tenant.key, f"arn:aws:iam::{tenant.account_id}:role/r").key()
    assert service.call(session, "GetCallerIdentity", "sts").status == 200
    at = lay_foundation(service.settings, clock, service.entropy)
    at.keyring.rotate(Purpose.SIGNING, "ES256", emergency=True)
    clock.tick(timedelta(seconds=1))
    at.keyring.remove(Purpose.SIGNING, 1, "ES256")
    at.database.close()
    replies = (service.call(session, "GetCallerIdentity", "sts") for _ in range(300))
    refusal = next(reply for reply in replies if reply.status != 200)
    assert (refusal.status, refusal.code) == (403, "InvalidClientTokenId")


class Hung:
    """Coherence with a store that hangs: what is asked is never answered."""

    async def tend(self) -> None:
        await asyncio.get_running_loop().create_future()


def test_keys_are_followed_while_the_store_hangs(at: Foundation, home: Path) -> None:
    chores = replace(upkeep(at), coherence=cast("Any", Hung()))
    beside = open_keyring(home / "keys", at.clock, at.entropy, create=False)

    async def run() -> None:
        async with chores.run():
            known = len(at.keyring.keys())
            assert beside.rotate(Purpose.MARKER)
            async with asyncio.timeout(20):
                while len(at.keyring.keys()) == known:  # noqa: ASYNC110  nothing tells it
                    await asyncio.sleep(0.01)

    asyncio.run(run())
