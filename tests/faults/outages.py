"""A cache whose server fails: what each test of an outage begins and ends with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from sts.cache import Cache, open_cache
from sts.clock import SystemClock
from sts.errors import Unavailable

SPAN = timedelta(minutes=5)
RECOVERY_SECONDS = 5  # what is promised
FAILOVER_SECONDS = 20  # what Redis's own failover may take beside that


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Cache]:
    cache = open_cache(url, SystemClock())
    attending = asyncio.create_task(cache.attend())
    try:
        yield cache
    finally:
        attending.cancel()
        (ended,) = await asyncio.gather(attending, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


async def refused(asked: Awaitable[object]) -> str:
    """Return the detail of the refusal that *asked* must come to."""
    with pytest.raises(Unavailable, match="The cache is not available") as refusal:
        await asked
    assert refusal.value.detail is not None
    return refusal.value.detail


async def comes_back(ask: Callable[[], Awaitable[object]], seconds: float = RECOVERY_SECONDS) -> None:
    """Ask until it is not refused any more."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await ask()
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                return
