"""Sign-ins under way are kept in the cache, and nothing in it is trusted."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sts.cache import MemoryCache
from sts.errors import FlowEnded
from sts.sessions import Flow
from tests.sessions.conftest import Desk


def _held(desk: Desk) -> dict[str, bytes]:
    cache = desk.flows.cache
    assert isinstance(cache, MemoryCache)
    return {key: value for key, (_, value) in cache._values.items()}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    return replace(desk, flows=replace(desk.flows, cache=MemoryCache(desk.clock)))


def test_s_02_of_two_who_take_one_flow_one_has_it(desk: Desk) -> None:
    async def race() -> Sequence[Flow | BaseException]:
        value = await desk.flows.begin(desk.flow())
        return await asyncio.gather(desk.flows.take(value), desk.flows.take(value), return_exceptions=True)

    had = asyncio.run(race())
    assert sorted(isinstance(each, FlowEnded) for each in had) == [False, True]
    assert desk.flow() in had


def test_a_flow_ends_by_its_time(desk: Desk) -> None:
    async def wait() -> None:
        value = await desk.flows.begin(desk.flow())
        desk.clock.tick(timedelta(minutes=9, seconds=59))
        assert await desk.flows.get(value) is not None
        desk.clock.tick(timedelta(seconds=1))
        with pytest.raises(FlowEnded):
            await desk.flows.get(value)

    asyncio.run(wait())


def test_a_32_the_cache_does_not_hold_what_the_cookie_holds(desk: Desk) -> None:
    value = asyncio.run(desk.flows.begin(desk.flow()))
    ((key, kept),) = _held(desk).items()
    assert value not in key
    assert value.encode() not in kept


def test_a_25_what_somebody_wrote_into_the_cache_proves_nothing(desk: Desk) -> None:
    async def forge() -> None:
        first, second = await desk.flows.begin(desk.flow()), await desk.flows.begin(desk.flow(with_factor=True))
        (one, _), (_, further) = _held(desk).items()
        await desk.flows.cache.put(one, further, timedelta(minutes=1))
        with pytest.raises(FlowEnded):
            await desk.flows.get(first)
        assert (await desk.flows.get(second)).factor_at is not None

    asyncio.run(forge())


def test_a_25_a_flow_ends_half_an_hour_after_its_password_however_often_it_goes_on(desk: Desk) -> None:
    async def go_on() -> None:
        flow = desk.flow()
        for _ in range(3):
            desk.clock.tick(timedelta(minutes=9))
            value = await desk.flows.begin(flow)
            assert await desk.flows.take(value) == flow
        desk.clock.tick(timedelta(minutes=2, seconds=59))
        value = await desk.flows.begin(flow)
        assert await desk.flows.get(value) == flow
        desk.clock.tick(timedelta(seconds=1))
        with pytest.raises(FlowEnded):
            await desk.flows.take(value)

    asyncio.run(go_on())
