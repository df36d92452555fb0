"""The primary goes and another takes over; slots move to another server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sts.cache import Cache
from tests.faults.outages import FAILOVER_SECONDS, SPAN, comes_back, opened, refused
from tests.ports import find_port
from tests.redis_servers import RedisCluster, SentinelSet, redis_cluster, sentinel_set

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelSet]:
    """A set whose servers no test stops."""
    with sentinel_set(tmp_path_factory.mktemp("set")) as started:
        yield started


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path / "cluster") as started:
        yield started


@pytest.mark.parametrize("fault", ["stopped", "hung"])
def test_a_failover_of_sentinels_is_followed(tmp_path: Path, fault: str) -> None:
    async def body(set_: SentinelSet) -> None:
        former = set_.primary()
        (new,) = (each for each in set_.servers if each is not former)
        async with opened(set_.url) as cache:
            await cache.put("k", b"v", SPAN)
            former.stop() if fault == "stopped" else former.hang()
            assert "main" in await refused(cache.put("k", b"w", SPAN))
            await comes_back(lambda: cache.put("k", b"w", SPAN), FAILOVER_SECONDS)
            assert new.ask("GET", "sts:k") == b"w"

    with sentinel_set(tmp_path / "set") as set_:
        asyncio.run(body(set_))


def test_sentinels_that_are_down_or_hang_are_passed_over(shared: SentinelSet) -> None:
    down = f"redis+sentinel://127.0.0.1:{find_port()},"

    async def body() -> None:
        async with opened(shared.url.replace("redis+sentinel://", down)) as cache:
            await cache.put("k", b"v", SPAN)
            assert await cache.get("k") == b"v"

    shared.sentinels[0].hang()
    try:
        asyncio.run(body())
    finally:
        shared.sentinels[0].go_on()


def test_when_no_sentinel_knows_the_set_each_is_told_of(shared: SentinelSet) -> None:
    async def body() -> None:
        async with opened(f"{shared.url}-else") as cache:
            detail = await refused(cache.get("k"))
            assert [each for each in shared.sentinels if f"127.0.0.1:{each.port}: it does not know" not in detail] == []

    asyncio.run(body())


def test_sentinels_may_want_a_login_of_their_own(shared: SentinelSet) -> None:
    for sentinel in shared.sentinels:
        rights = "-@all", "+sentinel|get-master-addr-by-name"
        assert sentinel.ask("ACL", "SETUSER", "watcher", "on", ">word", *rights) == b"OK"
        assert sentinel.ask("ACL", "SETUSER", "nobody", "on", ">word", "-@all") == b"OK"

    async def body() -> None:
        async with opened(f"{shared.url}?sentinel_username=watcher&sentinel_password=word") as cache:
            await cache.put("k", b"v", SPAN)
        async with opened(f"{shared.url}?sentinel_username=nobody&sentinel_password=word") as cache:
            assert "no permissions" in await refused(cache.get("k"))

    asyncio.run(body())


def test_slots_that_move_are_followed_without_a_refusal(cluster: RedisCluster) -> None:
    key = "sts:k"
    slot = cluster.slot(key)
    source = cluster.holder(slot)
    target = next(each for each in cluster.servers if each is not source)
    source_id, target_id = (each.ask("CLUSTER", "MYID") for each in (source, target))

    async def body() -> None:
        async with opened(cluster.url) as cache:
            await cache.put("k", b"v", SPAN)
            target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
            source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
            assert await cache.get("k") == b"v"  # still here
            assert source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5000) == b"OK"
            assert await cache.get("k") == b"v"  # on its way: asked for there
            assert await cache.take("k") == b"v"
            assert await cache.add("k", b"w", SPAN)
            for each in (target, source):
                each.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)
            assert await cache.get("k") == b"w"  # moved
            assert await asyncio.gather(*(cache.get("k") for _ in range(50))) == [b"w"] * 50

    with capture_logs() as logs:
        asyncio.run(body())
    assert logs == []


async def _whole(cache: Cache) -> None:
    for number in range(100):
        await cache.put(f"{number}", b"v", SPAN)


def test_a_server_of_a_cluster_that_stops_takes_its_keys_only_until_it_is_back(cluster: RedisCluster) -> None:
    lost = cluster.holder(cluster.slot("sts:k"))
    other = next(f"{number}" for number in range(100) if cluster.holder(cluster.slot(f"sts:{number}")) is not lost)

    async def body() -> None:
        async with opened(cluster.url) as cache:
            await _whole(cache)
            await cache.check()
            lost.stop()
            await refused(cache.get("k"))
            assert f":{lost.port}" in await refused(cache.check())
            assert await cache.get(other) == b"v"
            lost.start()
            await comes_back(lambda: _whole(cache), FAILOVER_SECONDS)

    asyncio.run(body())


def test_a_server_that_left_the_cluster_is_no_longer_asked_for(cluster: RedisCluster) -> None:
    gone, heir, third = cluster.servers
    slots = next((first, last) for first, last, (_, port, *_r), *_ in gone.ask("CLUSTER", "SLOTS") if port == gone.port)
    key = next(f"{number}" for number in range(100) if cluster.holder(cluster.slot(f"sts:{number}")) is gone)
    heir_id, gone_id = heir.ask("CLUSTER", "MYID"), gone.ask("CLUSTER", "MYID")

    async def body() -> None:
        async with opened(f"redis+cluster://127.0.0.1:{third.port}") as cache:
            await cache.put(key, b"v", SPAN)
            gone.stop()
            for each in (heir, third):
                each.ask("CLUSTER", "FORGET", gone_id)
                for slot in range(slots[0], slots[1] + 1):
                    each.ask("CLUSTER", "DELSLOTS", slot)
            heir.ask("CLUSTER", "ADDSLOTSRANGE", *slots)
            heir.ask("CLUSTER", "BUMPEPOCH")
            await comes_back(lambda: cache.put(key, b"w", SPAN), FAILOVER_SECONDS)
            assert heir.ask("GET", f"sts:{key}") == b"w"

    assert heir_id != gone_id
    asyncio.run(body())
