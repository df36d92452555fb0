"""A cache whose calls are counted and timed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import TypeVar

from sts.cache import Cache
from sts.errors import Unavailable
from sts.telemetry.meters import Meters

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TimedCache:
    """The verbs of *cache*, each told to *meters*."""

    cache: Cache
    meters: Meters

    async def get(self, key: str) -> bytes | None:
        """Return the value of *key*, None when there is none."""
        return await self._time("get", self.cache.get(key), _find)

    async def put(self, key: str, value: bytes, span: timedelta) -> None:
        """Keep *value* under *key* for *span*, over whatever was there."""
        await self._time("put", self.cache.put(key, value, span), _done)

    async def add(self, key: str, value: bytes, span: timedelta) -> bool:
        """Keep *value* under *key* for *span* unless there is one already; say whether it was kept."""
        return await self._time("add", self.cache.add(key, value, span), _done)

    async def take(self, key: str) -> bytes | None:
        """Return the value of *key* and remove it, so that it is had once only."""
        return await self._time("take", self.cache.take(key), _find)

    async def count(self, key: str, span: timedelta) -> int:
        """Add one to the count of *key* and return it; the count lives for *span* from its first."""
        return await self._time("count", self.cache.count(key, span), _done)

    async def check(self) -> None:
        """Raise Unavailable unless every server of the cache takes what it is given, as far as is known."""
        await self.cache.check()

    async def attend(self) -> None:
        """Mind the cache beside all requests."""
        await self.cache.attend()

    async def close(self) -> None:
        """Hang up; whoever asks then is refused."""
        await self.cache.close()

    async def _time(self, verb: str, call: Awaitable[_T], name: Callable[[_T], str]) -> _T:
        began = perf_counter()
        try:
            answer = await call
        except Unavailable:
            self.meters.count_cache(verb, "unavailable", perf_counter() - began)
            raise
        self.meters.count_cache(verb, name(answer), perf_counter() - began)
        return answer


def _find(answer: bytes | None) -> str:
    return "miss" if answer is None else "hit"


def _done(_answer: object) -> str:
    return "done"
