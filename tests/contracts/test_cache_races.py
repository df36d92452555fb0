"""What must hold whoever comes at the same time, and whoever goes."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from sts.cache.address import parse_address
from sts.cache.redis import RedisCache, open_redis
from tests.contracts.trial import Attempt, Trial
from tests.redis_servers import RedisServer, redis_server

pytestmark = pytest.mark.alone  # a storm that is held up for longer than the cache waits is refused

SPAN = timedelta(minutes=5)
MANY = 100
STORMS = 60


def test_of_many_who_take_one_has_it(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        for round_ in range(10):
            key = trial.key(f"{round_}")
            await trial.cache.put(key, b"once", SPAN)
            taken = await asyncio.gather(*(trial.cache.take(key) for _ in range(MANY)))
            assert sorted(taken, key=lambda value: value is None) == [b"once", *[None] * (MANY - 1)]

    attempt(body)


def test_of_many_who_add_one_is_kept(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        added = await asyncio.gather(*(trial.cache.add(trial.key(), b"%d" % each, SPAN) for each in range(MANY)))
        assert sum(added) == 1
        assert await trial.cache.get(trial.key()) == b"%d" % added.index(True)

    attempt(body)


def test_many_who_count_are_all_counted(attempt: Attempt) -> None:
    async def body(trial: Trial) -> None:
        counted = await asyncio.gather(*(trial.cache.count(trial.key(), SPAN) for _ in range(MANY)))
        assert sorted(counted) == list(range(1, MANY + 1))

    attempt(body)


def test_a_cancelled_request_never_leaves_its_answer_to_the_next(attempt: Attempt) -> None:
    chance = random.Random(4)  # noqa: S311  no secret

    async def get(trial: Trial, number: int) -> tuple[int, bytes | None]:
        await asyncio.sleep(chance.choice([0, 0, 0.001]))
        return number, await trial.cache.get(trial.key(f"{number}"))

    async def body(trial: Trial) -> None:
        for number in range(MANY):
            await trial.cache.put(trial.key(f"{number}"), b"%d" % number, SPAN)
        cancelled, answered = 0, 0
        for _ in range(STORMS):
            asked = [asyncio.create_task(get(trial, number)) for number in range(MANY)]
            for task in chance.sample(asked, MANY // 2):
                await asyncio.sleep(chance.choice([0, 0, 0, 0.0002]))
                task.cancel()
            for result in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(result, BaseException):
                    assert isinstance(result, asyncio.CancelledError)
                    cancelled += 1
                    continue
                number, value = result
                assert value == b"%d" % number
                answered += 1
        assert cancelled > STORMS
        assert answered > STORMS * MANY // 3

    attempt(body)


def _open(server: RedisServer) -> RedisCache:
    return open_redis(parse_address(server.url))


def test_the_commands_of_all_requests_in_a_turn_leave_in_one_pipeline(tmp_path: Path) -> None:
    async def body(server: RedisServer) -> None:
        cache = _open(server)
        await cache.get("k")  # connects
        before = _reads(server)
        between = _reads(server)
        await asyncio.gather(*(cache.get(f"{number}") for number in range(MANY)))
        after = _reads(server)
        assert (after - between) - (between - before) == 1  # less what asking for it takes
        assert server.info("commandstats")["cmdstat_get"].startswith(f"calls={MANY + 1},")
        await cache.close()

    with redis_server(tmp_path / "redis") as server:
        asyncio.run(body(server))


def _reads(server: RedisServer) -> int:
    return int(server.info("stats")["total_reads_processed"])


def test_a_process_keeps_to_few_connections(tmp_path: Path) -> None:
    async def ask_on(cache: RedisCache, number: int) -> None:
        for step in range(20):
            await cache.put(f"{number}-{step}", b"", SPAN)

    async def body(server: RedisServer) -> None:
        cache = _open(server)
        before = int(server.info("stats")["total_connections_received"])
        await asyncio.gather(*(ask_on(cache, number) for number in range(MANY)))
        after = int(server.info("stats")["total_connections_received"])
        assert 1 <= after - before - 1 <= 2  # one is that of the question
        await cache.close()

    with redis_server(tmp_path / "redis") as server:
        asyncio.run(body(server))
