"""A server that fails: what each test of an outage begins and ends with."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest

from sts.cache import Cache, open_cache
from sts.clock import SystemClock
from sts.errors import Unavailable
from tests.service import Service

SPAN = timedelta(minutes=5)
HEALTH_SECONDS, RECOVERY_SECONDS = 1, 5  # what is promised
FAILOVER_SECONDS = 20  # what Redis's own failover may take beside that


def probe(service: Service, path: str = "/readyz") -> httpx2.Response:
    """Return what a probe is answered, which it must be within a second."""
    began = time.monotonic()
    answer = httpx2.get(f"{service.url}{path}", trust_env=False)
    assert time.monotonic() - began < HEALTH_SECONDS
    return answer


def count_tasks() -> int:
    """Return how many tasks of any event loop of this process are under way."""
    gc.collect()
    return sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects())


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
