"""What answers on Redis's port is no Redis, or not in its right mind."""

import asyncio
from pathlib import Path

import pytest

from sts.cache import Cache, open_cache
from sts.clock import SystemClock
from tests.faults.impostor import NONSENSE, Impostor
from tests.faults.outages import SPAN, comes_back, opened, refused
from tests.ports import find_port
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.alone


async def _all_refused(cache: Cache) -> None:
    for asked in (
        cache.get("k"), cache.put("k", b"v", SPAN), cache.add("k", b"v", SPAN), cache.take("k"), cache.count("k", SPAN),
    ):  # fmt: skip
        await refused(asked)


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused_and_forgotten(nonsense: bytes, tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")

    async def body() -> None:
        async with opened(server.url) as cache:
            with Impostor(server.port, lambda _: nonsense):
                await _all_refused(cache)
            server.start()
            await comes_back(lambda: cache.put("k", b"v", SPAN))
            assert await cache.get("k") == b"v"

    try:
        asyncio.run(body())
    finally:
        server.stop()


_MAPS = {
    "empty": b"*0\r\n",
    "numbers": b"*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n",
    "too many slots": b"*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\nh\r\n:1\r\n",
    "backwards": b"*1\r\n*3\r\n:5\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n",
    "no host in it": b"*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n",
}


@pytest.mark.parametrize("nonsense", [*NONSENSE.values(), *_MAPS.values()], ids=[*NONSENSE, *_MAPS])
def test_nonsense_of_a_cluster_is_refused(nonsense: bytes) -> None:
    port = find_port()

    async def body() -> None:
        async with opened(f"redis+cluster://127.0.0.1:{port}") as cache:
            await _all_refused(cache)

    with Impostor(port, lambda _: nonsense):
        asyncio.run(body())


@pytest.mark.parametrize("word", [b"MOVED", b"ASK"])
def test_a_cluster_that_redirects_without_end_is_left(word: bytes) -> None:
    port = find_port()

    def answer(command: list[bytes]) -> bytes:
        if command[0] == b"CLUSTER":
            return b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n" % port
        return b"-%b 12 :%d\r\n" % (word, port)

    async def body() -> None:
        async with opened(f"redis+cluster://127.0.0.1:{port}") as cache:
            assert "redirects without end" in await refused(cache.get("k"))

    with Impostor(port, answer):
        asyncio.run(body())


def test_an_answer_too_many_is_never_taken_for_that_of_the_next_command() -> None:
    port = find_port()

    def twice(command: list[bytes]) -> bytes:
        mine = command[-1].removeprefix(b"sts:")
        return b"$%d\r\n%b\r\n$5\r\nother\r\n" % (len(mine), mine)

    async def body() -> None:
        # Nobody attends to it: that question would leave with the first one, and of several answers to several
        # commands none can be told from one too many.
        cache = open_cache(f"redis://127.0.0.1:{port}", SystemClock())
        try:
            for number in range(50):
                assert await cache.get(f"{number}") == b"%d" % number
        finally:
            await cache.close()

    with Impostor(port, twice):
        asyncio.run(body())


def test_a_server_that_closes_in_the_middle_of_its_answers_is_down() -> None:
    port = find_port()

    def closing(command: list[bytes]) -> bytes:
        if command[-1] == b"sts:end":
            raise ConnectionError
        return b"$1\r\nv\r\n"

    async def body() -> None:
        async with opened(f"redis://127.0.0.1:{port}") as cache:
            with Impostor(port, closing):
                assert await cache.get("k") == b"v"
                detail = await refused(asyncio.gather(*(cache.get(each) for each in ("1", "end", "2"))))
                assert "closed" in detail

    asyncio.run(body())
