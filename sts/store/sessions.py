"""Sessions with PostgreSQL: how they are opened, what each is told, and what becomes of one that does not answer."""

import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool, NullPool, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sts.store.address import Address

_READERS = 4
_CONNECTING = timedelta(seconds=2)
_ANSWER = timedelta(seconds=4)  # of a server that has stopped; one that works ends what takes too long by itself
_FREE = timedelta(seconds=2)  # how long a reader waits for one of the connections
_STATEMENTS = 300  # more than there are queries
_TOLD = {
    "application_name": "sts",
    # Stronger than what server, database and role say, any of which may have it off.
    "synchronous_commit": "on",
    "statement_timeout": "3500",
    "lock_timeout": "3000",
}
# A process that stops in the middle of a change holds the lock of changes: others wait for it no longer than this.
_TOLD_WRITERS = _TOLD | {"idle_in_transaction_session_timeout": "5000"}
_READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
# Every statement sees what was committed before it: a later snapshot than that of the one that waited for a lock.
_WRITING: dict[str, Any] = {"isolation_level": "READ COMMITTED"}


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens engines: kept ones hold on to their connections, the others close each when it has done its work."""

    address: Address
    tls: ssl.SSLContext | None

    def open_reading(self) -> AsyncEngine:
        """Return an engine for reads, which see one state of the store however many statements they are."""
        return _let_read_only(create_async_engine(**self._options(_TOLD), poolclass=NullPool, **_READING))

    def open_writing(self) -> AsyncEngine:
        """Return an engine for transactions that write."""
        return _watch(create_async_engine(**self._options(_TOLD_WRITERS), poolclass=NullPool, **_WRITING))

    def keep_reading(self) -> AsyncEngine:
        """Return an engine for reads with a bounded pool."""
        return _let_read_only(create_async_engine(**self._options(_TOLD, _ANSWER), **_pool(_READERS), **_READING))

    def keep_writing(self) -> AsyncEngine:
        """Return an engine with the one connection that writes: groups of changes and records follow each other."""
        return _watch(create_async_engine(**self._options(_TOLD_WRITERS, _ANSWER), **_pool(1), **_WRITING))

    def _options(self, told: dict[str, str], answer: timedelta | None = None) -> dict[str, Any]:
        where = self.address
        several = {"target_session_attrs": "read-write"} if len(where.places) > 1 else {}
        return {
            # Neither a host nor a password stands in the URL, which SQLAlchemy shows.
            "url": "postgresql+asyncpg://",
            # What a caller sent stands in no text of an error: a trace of one goes to the log.
            "hide_parameters": True,
            "connect_args": {
                "host": [place.host for place in where.places],
                "port": [place.port for place in where.places],
                "user": where.user,
                "password": where.password,
                "database": where.database,
                "ssl": self.tls or False,
                "timeout": _CONNECTING.total_seconds(),
                "command_timeout": None if answer is None else answer.total_seconds(),
                "server_settings": told,
                "prepared_statement_cache_size": _STATEMENTS,
                **several,
            },
        }


def _pool(size: int) -> dict[str, Any]:
    return {
        "poolclass": AsyncAdaptedQueuePool,
        "pool_size": size,
        "max_overflow": 0,
        "pool_timeout": _FREE.total_seconds(),
    }


def _let_read_only(engine: AsyncEngine) -> AsyncEngine:
    def configure(connection: Any, _record: Any) -> None:
        connection.readonly = True

    event.listen(engine.sync_engine, "connect", configure)
    return _watch(engine)


def _watch(engine: AsyncEngine) -> AsyncEngine:
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _give_up, retval=True)
    return engine


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have a connection replaced that the server has closed, which a server that restarts does."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _give_up(context: ExceptionContext) -> OperationalError | None:
    """Close a connection whose server does not answer: asked to end politely it would not answer either."""
    error: Any = context.original_exception
    if isinstance(error, TimeoutError) and context.connection is not None:
        context.connection.connection.driver_connection.terminate()  # type: ignore[union-attr]
        context.is_disconnect = True
        return OperationalError(None, None, TimeoutError("no answer within the time for it"))
    if hasattr(error.__cause__, "detail"):
        # PostgreSQL's detail quotes the values of the row; its message names the rule that they break.
        error.__cause__.detail = None
    return None
