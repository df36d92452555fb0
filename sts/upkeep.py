"""What goes on beside requests: following the store and the key folder, and the chores of each minute.

No chore ends another, or itself: what fails is logged and tried again at the next turn. What a service no longer did
in silence would show only when it is missed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from sts.audit.journal import Journal
from sts.audit.sums import Sums
from sts.clock import Clock
from sts.coherence import Coherence
from sts.directory.resealing import Sealing
from sts.errors import Refusal
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.store.browser_sessions import delete_forgotten
from sts.store.database import Database
from sts.store.login_grants import delete_past
from sts.store.revocations import delete_ended

_FOLLOW_SECONDS = 0.5
_MINUTE_SECONDS = 60.0
_SESSIONS_SHOWN = timedelta(days=30)  # for how long somebody sees where they were signed in
_LOGINS_KEPT = timedelta(days=1)  # a token that is shown late is told from one that never was
_PAGE = 1_000  # secrets that are sealed anew in one transaction

_log = structlog.get_logger("sts.upkeep")


@dataclass(slots=True, kw_only=True)
class Upkeep:
    """The chores of one process."""

    clock: Clock
    keyring: Keyring
    database: Database
    coherence: Coherence
    journal: Journal
    sums: Sums
    sealing: Sequence[Sealing]
    beside: Sequence[Callable[[], Awaitable[None]]] = ()  # what other parts have to do for as long as the process lives
    _failing: set[str] = field(default_factory=set, init=False)  # chores that an outage keeps from being done
    _resealed_under: int = field(default=0, init=False)  # the sealing key that all secrets are known to be under
    _resealing: int = field(default=0, init=False)  # which of those who keep sealed values is at work
    _resealed_to: str = field(default="", init=False)  # the last of its values that was looked at

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Do the chores until the context ends, then end in order: no answer is left without its record."""
        async with self.database.serving():
            writer = asyncio.create_task(self.journal.write())
            works = (self._follow_store(), self._follow_keys(), self._keep_minutes(), *(work() for work in self.beside))
            beside = [asyncio.ensure_future(work) for work in works]
            try:
                yield
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                await self._close(writer)

    async def _follow_store(self) -> None:
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            await self._attempt("store.follow.failed", self.coherence.tend())
            await self._attempt("audit.retry.failed", self.journal.retry())

    async def _follow_keys(self) -> None:
        """Look at the key folder, beside the store: a removed key is not trusted longer because that one hangs."""
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            await self._attempt("keys.refresh.failed", asyncio.to_thread(self.keyring.refresh))

    async def _keep_minutes(self) -> None:
        while True:
            await asyncio.sleep(_MINUTE_SECONDS)
            await self.keep_minute()

    async def keep_minute(self) -> None:
        """Do what is due once a minute."""
        await self._record_sums()
        await self._attempt("audit.checkpoint.failed", self.journal.checkpoint())
        # In a thread: making an RSA key takes long, and the folder may be locked by another process.
        await self._attempt("keys.tend.failed", asyncio.to_thread(self.keyring.tend))
        await self._attempt("reseal.failed", self._reseal())
        now = self.clock.now()
        ended = self.database.transact(lambda tx: delete_ended(tx.connection, now), now)
        await self._attempt("revocations.purge.failed", ended)
        forgotten = self.database.transact(lambda tx: delete_forgotten(tx.connection, now - _SESSIONS_SHOWN), now)
        await self._attempt("browser-sessions.purge.failed", forgotten)
        past = self.database.transact(lambda tx: delete_past(tx.connection, now - _LOGINS_KEPT), now)
        await self._attempt("logins.purge.failed", past)

    async def _record_sums(self) -> None:
        taken = deque(self.sums.take())
        try:
            while taken:
                entry = taken.popleft()
                if not await self._attempt("sums.record.failed", self.journal.record(entry)):
                    self.sums.put_back(entry)
        finally:  # the process may end meanwhile: what is left is written with its last records
            for entry in taken:
                self.sums.put_back(entry)

    async def _reseal(self) -> None:
        """Seal a further page of secrets anew, until all are under the current key: then an old one may go."""
        current = self.keyring.current_version(Purpose.SEALING)
        if current == self._resealed_under:
            return
        while self._resealing < len(self.sealing):
            work = partial(self.sealing[self._resealing].reseal, after=self._resealed_to, limit=_PAGE)
            page, _ = await self.database.transact(work, self.clock.now())
            self._resealed_to = page.further or ""
            if page.further is not None:
                return
            self._resealing += 1
        self._resealing, self._resealed_under = 0, current

    async def _attempt(self, event: str, work: Awaitable[object]) -> bool:
        """Do *work* and say whether it was done; what keeps it from being done is logged when it begins and ends."""
        try:
            await work
        except Refusal as refusal:
            if event not in self._failing:
                _log.error(event, reason=refusal.detail or refusal.message)
            self._failing.add(event)
        except Exception:  # noqa: BLE001  a bug in one chore must not end the others in silence
            _log.exception(event)
        else:
            if event in self._failing:
                self._failing.discard(event)
                _log.info("chore.resumed", chore=event.removesuffix(".failed"))
            return True
        return False

    async def _close(self, writer: asyncio.Task[None]) -> None:
        for entry in self.sums.take():
            self.journal.leave(entry)
        self.journal.close()
        await writer
        await self._attempt("audit.checkpoint.failed", self.journal.checkpoint())
        self.database.close()
