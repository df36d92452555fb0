import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from sts.cache import MemoryCache, open_cache
from sts.clock import ManualClock
from sts.errors import Malformed
from tests.contracts.trial import RIGHTS, Attempt, Trial

LONG = timedelta(minutes=30)


def test_what_was_put_is_got_until_its_span_ends(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        await trial.cache.put(trial.key(), b"v", trial.span)
        assert await trial.cache.get(trial.key()) == b"v"
        await trial.pass_until(lambda: _is_gone(trial, "k"))

    attempt(body)


def test_any_bytes_are_kept_as_they_are(attempt: Attempt) -> None:
    values = [b"", bytes(range(256)), b"\r\n$5\r\nhello\r\n", b"-ERR no\r\n", b"x" * 300_000]

    async def body(trial: Trial) -> None:
        for number, value in enumerate(values):
            await trial.cache.put(trial.key(f"vé {number}\r\n"), value, LONG)
        assert [await trial.cache.get(trial.key(f"vé {number}\r\n")) for number in range(len(values))] == values

    attempt(body)


def test_putting_again_replaces_value_and_span(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        await trial.cache.put(trial.key(), b"old", trial.span)
        await trial.cache.put(trial.key("other"), b"as long", trial.span)
        await trial.cache.put(trial.key(), b"new", LONG)
        await trial.pass_until(lambda: _is_gone(trial, "other"))
        assert await trial.cache.get(trial.key()) == b"new"

    attempt(body)


def test_adding_is_done_once(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        assert await trial.cache.add(trial.key(), b"first", trial.span)
        assert await trial.cache.add(trial.key("other"), b"", LONG)
        assert not await trial.cache.add(trial.key("other"), b"second", LONG)
        assert await trial.cache.get(trial.key("other")) == b""

        async def is_added_again() -> bool:
            return await trial.cache.add(trial.key(), b"third", LONG)

        await trial.pass_until(is_added_again)
        assert await trial.cache.get(trial.key()) == b"third"

    attempt(body)


def test_an_addition_that_failed_does_not_prolong(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        await trial.cache.add(trial.key(), b"first", trial.span)
        assert not await trial.cache.add(trial.key(), b"second", LONG)
        await trial.pass_until(lambda: _is_gone(trial, "k"))

    attempt(body)


def test_taking_gives_a_value_once(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        await trial.cache.put(trial.key(), b"v", LONG)
        assert await trial.cache.take(trial.key()) == b"v"
        assert await trial.cache.take(trial.key()) is None
        assert await trial.cache.take(trial.key("never")) is None

    attempt(body)


def test_a_count_lives_from_its_first(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        assert [await trial.cache.count(trial.key("long"), LONG) for _ in range(3)] == [1, 2, 3]
        await trial.cache.count(trial.key(), trial.span)

        # In real time this counts on and on: a count that lived from its last would never begin anew.
        async def begins_anew() -> bool:
            return await trial.cache.count(trial.key(), trial.span) == 1

        await trial.pass_until(begins_anew)
        assert await trial.cache.count(trial.key("long"), LONG) == 4

    attempt(body)


def test_keys_do_not_meet(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        keys = [trial.key(f"{number}") for number in range(200)]
        await asyncio.gather(*(trial.cache.put(key, key.encode(), LONG) for key in keys))
        assert await asyncio.gather(*map(trial.cache.get, keys)) == [key.encode() for key in keys]

    attempt(body)


async def _is_gone(trial: Trial, word: str) -> bool:
    return await trial.cache.get(trial.key(word)) is None


def test_in_memory_a_value_is_there_until_the_instant_at_which_its_span_ends(clock: ManualClock) -> None:
    cache, span = MemoryCache(clock), timedelta(minutes=5)
    asyncio.run(cache.put("k", b"v", span))
    asyncio.run(cache.count("n", span))
    clock.tick(span - timedelta(microseconds=1))
    assert asyncio.run(cache.get("k")) == b"v"
    assert asyncio.run(cache.count("n", span)) == 2
    clock.tick(timedelta(microseconds=1))
    assert asyncio.run(cache.get("k")) is None
    assert asyncio.run(cache.count("n", span)) == 1


def test_in_memory_a_mark_outlives_a_clock_that_is_set_back_and_a_count_does_not(clock: ManualClock) -> None:
    cache, span = MemoryCache(clock), timedelta(minutes=15)

    async def body() -> None:
        assert await cache.add("mark", b"v", span)
        assert await cache.count("tries", span) == 1
        clock.tick(timedelta(hours=-1))
        assert not await cache.add("mark", b"v", span)
        assert await cache.count("tries", span) == 2
        clock.tick(span)
        assert await cache.count("tries", span) == 1
        clock.tick(timedelta(hours=1) - timedelta(microseconds=1))
        assert not await cache.add("mark", b"v", span)
        clock.tick(timedelta(microseconds=1))
        assert await cache.add("mark", b"v", span)

    asyncio.run(body())


def test_a_full_memory_forgets_the_oldest(clock: ManualClock) -> None:
    cache = MemoryCache(clock, capacity=2)
    for key in ("a", "b", "c"):
        asyncio.run(cache.put(key, b"v", LONG))
    assert [asyncio.run(cache.get(key)) for key in ("a", "b", "c")] == [None, b"v", b"v"]


def test_a_cleared_memory_is_empty(clock: ManualClock) -> None:
    cache = MemoryCache(clock)
    asyncio.run(cache.put("k", b"v", LONG))
    cache.clear()
    assert asyncio.run(cache.get("k")) is None


def test_what_is_no_address_opens_no_cache(clock: ManualClock) -> None:
    with pytest.raises(Malformed, match="begins with memory://"):
        open_cache("memcached://127.0.0.1", clock)


def test_the_rights_that_are_documented_are_those_that_the_suite_is_run_with() -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert f"ACL SETUSER sts on >PASSWORD {RIGHTS}`" in page
