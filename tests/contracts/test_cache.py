import asyncio
from datetime import timedelta

import pytest

from sts.cache import Cache, MemoryCache
from sts.clock import ManualClock

SPAN = timedelta(minutes=5)


@pytest.fixture
def cache(clock: ManualClock) -> Cache:
    return MemoryCache(clock)


def test_what_was_put_is_got_until_its_span_ends(cache: Cache, clock: ManualClock) -> None:
    asyncio.run(cache.put("k", b"v", SPAN))
    assert asyncio.run(cache.get("k")) == b"v"
    clock.tick(SPAN - timedelta(seconds=1))
    assert asyncio.run(cache.get("k")) == b"v"
    clock.tick(timedelta(seconds=1))
    assert asyncio.run(cache.get("k")) is None


def test_putting_again_replaces_value_and_span(cache: Cache, clock: ManualClock) -> None:
    asyncio.run(cache.put("k", b"old", SPAN))
    clock.tick(timedelta(minutes=4))
    asyncio.run(cache.put("k", b"new", SPAN))
    clock.tick(timedelta(minutes=4))
    assert asyncio.run(cache.get("k")) == b"new"


def test_adding_is_done_once(cache: Cache, clock: ManualClock) -> None:
    assert asyncio.run(cache.add("k", b"first", SPAN))
    assert not asyncio.run(cache.add("k", b"second", SPAN))
    assert asyncio.run(cache.get("k")) == b"first"
    clock.tick(SPAN)
    assert asyncio.run(cache.add("k", b"third", SPAN))


def test_taking_gives_a_value_once(cache: Cache) -> None:
    asyncio.run(cache.put("k", b"v", SPAN))
    assert asyncio.run(cache.take("k")) == b"v"
    assert asyncio.run(cache.take("k")) is None
    assert asyncio.run(cache.take("never")) is None


def test_a_count_lives_from_its_first(cache: Cache, clock: ManualClock) -> None:
    assert [asyncio.run(cache.count("k", SPAN)) for _ in range(3)] == [1, 2, 3]
    clock.tick(SPAN - timedelta(seconds=1))
    assert asyncio.run(cache.count("k", SPAN)) == 4
    clock.tick(timedelta(seconds=1))
    assert asyncio.run(cache.count("k", SPAN)) == 1


def test_a_full_memory_forgets_the_oldest(clock: ManualClock) -> None:
    cache = MemoryCache(clock, capacity=2)
    for key in ("a", "b", "c"):
        asyncio.run(cache.put(key, b"v", SPAN))
    assert [asyncio.run(cache.get(key)) for key in ("a", "b", "c")] == [None, b"v", b"v"]


def test_a_cleared_memory_is_empty(clock: ManualClock) -> None:
    cache = MemoryCache(clock)
    asyncio.run(cache.put("k", b"v", SPAN))
    cache.clear()
    assert asyncio.run(cache.get("k")) is None
