"""Coherence: what was written through one process is read back at once through every other.

SQL is the authority, and a request does not read it: it asks the shared cache for one small value, the mark, in the
round trip that it makes anyway. Every change replaces the mark, by one that says "under way" before its commit and by
a new one after it, and is answered only then. A process that sees another mark than the one its snapshot was brought
up to date under learns from SQL what changed before it goes on. Marks are random and compared for equality only: a
Redis that was emptied, restored or replaced shows one that is not known.

What the mark cannot tell (Redis went back to a mark that is known, or a process cannot reach it while others can) is
bounded by time: no snapshot is trusted for longer than `trust_seconds` after SQL was last asked.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sts.cache import Cache
from sts.entropy import Entropy
from sts.errors import Unavailable
from sts.store.snapshot import Snapshot

_KEY: Final = "version"
_UNDER_WAY: Final = b"?"
_UNKNOWN: Final = b""
# Of a process that died between its commit and the new mark. Then there is none, which nobody takes for a known one.
_LONGEST_CHANGE: Final = timedelta(seconds=5)
_KEPT: Final = timedelta(days=1)
# What is revoked must be refused everywhere within a second, whatever is down; chores ask SQL every half second.
_TRUST_SECONDS: Final = 0.75


@dataclass(slots=True, eq=False)
class Coherence:
    """Keeps the snapshot of this process as new as what any process has answered.

    *shared* is the cache that processes tell each other by; None where there is one process only. No snapshot is
    trusted for longer than *trust_seconds* after SQL was asked.
    """

    snapshot: Snapshot
    entropy: Entropy
    shared: Cache | None
    trust_seconds: float = _TRUST_SECONDS
    _mark: bytes = _UNKNOWN  # the mark that the snapshot was brought up to date under
    _learned_at: float = -math.inf  # by the loop's time
    _asking: asyncio.Task[bytes] | None = None
    _next: asyncio.Task[None] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def ask(self) -> asyncio.Task[bytes] | None:
        """Begin to ask for the mark; what asks the cache in the same turn of the loop travels with it."""
        if self.shared is None:
            return None
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._read_mark(self.shared))
            asyncio.get_running_loop().call_soon(self._forget_asking)
        return self._asking

    async def catch_up(self, asked: asyncio.Task[bytes] | None) -> None:
        """Return once the snapshot holds all that was answered anywhere before `ask`; raises Unavailable.

        Without a mark that is known (the cache is down or empty, or a change is under way) SQL is asked.
        """
        mark = _UNKNOWN if asked is None else await asyncio.shield(asked)
        if self._is_current(mark):
            return
        await self._follow()
        if mark != _UNKNOWN:
            self._mark = mark

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Tell every process, before and after what is done in this context, that the store changes."""
        await self._tell(_UNDER_WAY, _LONGEST_CHANGE)
        try:
            yield
        finally:  # whatever became of it: of a commit that seemed to fail only the store knows whether it was made
            await self._tell(self._new_mark(), _KEPT)

    async def tend(self) -> None:
        """Ask SQL what has changed, and give the cache a mark when it has none; raises Unavailable."""
        await self._follow()
        if self.shared is not None:
            with suppress(Unavailable):  # the cache logs its outage; until there is a mark SQL is asked
                await self.shared.add(_KEY, self._new_mark(), _KEPT)

    async def close(self) -> None:
        """Hang up on the shared cache; for a command, which serves nothing and tells of one change."""
        if self.shared is not None:
            await self.shared.close()

    def _is_current(self, mark: bytes) -> bool:
        if asyncio.get_running_loop().time() - self._learned_at > self.trust_seconds:
            return False
        return self.shared is None or (mark != _UNKNOWN and mark == self._mark)

    def _forget_asking(self) -> None:
        self._asking = None  # whoever comes from here on may ask after it was answered

    async def _read_mark(self, shared: Cache) -> bytes:
        try:
            mark = await shared.get(_KEY)
        except Unavailable:
            return _UNKNOWN
        return _UNKNOWN if mark is None or mark == _UNDER_WAY else mark

    async def _tell(self, mark: bytes, span: timedelta) -> None:
        if self.shared is None:
            return
        try:
            await self.shared.put(_KEY, mark, span)
        except Unavailable:
            # A Redis that is full takes no value, but it still lets one go: without a mark everybody asks SQL.
            with suppress(Unavailable):
                await self.shared.take(_KEY)

    async def _follow(self) -> None:
        """Ask SQL what has changed; all who come while it is being asked share the next answer."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._learn())
        await asyncio.shield(self._next)

    async def _learn(self) -> None:
        async with self._turn:
            self._next = None
            began_at = asyncio.get_running_loop().time()
            await self.snapshot.follow()
            self._learned_at = began_at

    def _new_mark(self) -> bytes:
        return self.entropy.nonce().encode("ascii")
