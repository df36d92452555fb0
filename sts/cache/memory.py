"""The cache of a single process, in its memory."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sts.clock import Clock

_CAPACITY = 100_000  # values


@dataclass(slots=True)
class MemoryCache:
    """The cache of a single process: the oldest value makes room.

    Spans end by the clock that is handed in, so that a replay mark outlives a clock that is set back, as what it marks
    does: it would be valid once more.
    """

    clock: Clock
    capacity: int = _CAPACITY
    _values: OrderedDict[str, tuple[datetime, bytes]] = field(default_factory=OrderedDict)

    async def get(self, key: str) -> bytes | None:
        """Return the value of *key*, None when there is none."""
        return self._find(key)

    async def put(self, key: str, value: bytes, span: timedelta) -> None:
        """Keep *value* under *key* for *span*, over whatever was there."""
        self._keep(key, value, self.clock.now() + span)

    async def add(self, key: str, value: bytes, span: timedelta) -> bool:
        """Keep *value* under *key* for *span* unless there is one already; say whether it was kept."""
        if self._find(key) is not None:
            return False
        self._keep(key, value, self.clock.now() + span)
        return True

    async def take(self, key: str) -> bytes | None:
        """Return the value of *key* and remove it, so that it is had once only."""
        value = self._find(key)
        self._values.pop(key, None)
        return value

    async def count(self, key: str, span: timedelta) -> int:
        """Add one to the count of *key* and return it; the count lives for *span* from its first."""
        present = self._find(key)
        ends_at = self.clock.now() + span
        if present is not None:
            ends_at = min(ends_at, self._values[key][0])  # a clock that was set back prolongs no count
        count = int(present or b"0") + 1
        self._keep(key, str(count).encode("ascii"), ends_at)
        return count

    async def check(self) -> None:
        """Find nothing: memory is always there."""

    async def attend(self) -> None:
        """Mind nothing: memory is always there."""

    async def close(self) -> None:
        """Do nothing: there is nobody to hang up on."""

    def clear(self) -> None:
        """Lose everything."""
        self._values.clear()

    def _find(self, key: str) -> bytes | None:
        kept = self._values.get(key)
        if kept is None or kept[0] <= self.clock.now():
            return None
        return kept[1]

    def _keep(self, key: str, value: bytes, ends_at: datetime) -> None:
        self._values[key] = (ends_at, value)
        self._values.move_to_end(key)
        if len(self._values) > self.capacity:
            self._values.popitem(last=False)
