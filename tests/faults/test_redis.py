"""Redis stopped, hung, flushed, full, a replica, forbidding: refused, and back by itself."""

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.certificates import Authority
from tests.faults.outages import SPAN, comes_back, opened, refused
from tests.ports import find_port
from tests.redis_servers import RedisServer, redis_server

pytestmark = pytest.mark.alone


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as started:
        yield started


def test_a_server_that_stops_is_told_by_name_and_found_again(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await cache.put("k", b"v", SPAN)
            server.stop()
            assert f"redis 127.0.0.1:{server.port}" in await refused(cache.get("k"))
            for asked in (cache.put("k", b"v", SPAN), cache.add("k", b"v", SPAN), cache.take("k")):
                await refused(asked)
            await refused(cache.count("k", SPAN))
            server.start()
            await comes_back(lambda: cache.get("k"))
            assert await cache.get("k") is None
            assert await cache.count("k", SPAN) == 1

    asyncio.run(body())


def test_a_server_that_was_never_there_is_found_when_it_comes(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")

    async def body() -> None:
        async with opened(server.url) as cache:
            await refused(cache.get("k"))
            server.start()
            await comes_back(lambda: cache.put("k", b"v", SPAN))
            assert await cache.get("k") == b"v"

    try:
        asyncio.run(body())
    finally:
        server.stop()


def test_a_restart_between_two_commands_is_not_even_noticed(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await cache.put("k", b"v", SPAN)
            server.stop()
            server.start()
            assert await cache.get("k") is None

    asyncio.run(body())


def test_a_server_that_hangs_does_not_keep_every_request_waiting(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await asyncio.gather(*(cache.put(f"{each}", b"%d" % each, SPAN) for each in range(50)))
            server.hang()
            # One after the other: a thousand that waited for the limit would take minutes.
            async with asyncio.timeout(10):
                for each in range(1000):
                    await refused(cache.get(f"{each % 50}"))
            server.go_on()
            await comes_back(lambda: cache.get("0"))
            # The answers that the hung server still gave are nobody's.
            values = await asyncio.gather(*(cache.get(f"{each}") for each in range(50)))
            assert values == [b"%d" % each for each in range(50)]

    try:
        asyncio.run(body())
    finally:
        server.go_on()


def test_all_who_wait_for_a_server_that_hangs_are_refused_together(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await cache.get("k")
            server.hang()
            async with asyncio.timeout(10):
                for _ in range(5):  # a turn each: those that find no line free must not wait for one that never is
                    await asyncio.gather(*(refused(cache.get(f"{each}")) for each in range(20)))

    try:
        asyncio.run(body())
    finally:
        server.go_on()


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await cache.get("k")
            server.stop()
            for _ in range(100):
                await refused(cache.get("k"))
            server.start()
            await comes_back(lambda: cache.get("k"))

    with capture_logs() as logs:
        asyncio.run(body())
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("cache.down", "warning"), ("cache.up", "info")]
    assert logs[0]["server"] == f"redis 127.0.0.1:{server.port}"


def test_a_flush_is_a_loss_and_no_fault(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await cache.put("k", b"v", SPAN)
            server.ask("FLUSHALL")
            assert await cache.get("k") is None
            assert await cache.take("k") is None

    asyncio.run(body())


def test_a_full_server_refuses_what_is_put_and_still_answers_what_is_asked(server: RedisServer) -> None:
    async def body() -> None:
        async with opened(server.url) as cache:
            await cache.put("k", b"v", SPAN)
            server.ask("CONFIG", "SET", "maxmemory", "1")
            for _ in range(20):
                assert "OOM" in await refused(cache.put("other", b"v", SPAN))
            assert "OOM" in await refused(cache.add("other", b"v", SPAN))
            await refused(cache.count("n", SPAN))
            assert await cache.get("k") == b"v"
            server.ask("CONFIG", "SET", "maxmemory", "0")
            await cache.put("k", b"w", SPAN)
            assert await cache.count("n", SPAN) == 1

    with capture_logs() as logs:
        asyncio.run(body())
    told = [(entry["event"], entry["command"]) for entry in logs]
    assert told == [
        ("cache.refused", "SET"),
        ("cache.refused", "EVAL"),
        ("cache.accepted", "SET"),
        ("cache.accepted", "EVAL"),
    ]


def test_a_primary_that_became_a_replica_is_down_until_it_is_one_again(server: RedisServer, tmp_path: Path) -> None:
    async def body(other: RedisServer) -> None:
        async with opened(server.url) as cache:
            await cache.put("k", b"v", SPAN)
            server.ask("REPLICAOF", "127.0.0.1", other.port)
            assert "read only replica" in await refused(cache.put("k", b"v", SPAN))
            await refused(cache.get("k"))
            server.ask("REPLICAOF", "NO", "ONE")
            await comes_back(lambda: cache.put("k", b"w", SPAN))
            assert await cache.get("k") == b"w"

    with redis_server(tmp_path / "other") as other:
        asyncio.run(body(other))


def test_what_the_access_lists_forbid_is_unavailable(server: RedisServer) -> None:
    server.ask("ACL", "SETUSER", "reader", "on", ">word", "~sts:*", "+get", "+set")

    async def body() -> None:
        async with opened(f"redis://reader:word@127.0.0.1:{server.port}") as cache:
            assert "NOPERM" in await refused(cache.take("k"))
            await cache.put("k", b"v", SPAN)

    with capture_logs() as logs:
        asyncio.run(body())
    assert sorted(entry["event"] for entry in logs) == ["cache.eviction.unknown", "cache.refused"]


def test_a_wrong_password_is_told_without_it(server: RedisServer) -> None:
    server.ask("ACL", "SETUSER", "sts", "on", ">right", "~sts:*", "+@all")

    async def body() -> None:
        async with opened(f"redis://sts:hunter2@127.0.0.1:{server.port}") as cache:
            detail = await refused(cache.get("k"))
            assert "password" in detail
            assert "hunter2" not in detail
            server.ask("ACL", "SETUSER", "sts", ">hunter2")
            await comes_back(lambda: cache.get("k"))

    with capture_logs() as logs:
        asyncio.run(body())
    assert logs
    assert "hunter2" not in str(logs)


@pytest.mark.parametrize(("name", "stranger"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_a_server_that_does_not_prove_itself_is_not_spoken_to(tmp_path: Path, name: str, *, stranger: bool) -> None:
    ours = Authority(tmp_path / "ours")
    certificate, key = (Authority(tmp_path / "theirs") if stranger else ours).sign("server", name)
    port = find_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(ours.file))

    async def body() -> None:
        async with opened(f"rediss://127.0.0.1:{port}?ca={ours.file}") as cache:
            assert "certificate" in await refused(cache.get("k"))

    with redis_server(tmp_path / "redis", "--tls-port", str(port), "--tls-auth-clients", "no", *files):
        asyncio.run(body())


@pytest.mark.parametrize(("policy", "warned"), [("noeviction", []), ("volatile-lru", ["volatile-lru"])])
def test_a_start_against_a_redis_that_evicts_warns_once(tmp_path: Path, policy: str, warned: list[str]) -> None:
    server = RedisServer(tmp_path / "redis", ("--maxmemory-policy", policy))

    async def body() -> None:
        async with opened(server.url) as cache:
            await refused(cache.get("k"))  # not there yet at the start: warned of when it is
            server.start()
            for ours in count():  # the calls of INFO by this test
                if ours < int(server.info("commandstats").get("cmdstat_info", "calls=0,").split("=")[1].split(",")[0]):
                    break
                await asyncio.sleep(0.01)
            for _ in range(10):  # by then the answer has been read
                await cache.get("k")
            server.stop()
            server.start()
            await comes_back(lambda: cache.get("k"))

    try:
        with capture_logs() as logs:
            asyncio.run(body())
    finally:
        server.stop()
    assert [entry["policy"] for entry in logs if entry["event"] == "cache.evicts"] == warned
