"""Wrong passwords and codes of an address, whoever they were for: what slows whoever tries one password on everybody.

Counted in the cache, in windows of a quarter of an hour, over all processes; of IPv6 by the network that one customer
has. An attempt counts before it is looked at and is taken back when it was right, so that many at once are no way
around the count. While the cache cannot be asked each process counts by itself, and takes a quarter as many.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sts.authn.throttle import find_network
from sts.cache import Cache, MemoryCache
from sts.clock import Clock
from sts.errors import Throttled, Unavailable

_WINDOW = timedelta(minutes=15)
_MOST_WRONG = 100
_STRICTER = 4


@dataclass(slots=True)
class AddressCounts:
    """Counts what is wrong by where it came from."""

    cache: Cache
    clock: Clock
    most_wrong: int = _MOST_WRONG
    _alone: MemoryCache = field(init=False)

    def __post_init__(self) -> None:
        self._alone = MemoryCache(self.clock)

    async def count(self, address: str) -> "Counted":
        """Count an attempt from *address* as wrong; raises Throttled when too many were."""
        now = self.clock.now()
        try:
            return await self._count(self.cache, address, self.most_wrong, now, is_alone=False)
        except Unavailable:
            return await self._count(self._alone, address, self.most_wrong // _STRICTER, now, is_alone=True)

    async def take_back(self, counted: "Counted") -> None:
        """Count an attempt no more that was right."""
        try:
            await (self._alone if counted.is_alone else self.cache).count(f"{counted.key} right", _WINDOW)
        except Unavailable:
            return  # it counts as wrong until the window ends

    async def _count(self, cache: Cache, address: str, most: int, now: datetime, *, is_alone: bool) -> "Counted":
        number, past = divmod(now.timestamp(), _WINDOW.total_seconds())
        key = f"wrong {find_network(address)} {int(number)}"
        right = await cache.get(f"{key} right") or b""
        if await cache.count(key, _WINDOW) - (int(right) if right.isdigit() else 0) > most:
            seconds = math.ceil(_WINDOW.total_seconds() - past)
            raise Throttled(
                "Rate exceeded", retry_after_seconds=seconds, rate="passwords", detail=f"the limit of {key}"
            )
        return Counted(key, is_alone)


@dataclass(frozen=True, slots=True)
class Counted:
    """An attempt that was counted; *is_alone*: by this process, without the cache."""

    key: str
    is_alone: bool
