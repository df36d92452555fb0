"""Whoever runs `sts` on the host that holds the store, and how their acts are recorded.

Such an act needs no policy: who can write to the store and the key folder can do all that it does. It is recorded as
the operator's, in the transaction that makes it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from sts.audit.events import Event
from sts.audit.journal import Journal
from sts.audit.record import Entry
from sts.cli.logs import configure_logs
from sts.clock import Clock, SystemClock
from sts.entropy import Entropy
from sts.errors import NotFound, Refusal, Unavailable
from sts.foundation import Foundation, lay_foundation
from sts.keyring.keyfiles import holds_keys
from sts.model import Caller, CallerKind
from sts.settings import Settings
from sts.store.address import SQLITE
from sts.store.database import Transaction, open_database
from sts.store.schema import find_revision

_T = TypeVar("_T")
_AGENT = "sts"

_log = structlog.get_logger("sts.cli")


def describe_operator(account_id: str = "") -> Caller:
    """Return the operator as a caller; of an act on an account, so that the account's own audit shows it."""
    arn = f"arn:aws:sts-admin::{account_id}:operator"
    return Caller(
        kind=CallerKind.OPERATOR,
        account_id=account_id,
        arn=arn,
        principal_arn=arn,
        unique_id="operator",
        userid="operator",
    )


def begin_act(clock: Clock, entropy: Entropy, event: Event, parameters: Mapping[str, Any]) -> Entry:
    """Return the entry of an act of the operator's that is about to begin."""
    return Entry(
        request_id=entropy.request_id(),
        at=clock.now(),
        address="",
        user_agent=_AGENT,
        event=event,
        operation=f"sts:{event}",
        caller=describe_operator(),
        parameters=parameters,
    )


@dataclass(frozen=True, slots=True)
class Host:
    """The opened store and keys of this host."""

    at: Foundation

    def act(self, event: Event, parameters: Mapping[str, Any], change: Callable[[Transaction, Entry], _T]) -> _T:
        """Make *change* and record it in one transaction; it may complete the entry. Raises what *change* raises."""
        entry = begin_act(self.at.clock, self.at.entropy, event, parameters)
        return change_now(self.at.journal, entry, lambda transaction: change(transaction, entry))


def change_now(journal: Journal, entry: Entry, change: Callable[[Transaction], _T]) -> _T:
    """Make *change*, record *entry* and keep a checkpoint, before anything is returned."""
    return asyncio.run(_change(journal, entry, change))


async def _change(journal: Journal, entry: Entry, change: Callable[[Transaction], _T]) -> _T:
    writing = asyncio.create_task(journal.write())
    try:
        return await journal.change(entry, change)
    finally:
        journal.close()
        await writing
        await _keep_checkpoint(journal)
        await journal.coherence.close()


async def _keep_checkpoint(journal: Journal) -> None:
    try:
        await journal.checkpoint()
    except Unavailable as unavailable:
        # What was done stands and is recorded, and a secret that was made is shown this once: the next checkpoint,
        # of whichever process, names this stream too.
        _log.error("audit.checkpoint.failed", reason=unavailable.detail)


@contextmanager
def open_host(settings: Settings, *, create: bool = False) -> Iterator[Host]:
    """Open store and keys for the time of a command; raises NotFound where there are none, unless they may be made."""
    configure_logs("warning")
    if not create:
        require_store(settings)
        _require_tables(settings)
    with telling_of_store(settings):
        at = lay_foundation(settings, SystemClock(), Entropy())
    try:
        with telling_of_store(settings):
            yield Host(at)
    finally:
        at.database.close()


def require_store(settings: Settings) -> None:
    """Raise NotFound when there is no store here: a command in a wrong folder would make an empty one."""
    path = _find_file(settings)
    if path is not None and not path.exists():
        raise NotFound(f"There is nothing at {path}: begin with `sts init`, or set STS_HOME to where it is")


def _find_file(settings: Settings) -> Path | None:
    """Return the file that the store is; None for a server's."""
    if not settings.database_url.startswith(SQLITE):
        return None
    return settings.home.joinpath(settings.database_url.removeprefix(SQLITE))


def require_keys(settings: Settings, *, otherwise: str = "") -> None:
    """Raise NotFound when the key folder has no key; *otherwise* is what else may be done about it, and "or"."""
    if not holds_keys(settings.keys_dir):
        raise NotFound(f"The key folder {settings.keys_dir} has no keys: {otherwise}set STS_KEYS_DIR to where they are")


def _require_tables(settings: Settings) -> None:
    """Raise NotFound when the database is empty, as another than the one meant would be."""
    with telling_of_store(settings):
        database = open_database(settings.database_url)
        revision = database.read_now(find_revision)
        database.close()
    if revision is None:
        raise NotFound("The database of STS_DATABASE_URL is empty: begin with `sts init`, or set it to the right one")


@contextmanager
def telling_of_store(settings: Settings) -> Iterator[None]:
    """Tell of a store or folder that cannot be used as a Refusal does: by its reason."""
    try:
        yield
    except Unavailable as unavailable:
        # Whoever is on the host may know what they would find in the log.
        told = unavailable.message if unavailable.detail is None else f"{unavailable.message}: {unavailable.detail}"
        raise Unavailable(told, detail=unavailable.detail) from unavailable
    except Refusal:
        raise
    except DBAPIError as fault:
        raise Unavailable(f"The store cannot be used: {_find_reason(settings, fault)}") from fault
    except OSError as fault:
        raise Unavailable(f"{fault.filename or 'A file'} cannot be used: {fault.strerror}") from fault


def _find_reason(settings: Settings, fault: DBAPIError) -> str:
    """Return why the store cannot be used: of a file SQLite says only that it cannot be opened, the system says why."""
    path = _find_file(settings)
    if path is None:
        return str(fault.orig)
    try:
        with path.open("r+b"):
            return f"{path}: {fault.orig}"
    except OSError as reason:
        return f"{path}: {reason.strerror}"
