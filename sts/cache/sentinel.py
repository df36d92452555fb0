"""Sentinels: they say which server is the primary of a set."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio.connection import Connection
from redis.exceptions import RedisError

from sts.cache.address import Place
from sts.cache.line import open_line, say
from sts.errors import Unavailable

_ASK_SECONDS = 0.2  # for each: one that hangs leaves time for the next within a turn's limit
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The sentinels at *places*, who watch the set called *master*."""

    places: Iterable[Place]
    master: str
    make_line: Callable[[Place], Connection]

    async def locate(self) -> Place:
        """Return where the primary is, as the first sentinel says that answers; raises Unavailable when none does."""
        reasons = []
        for place in self.places:
            try:
                return await self._ask(place)
            except (RedisError, OSError, ValueError) as error:
                reasons.append(f"{place}: {str(error) or type(error).__name__}")
        raise Unavailable(f"no sentinel says where {self.master} is ({'; '.join(reasons)})")

    async def _ask(self, place: Place) -> Place:
        line = self.make_line(place)
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await open_line(line)
                (answer,) = await say(line, [(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self.master.encode())])
        finally:
            await line.disconnect(nowait=True)
        return _read_place(answer)


def _read_place(answer: Any) -> Place:
    if isinstance(answer, RedisError):
        raise answer
    if not (isinstance(answer, list) and len(answer) == _PARTS and all(isinstance(part, bytes) for part in answer)):
        raise ValueError("it does not know the set")
    return Place(answer[0].decode("ascii"), int(answer[1]))
