"""A cache whose calls are watched."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import TypeVar

from sts.cache import Cache
from sts.errors import Unavailable
from sts.telemetry.meters import Meters
from sts.telemetry.watch import Watch

_T = TypeVar("_T")
_LOOKING = frozenset({"get", "take"})


@dataclass(frozen=True, slots=True)
class WatchedCache:
    """The verbs of *cache*, each handed to *watch*."""

    cache: Cache
    watch: Watch

    async def get(self, key: str) -> bytes | None:
        """Return the value of *key*, None when there is none."""
        return await self.watch("get", self.cache.get(key))

    async def put(self, key: str, value: bytes, span: timedelta) -> None:
        """Keep *value* under *key* for *span*, over whatever was there."""
        await self.watch("put", self.cache.put(key, value, span))

    async def add(self, key: str, value: bytes, span: timedelta) -> bool:
        """Keep *value* under *key* for *span* unless there is one already; say whether it was kept."""
        return await self.watch("add", self.cache.add(key, value, span))

    async def take(self, key: str) -> bytes | None:
        """Return the value of *key* and remove it, so that it is had once only."""
        return await self.watch("take", self.cache.take(key))

    async def count(self, key: str, span: timedelta) -> int:
        """Add one to the count of *key* and return it; the count lives for *span* from its first."""
        return await self.watch("count", self.cache.count(key, span))

    async def check(self) -> None:
        """Raise Unavailable unless every server of the cache takes what it is given, as far as is known."""
        await self.cache.check()

    async def attend(self) -> None:
        """Mind the cache beside all requests."""
        await self.cache.attend()

    async def close(self) -> None:
        """Hang up; whoever asks then is refused."""
        await self.cache.close()


@dataclass(frozen=True, slots=True)
class CacheTimes:
    """A watch that counts and times."""

    meters: Meters

    async def __call__(self, name: str, call: Awaitable[_T]) -> _T:
        """Return what *call* returns, and raise what it raises."""
        began = perf_counter()
        try:
            answer = await call
        except Unavailable:
            self.meters.count_cache(name, "unavailable", perf_counter() - began)
            raise
        outcome = "done" if name not in _LOOKING else "miss" if answer is None else "hit"
        self.meters.count_cache(name, outcome, perf_counter() - began)
        return answer
