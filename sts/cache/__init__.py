"""What may be lost: get, put, add, take, count. In the memory of one process, or in Redis for many.

Nothing in it is trusted: who puts a value that matters binds it with a MAC.
"""

from datetime import timedelta
from typing import Protocol

from sts.cache.address import MEMORY, parse_address
from sts.cache.memory import MemoryCache
from sts.clock import Clock

__all__ = ["Cache", "MemoryCache", "open_cache"]


class Cache(Protocol):
    """Five verbs, each atomic, on texts as keys and bytes as values.

    A span is longer than nothing and counted in milliseconds, rounded up. Each verb raises Unavailable when the cache
    cannot be asked; what that costs is decided where the verb is used.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the value of *key*, None when there is none."""
        ...

    async def put(self, key: str, value: bytes, span: timedelta) -> None:
        """Keep *value* under *key* for *span*, over whatever was there."""
        ...

    async def add(self, key: str, value: bytes, span: timedelta) -> bool:
        """Keep *value* under *key* for *span* unless there is one already; say whether it was kept."""
        ...

    async def take(self, key: str) -> bytes | None:
        """Return the value of *key* and remove it, so that it is had once only."""
        ...

    async def count(self, key: str, span: timedelta) -> int:
        """Add one to the count of *key* and return it; the count lives for *span* from its first."""
        ...

    async def check(self) -> None:
        """Raise Unavailable unless every server of the cache takes what it is given, as far as is known."""
        ...

    async def attend(self) -> None:
        """Mind the cache beside all requests: what its operator should know is logged; cancelled, it closes.

        Returns early where there is nothing to mind.
        """
        ...

    async def close(self) -> None:
        """Hang up; whoever asks then is refused."""
        ...


def open_cache(url: str, clock: Clock) -> Cache:
    """Return the cache at *url*, which is not spoken to yet; raises Malformed when it is no address of a cache."""
    if url == MEMORY:
        return MemoryCache(clock)
    from sts.cache.redis import open_redis  # noqa: PLC0415  a quarter of a second that who runs without does not pay

    return open_redis(parse_address(url))
