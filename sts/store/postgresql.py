"""PostgreSQL, for many processes.

A process that serves keeps a few connections of its event loop open: one that writes, and others that read. Starts and
commands take a connection for each thing they do, in a thread with a loop of its own, whether or not one runs here.

A transaction that only adds records waits for nobody. One that changes something holds the lock of changes to its end,
so that what it looked at still holds when it commits, as on SQLite. A read that met a connection that had died is made
again on another. A transaction never is: when a commit's answer is lost nobody knows whether it was made, so whoever
waits for it is told that the store is not available.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from sts.errors import Unavailable
from sts.store.address import Address, TlsMode
from sts.store.database import UNAVAILABLE, Committed, Transaction, complete
from sts.store.locks import lock_changes, remove_limits
from sts.store.schema import upgrade
from sts.store.sessions import Sessions

_T = TypeVar("_T")
_SILENCE_SECONDS = 1.0
_HEALTH_SECONDS = 0.8  # a probe is answered within a second, whatever the server does
_CAN_WRITE = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('default_transaction_read_only')::bool"
_KEEPS = "SELECT current_setting('server_encoding') = 'UTF8', current_setting('synchronous_commit') = 'on'"


@dataclass(frozen=True, slots=True)
class _Engines:
    """Where connections come from."""

    reading: AsyncEngine
    writing: AsyncEngine
    looking: AsyncEngine  # shares the connections of *reading*, and begins no transactions


@dataclass(slots=True)
class PostgresqlDatabase:
    """A store in PostgreSQL; the class `Database` says what each verb does."""

    _sessions: Sessions
    _single: _Engines  # a connection for each thing that is done
    _kept: _Engines | None = None
    _checking: asyncio.Task[None] | None = None
    _silent_until: float = 0.0  # by the loop's time
    _answered_at: float = 0.0

    async def read(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query*, once more when the connection had died."""
        return await self._read(self._engines().reading, query)

    async def look(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* without a transaction, whose beginning and end would be two more exchanges with the server."""
        return await self._read(self._engines().looking, query)

    async def transact(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* on the connection that writes."""
        with _telling():
            return await self._run(
                self._engines().writing, lambda connection: complete(Transaction(connection, now), work)
            )

    async def check(self) -> None:
        """Ask whether a transaction could write; all who want to know at once wait for one answer."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
            self._checking.add_done_callback(_look)
        await asyncio.wait({self._checking}, timeout=_HEALTH_SECONDS)
        if not self._checking.done():
            raise Unavailable(UNAVAILABLE, detail=f"no answer within {_HEALTH_SECONDS} s")
        self._checking.result()

    def read_now(self, query: Callable[[Connection], _T]) -> _T:
        """Run *query* in a thread of its own."""
        return _wait_for(lambda: _run(self._single.reading, query))

    def transact_now(self, work: Callable[[Transaction], _T], now: datetime) -> tuple[_T, Committed]:
        """Run *work* in a thread of its own."""

        def change(connection: Connection) -> tuple[_T, Committed]:
            transaction = Transaction(connection, now)
            transaction.begin_change()
            return complete(transaction, work)

        return _wait_for(lambda: _run(self._single.writing, change))

    def migrate(self, prepare: Callable[[Connection], None]) -> bool:
        """Migrate in a thread of its own, however long it takes."""

        def change(connection: Connection) -> bool:
            _require_keeping(connection)
            remove_limits(connection)
            lock_changes(connection)
            return upgrade(connection, prepare)

        return _wait_for(lambda: _run(self._single.writing, change))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Keep connections of the running loop open, each made when it is first needed."""
        self._kept = kept = _pair(self._sessions.keep_reading(), self._sessions.keep_writing())
        try:
            yield
        finally:
            self._kept = None
            if self._checking is not None:
                self._checking.cancel()
                await asyncio.gather(self._checking, return_exceptions=True)
            await kept.reading.dispose()
            await kept.writing.dispose()

    def close(self) -> None:
        """Do nothing: each connection is closed where it was opened."""

    async def _read(self, engine: AsyncEngine, query: Callable[[Connection], _T]) -> _T:
        with _telling():
            try:
                return await self._run(engine, query)
            except DBAPIError as error:
                if not error.connection_invalidated or _is_silence(error):
                    raise
            return await self._run(engine, query)

    async def _run(self, engine: AsyncEngine, work: Callable[[Connection], _T]) -> _T:
        """Run *work*; for a moment after one has waited for an answer in vain, refuse at once instead."""
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        if self._kept is not None and began_at < self._silent_until:
            raise Unavailable(UNAVAILABLE, detail="it did not answer a moment ago")
        try:
            result = await _run(engine, work)
        except (DBAPIError, OSError) as error:
            if _is_silence(error) and began_at >= self._answered_at:
                self._silent_until = loop.time() + _SILENCE_SECONDS
            raise
        self._answered_at = loop.time()
        return result

    def _engines(self) -> _Engines:
        return self._kept or self._single

    async def _check(self) -> None:
        if not await self.read(lambda connection: connection.exec_driver_sql(_CAN_WRITE).scalar_one()):
            raise Unavailable("The store takes no changes", detail="PostgreSQL is read-only")


def _look(task: asyncio.Task[None]) -> None:
    """Look at the outcome of *task*: whoever waited for it may be gone, and an error nobody saw is logged as a bug."""
    if not task.cancelled():
        task.exception()


async def _run(engine: AsyncEngine, work: Callable[[Connection], _T]) -> _T:
    """Run *work* from the first to the last in one greenlet: one for each step of it cost as much as a statement."""

    def begin() -> _T:
        with engine.sync_engine.begin() as connection:
            return work(connection)

    return await greenlet_spawn(begin)


def _wait_for(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    with _telling(), ThreadPoolExecutor(1, "store") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def _is_silence(error: DBAPIError | OSError) -> bool:
    """Say whether no answer came, of a server that hangs or a line that is dead: others would wait as long."""
    return isinstance(error.orig if isinstance(error, DBAPIError) else error, TimeoutError)


@contextmanager
def _telling() -> Iterator[None]:
    """Tell of a store that cannot be used as of one that is not available, by its own words and no caller's."""
    try:
        yield
    except IntegrityError:  # a rule of the tables that *work* did not look to
        raise
    except DBAPIError as error:
        raise Unavailable(UNAVAILABLE, detail=str(error.orig)) from None
    except NoneFree:
        raise Unavailable(UNAVAILABLE, detail="every connection is in use") from None
    except OSError as error:
        raise Unavailable(UNAVAILABLE, detail=str(error) or "no connection within the time for it") from None


def _require_keeping(connection: Connection) -> None:
    is_utf8, is_durable = connection.exec_driver_sql(_KEEPS).one()
    if not is_utf8:
        raise Unavailable("The database has not the encoding UTF8: create it with ENCODING 'UTF8'")
    if not is_durable:
        raise Unavailable("The connections have not synchronous_commit=on, which they ask for: what is between says no")


def open_postgresql(address: Address) -> PostgresqlDatabase:
    """Return the store at *address*; nothing is connected to yet. Raises OSError when a file of TLS cannot be read."""
    sessions = Sessions(address, _build_tls(address))
    return PostgresqlDatabase(sessions, _pair(sessions.open_reading(), sessions.open_writing()))


def _pair(reading: AsyncEngine, writing: AsyncEngine) -> _Engines:
    return _Engines(reading, writing, reading.execution_options(isolation_level="AUTOCOMMIT"))


def _build_tls(address: Address) -> ssl.SSLContext | None:
    if address.tls is TlsMode.DISABLE:
        return None
    context = ssl.create_default_context(cafile=address.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = address.tls is TlsMode.VERIFY_FULL
    if address.tls is TlsMode.REQUIRE:
        context.verify_mode = ssl.CERT_NONE
    if address.certificate is not None:
        context.load_cert_chain(address.certificate, address.key)
    return context
