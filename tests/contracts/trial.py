"""What one suite for all caches is given."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sts.cache import Cache
from sts.clock import ManualClock

RIGHTS = "~sts:* +get +set +getdel +eval +incr +pexpire +select +cluster|slots +info"
_PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Trial:
    """A cache on trial, with a span that is short for it and a way to let it pass."""

    cache: Cache
    span: timedelta
    clock: ManualClock | None
    name: str

    def key(self, word: str = "k") -> str:
        """Return a key of the test's own: the servers are shared."""
        return f"{self.name}:{word}"

    async def pass_until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Let the short span pass: *condition* then holds, and in real time it is awaited."""
        if self.clock is not None:
            self.clock.tick(self.span)
            assert await condition()
            return
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await condition():  # noqa: ASYNC110  only asking shows it
                await asyncio.sleep(0.01)


Attempt = Callable[[Callable[[Trial], Coroutine[Any, Any, None]]], None]
