"""A store whose transactions are watched."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import TypeVar

from sqlalchemy import Connection

from sts.errors import Refusal, Unavailable
from sts.store.database import Committed, Database, Transaction
from sts.telemetry.meters import Meters
from sts.telemetry.watch import Watch

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class WatchedDatabase:
    """The store *database*: what is read and written while it serves is handed to *watch*."""

    database: Database
    watch: Watch

    async def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in a read transaction of its own."""
        return await self.watch("read", self.database.read(query))

    async def look(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query*, which is one statement."""
        return await self.watch("read", self.database.look(query))

    async def transact(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* in one durable transaction."""
        return await self.watch("transact", self.database.transact(work, now))

    async def check(self) -> None:
        """Raise Unavailable, within a second, unless the store can be used."""
        await self.database.check()

    def read_now(self, query: Callable[[Connection], _T]) -> _T:
        """Do what `read` does, and wait."""
        return self.database.read_now(query)

    def transact_now(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Do what `transact` does, and wait."""
        return self.database.transact_now(work, now)

    def migrate(self, prepare: Callable[[Connection], None]) -> bool:
        """Bring the store up to date and run *prepare* in the same transaction."""
        return self.database.migrate(prepare)

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Keep connections of the running event loop open until the context ends."""
        return self.database.serving()

    def close(self) -> None:
        """Wait for what is under way and let go of everything."""
        self.database.close()


@dataclass(frozen=True, slots=True)
class StoreTimes:
    """A watch that counts and times."""

    meters: Meters

    async def __call__(self, name: str, call: Awaitable[_T]) -> _T:
        """Return what *call* returns, and raise what it raises."""
        began, outcome = perf_counter(), "failed"
        try:
            answer = await call
            outcome = "done"
        except Refusal as refusal:
            outcome = "unavailable" if isinstance(refusal, Unavailable) else "refused"
            raise
        finally:
            self.meters.count_store(name, outcome, perf_counter() - began)
        return answer
