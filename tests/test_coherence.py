"""What the mark in Redis promises, and what holds when it cannot be asked: how often SQL is asked is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from sts.cache import open_cache
from sts.clock import ManualClock
from sts.coherence import Coherence
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.settings import read_settings
from sts.store import versions
from sts.store.database import Committed, Database, Transaction
from sts.store.snapshot import Snapshot
from tests.redis_servers import RedisServer, redis_server

MARK = "sts:version"
_PATIENT = 3_600.0  # seconds for which a snapshot is trusted: a slow machine must not look like an old snapshot


@dataclass
class Counted:
    """The store of the service, which counts how often it is asked what has changed."""

    database: Database
    reads: int = 0

    async def read(self, query: Callable[[Connection], Any]) -> Any:
        self.reads += 1
        return await self.database.read(query)


@dataclass
class Node:
    """What one process of several holds."""

    coherence: Coherence
    counted: Counted = field(repr=False)

    async def catch_up(self) -> int:
        """Do what each request does; return how often SQL was asked for it."""
        before = self.counted.reads
        await self.coherence.catch_up(self.coherence.ask())
        return self.counted.reads - before

    @property
    def version(self) -> int:
        return self.coherence.snapshot.version.counter


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def redis(server: RedisServer) -> Iterator[RedisServer]:
    yield server
    if server.process is None:
        server.start()
    server.go_on()
    server.ask("CONFIG", "SET", "maxmemory", "0")
    server.ask("FLUSHALL")


@pytest.fixture
def at(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Foundation]:
    foundation = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    yield foundation
    foundation.database.close()


@asynccontextmanager
async def node(at: Foundation, url: str) -> AsyncIterator[Node]:
    counted = Counted(at.database)
    snapshot = Snapshot(counted, at.database.read_now(versions.read_version))  # type: ignore[arg-type]  # reads only
    cache = open_cache(url, at.clock)
    try:
        yield Node(Coherence(snapshot, at.entropy, cache, _PATIENT), counted)
    finally:
        await cache.close()


async def change(at: Foundation, through: Node) -> Committed:
    """Change something through a node, as its journal does."""

    def work(tx: Transaction) -> None:
        tx.touch("user", "AIDASOMEBODY")

    async with through.coherence.changing():
        _, committed = await at.database.transact(work, at.clock.now())
        through.coherence.snapshot.apply(committed)
    return committed


def test_while_the_mark_is_known_sql_is_not_asked(at: Foundation, redis: RedisServer) -> None:
    async def run() -> list[int]:
        async with node(at, redis.url) as one:
            await one.coherence.tend()
            return [await one.catch_up() for _ in range(4)]

    assert asyncio.run(run()) == [1, 0, 0, 0]


def test_a_change_through_another_process_is_learned_once(at: Foundation, redis: RedisServer) -> None:
    async def run() -> tuple[list[int], int, int]:
        async with node(at, redis.url) as one, node(at, redis.url) as other:
            await one.coherence.tend()
            await one.catch_up()
            committed = await change(at, other)
            asked = [await one.catch_up() for _ in range(3)]
            assert committed.version is not None
            return asked, one.version, committed.version.counter

    asked, version, committed = asyncio.run(run())
    assert asked == [1, 0, 0]
    assert version == committed


def test_while_a_change_is_under_way_sql_is_asked_by_every_request(at: Foundation, redis: RedisServer) -> None:
    async def run() -> tuple[list[int], list[int]]:
        async with node(at, redis.url) as one, node(at, redis.url) as other:
            await one.coherence.tend()
            await one.catch_up()
            async with other.coherence.changing():
                during = [await one.catch_up() for _ in range(3)]
            return during, [await one.catch_up() for _ in range(3)]

    during, after = asyncio.run(run())
    assert during == [1, 1, 1]
    assert after == [1, 0, 0]


def test_a_process_that_dies_between_its_commit_and_the_mark_leaves_none_that_is_believed(
    at: Foundation, redis: RedisServer
) -> None:
    async def run() -> list[int]:
        async with node(at, redis.url) as one, node(at, redis.url) as other:
            await one.coherence.tend()
            await one.catch_up()
            dying = other.coherence.changing()
            await dying.__aenter__()
            assert redis.ask("PTTL", MARK) > 0
            redis.ask("DEL", MARK)  # its time is over
            asked = [await one.catch_up() for _ in range(2)]
            await one.coherence.tend()
            return [*asked, await one.catch_up(), await one.catch_up()]

    assert asyncio.run(run()) == [1, 1, 1, 0]


@pytest.mark.parametrize("state", ["stopped", "hung", "flushed", "full"])
def test_whatever_redis_does_what_another_process_changed_is_read_by_the_next_request(
    at: Foundation, redis: RedisServer, state: str
) -> None:
    breaks: dict[str, Callable[[], object]] = {
        "stopped": redis.stop,
        "hung": redis.hang,
        "flushed": lambda: redis.ask("FLUSHALL"),
        "full": lambda: redis.ask("CONFIG", "SET", "maxmemory", "1"),
    }

    async def run() -> None:
        async with node(at, redis.url) as one, node(at, redis.url) as other:
            await one.coherence.tend()
            await one.catch_up()
            await other.catch_up()
            breaks[state]()
            for _ in range(3):
                committed = await change(at, other)
                await one.catch_up()
                assert committed.version is not None
                assert one.version == committed.version.counter
            if state == "hung":
                redis.go_on()

    asyncio.run(run())


def test_a_redis_that_went_back_to_a_known_mark_is_believed_for_less_than_a_second(
    at: Foundation, redis: RedisServer
) -> None:
    async def run() -> tuple[int, int, bool]:
        async with node(at, redis.url) as one, node(at, redis.url) as other:
            await one.coherence.tend()
            await one.catch_up()
            old = redis.ask("GET", MARK)
            committed = await change(at, other)
            redis.ask("SET", MARK, old)
            believed = await one.catch_up()
            one.coherence._learned_at -= _PATIENT
            assert committed.version is not None
            return believed, await one.catch_up(), one.version == committed.version.counter

    assert asyncio.run(run()) == (0, 1, True)


def test_requests_that_wait_for_sql_together_ask_it_together(at: Foundation, redis: RedisServer) -> None:
    async def run() -> int:
        async with node(at, redis.url) as one:
            redis.stop()
            await one.catch_up()
            before = one.counted.reads
            await asyncio.gather(*(one.catch_up() for _ in range(50)))
            return one.counted.reads - before

    assert asyncio.run(run()) <= 2


def test_a_request_that_is_cancelled_takes_the_answer_from_nobody(at: Foundation, redis: RedisServer) -> None:
    async def run() -> list[object]:
        async with node(at, redis.url) as one:
            waiting = [asyncio.ensure_future(one.catch_up()) for _ in range(10)]
            await asyncio.sleep(0)
            for task in waiting[::2]:
                task.cancel()
            return await asyncio.gather(*waiting, return_exceptions=True)

    ended = asyncio.run(run())
    assert all(isinstance(each, asyncio.CancelledError) for each in ended[::2])
    assert all(isinstance(each, int) for each in ended[1::2])


def test_a_process_alone_asks_sql_only_when_its_snapshot_is_old(at: Foundation) -> None:
    async def run() -> tuple[list[int], list[int]]:
        counted = Counted(at.database)
        snapshot = Snapshot(counted, at.database.read_now(versions.read_version))  # type: ignore[arg-type]
        alone = Node(Coherence(snapshot, at.entropy, None, _PATIENT), counted)
        first = [await alone.catch_up() for _ in range(3)]
        alone.coherence._learned_at -= _PATIENT
        return first, [await alone.catch_up() for _ in range(3)]

    assert asyncio.run(run()) == ([1, 0, 0], [1, 0, 0])


def test_a_snapshot_is_trusted_for_less_than_a_second(at: Foundation) -> None:
    assert Coherence(at.snapshot, at.entropy, None).trust_seconds < 1
