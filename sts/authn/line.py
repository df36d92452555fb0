"""Where codes wait to be looked at."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sts.errors import Throttled

_MOST_WAITING = 32  # codes of one caller


@dataclass(slots=True, eq=False)
class Line:
    """Where codes wait: one is looked at at a time, and few of one caller wait.

    Codes are taken before anything is authorized, on the connection that also takes the audit's records: whoever sent
    thousands at once would keep everybody's answers from being recorded.
    """

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def turn(self, caller_id: str) -> AsyncIterator[None]:
        """Wait for the caller's turn; raises Throttled when too many of its codes wait already."""
        if self._waiting[caller_id] >= _MOST_WAITING:
            raise Throttled("Rate exceeded", retry_after_seconds=1, rate="codes", detail="too many codes at once")
        self._waiting[caller_id] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting[caller_id] -= 1
            if not self._waiting[caller_id]:
                del self._waiting[caller_id]
