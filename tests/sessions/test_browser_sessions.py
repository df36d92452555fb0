"""Sessions of browsers, at the clock and the store."""

import asyncio
import math
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select

from sts.directory import revocations
from sts.errors import SignInNeeded
from sts.limits import SessionLimits
from sts.model import Secret
from sts.sessions import end_session, end_sessions
from sts.store.tables import browser_session
from sts.upkeep import Upkeep
from tests.sessions.conftest import Desk


def test_s_01_a_session_is_told_by_384_random_bits(desk: Desk) -> None:
    session_ids = [desk.at.entropy.nonce() for _ in range(5_000)]
    values = [desk.sessions._make_value(session_id)[0] for session_id in session_ids]
    assert len(set(values)) == len(values)
    counts = Counter("".join(value[22:64] for value in values))  # the last character holds four bits only
    entropy = -sum(count / counts.total() * math.log2(count / counts.total()) for count in counts.values())
    assert entropy > 5.99  # of six bits a character
    assert not any(desk.user.unique_id in value or desk.user.name in value for value in values)


def test_s_02_a_renewed_session_has_a_new_value_and_the_old_one_is_dead(desk: Desk) -> None:
    async def renew() -> None:
        value = await desk.sign_in()
        renewed = await desk.renew(value)
        assert renewed.value != value
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(value)
        opened = await desk.sessions.open(renewed.value)
        assert opened.session.methods == ("pwd", "otp", "mfa")

    asyncio.run(renew())


def test_s_02_of_two_who_renew_one_session_one_does(desk: Desk) -> None:
    async def renew_twice() -> None:
        value = await desk.sign_in()
        opened = await desk.sessions.open(value)
        flow = desk.flow()
        first, second = (desk.sessions.prepare_renewal(opened, flow) for _ in range(2))
        await desk.at.database.transact(lambda tx: desk.sessions.renew(tx, opened, first, flow), desk.clock.now())
        with pytest.raises(SignInNeeded):
            await desk.at.database.transact(lambda tx: desk.sessions.renew(tx, opened, second, flow), desk.clock.now())

    asyncio.run(renew_twice())


def test_s_03_a_tampered_value_opens_nothing(desk: Desk) -> None:
    async def tamper() -> None:
        value = await desk.sign_in()
        for place in range(0, len(value), 5):
            other = "A" if value[place] != "A" else "B"
            with pytest.raises(SignInNeeded):
                await desk.sessions.open(value[:place] + other + value[place + 1 :])
        for wrong in ("", value[:-1], value + "A", "é" * 65, value[:22] + "A" * 43):
            with pytest.raises(SignInNeeded):
                await desk.sessions.open(wrong)
        assert (await desk.sessions.open(value)).caller.unique_id == desk.user.unique_id

    asyncio.run(tamper())


def test_s_03_one_session_is_not_opened_by_the_secret_of_another(desk: Desk) -> None:
    async def mix() -> None:
        first, second = await desk.sign_in(), await desk.sign_in()
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(first[:22] + second[22:])

    asyncio.run(mix())


def test_s_05_a_session_ends_an_hour_after_its_last_use(desk: Desk) -> None:
    async def idle() -> None:
        used, idle = await desk.sign_in(), await desk.sign_in()
        desk.clock.tick(timedelta(minutes=59))
        await desk.sessions.open(used)
        desk.clock.tick(timedelta(minutes=2))
        await desk.sessions.open(used)
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(idle)

    asyncio.run(idle())


def test_s_06_a_session_ends_twelve_hours_after_it_began_whatever_is_done(desk: Desk) -> None:
    async def use() -> None:
        value = await desk.sign_in()
        for _ in range(23):
            desk.clock.tick(timedelta(minutes=30))
            await desk.sessions.open(value)
        value = (await desk.renew(value)).value
        desk.clock.tick(timedelta(minutes=30))
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(value)

    asyncio.run(use())


def test_s_04_a_session_that_was_ended_is_refused_by_every_process_at_once(desk: Desk) -> None:
    async def end() -> None:
        value = await desk.sign_in()
        session = (await desk.other_process().open(value)).session
        await desk.at.database.transact(lambda tx: end_session(tx, session), desk.clock.now())
        for sessions in (desk.sessions, desk.other_process()):
            with pytest.raises(SignInNeeded):
                await sessions.open(value)

    asyncio.run(end())


def test_s_04_an_ended_session_is_not_renewed_and_lends_nothing(desk: Desk) -> None:
    async def end() -> None:
        opened = await desk.sessions.open(await desk.sign_in())
        flow = desk.flow()
        renewed = desk.sessions.prepare_renewal(opened, flow)
        await desk.at.database.transact(lambda tx: end_session(tx, opened.session), desk.clock.now())
        with pytest.raises(SignInNeeded):
            await desk.at.database.transact(lambda tx: desk.sessions.renew(tx, opened, renewed, flow), desk.clock.now())
        with pytest.raises(SignInNeeded):
            await desk.at.database.transact(lambda tx: desk.sessions.lend(tx, opened), desk.clock.now())

    asyncio.run(end())


def test_s_08_a_disabled_user_loses_all_sessions_and_gets_none_back(desk: Desk) -> None:
    async def disable() -> None:
        value = await desk.sign_in()
        _, committed = await desk.at.database.transact(
            lambda tx: revocations.disable(tx, principal=desk.user), desk.clock.now()
        )
        desk.at.snapshot.apply(committed)
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(value)
        with pytest.raises(SignInNeeded):
            await desk.sign_in()
        _, committed = await desk.at.database.transact(
            lambda tx: revocations.enable(tx, principal=desk.user), desk.clock.now()
        )
        desk.at.snapshot.apply(committed)
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(value)
        await desk.sessions.open(await desk.sign_in())

    asyncio.run(disable())


def test_s_08_what_was_begun_from_a_session_ends_with_it(desk: Desk) -> None:
    async def end() -> bool:
        opened = await desk.sessions.open(await desk.sign_in())
        await desk.at.database.transact(lambda tx: desk.sessions.lend(tx, opened), desk.clock.now())
        _, committed = await desk.at.database.transact(lambda tx: end_session(tx, opened.session), desk.clock.now())
        desk.at.snapshot.apply(committed)
        assert opened.caller.session is not None
        (hop,) = opened.caller.session.chain
        revoked = await desk.at.snapshot.find_revoked()
        return revoked.concerns(f"{desk.user.account_id}/{hop.jti}", hop.at)

    assert asyncio.run(end())


def test_s_09_all_other_sessions_end_at_once(desk: Desk) -> None:
    async def end() -> None:
        own, others = await desk.sign_in(), [await desk.sign_in() for _ in range(3)]
        opened = await desk.sessions.open(own)
        successor = desk.sessions.prepare_successor(opened)
        ended, _ = await desk.at.database.transact(
            lambda tx: desk.sessions.succeed(tx, opened, successor, lambda tx: end_sessions(tx, desk.user.unique_id)),
            desk.clock.now(),
        )
        assert ended == len(others)
        assert (await desk.sessions.open(successor.value)).session == successor.session
        for other in (own, *others):
            with pytest.raises(SignInNeeded):
                await desk.sessions.open(other)

    asyncio.run(end())


def test_s_09_a_session_that_was_ended_meanwhile_has_no_successor(desk: Desk) -> None:
    async def end() -> None:
        opened = await desk.sessions.open(await desk.sign_in())
        successor = desk.sessions.prepare_successor(opened)
        await desk.at.database.transact(lambda tx: end_sessions(tx, desk.user.unique_id), desk.clock.now())
        with pytest.raises(SignInNeeded):
            await desk.at.database.transact(
                lambda tx: desk.sessions.succeed(tx, opened, successor, bool), desk.clock.now()
            )
        with pytest.raises(SignInNeeded):
            await desk.sessions.open(successor.value)

    asyncio.run(end())


def test_s_08_what_an_expired_session_lent_ends_with_all_sessions(desk: Desk) -> None:
    async def end() -> tuple[int, bool]:
        opened = await desk.sessions.open(await desk.sign_in())
        await desk.at.database.transact(lambda tx: desk.sessions.lend(tx, opened), desk.clock.now())
        desk.clock.tick(timedelta(hours=12))  # a role's credentials of the last minute go on for as long
        ended, committed = await desk.at.database.transact(
            lambda tx: end_sessions(tx, desk.user.unique_id), desk.clock.now()
        )
        desk.at.snapshot.apply(committed)
        revoked = await desk.at.snapshot.find_revoked()
        return ended, revoked.concerns(f"{desk.user.account_id}/{opened.session.session_id}", opened.session.begun_at)

    assert asyncio.run(end()) == (0, True)


def test_s_10_the_sessions_that_are_listed_are_those_that_open(desk: Desk) -> None:
    def is_listed(value: Secret) -> bool:
        listed = desk.at.database.read_now(lambda connection: desk.sessions.list_live(connection, desk.user.unique_id))
        return value[:22] in {each.session_id for each in listed}

    async def walk() -> None:
        idle, revoked = await desk.sign_in(), await desk.sign_in()
        assert is_listed(idle)
        session_id = (await desk.sessions.open(revoked)).session.session_id
        await desk.at.database.transact(
            lambda tx: revocations.revoke_session(tx, account_id=desk.user.account_id, jti=session_id), desk.clock.now()
        )
        assert [is_listed(idle), is_listed(revoked)] == [True, False]
        desk.clock.tick(timedelta(hours=1))
        used = await desk.sign_in()
        assert [is_listed(idle), is_listed(used)] == [False, True]
        await desk.at.database.transact(
            lambda tx: revocations.revoke_principal(tx, principal=desk.user), desk.clock.now()
        )
        assert not is_listed(used)

    asyncio.run(walk())


def test_s_12_a_proof_is_recent_for_a_quarter_of_an_hour(desk: Desk) -> None:
    async def wait() -> None:
        value = await desk.sign_in()
        desk.clock.tick(timedelta(minutes=14, seconds=59))
        assert desk.sessions.is_recent(await desk.sessions.open(value))
        desk.clock.tick(timedelta(seconds=1))
        assert not desk.sessions.is_recent(await desk.sessions.open(value))
        assert desk.sessions.is_recent(await desk.renew(value))

    asyncio.run(wait())


def test_s_18_with_one_session_more_than_may_be_the_first_ends(desk: Desk) -> None:
    few = replace(desk, sessions=replace(desk.sessions, limits=SessionLimits(most=2)))

    async def sign_in() -> None:
        values = [await few.sign_in() for _ in range(3)]
        with pytest.raises(SignInNeeded):
            await few.sessions.open(values[0])
        for value in values[1:]:
            await few.sessions.open(value)

    asyncio.run(sign_in())


def test_s_23_a_caller_has_the_factor_that_was_shown(desk: Desk) -> None:
    async def sign_in() -> None:
        plain = (await desk.sessions.open(await desk.sign_in())).caller.session
        strong = (await desk.sessions.open(await desk.sign_in(with_factor=True))).caller.session
        assert plain is not None
        assert plain.authenticated_at is None
        assert strong is not None
        assert strong.authenticated_at == desk.clock.now()

    asyncio.run(sign_in())


def test_a_32_the_store_holds_no_value_of_a_cookie(desk: Desk) -> None:
    value = asyncio.run(desk.sign_in())
    kept = _list_kept(desk)
    assert len(kept) == 1
    assert value[22:] not in repr(kept)
    assert value[22:].encode() not in kept[0].stamp


def test_sessions_are_forgotten_when_nobody_asks_for_them_any_more(desk: Desk) -> None:
    asyncio.run(desk.sign_in())
    desk.clock.tick(timedelta(days=30, hours=12))
    asyncio.run(_keep_minute(desk))
    assert _list_kept(desk) == []


def _list_kept(desk: Desk) -> list[Row[Any]]:
    """Return whatever the store holds of the user's sessions, ended or not."""
    of_user = select(browser_session).where(browser_session.c.principal_id == desk.user.unique_id)
    return desk.at.database.read_now(lambda connection: list(connection.execute(of_user)))


async def _keep_minute(desk: Desk) -> None:
    """Do the chores of a minute."""
    at = desk.at
    chores = Upkeep(
        clock=at.clock,
        keyring=at.keyring,
        database=at.database,
        coherence=at.coherence,
        journal=at.journal,
        sums=at.sums,
        sealing=(),
    )
    await chores.keep_minute()
