"""The version of the store: a counter with an epoch, raised by every change in the change's own transaction.

Beside the counter stands what each version changed. A process that is behind drops just that from its snapshot; one
that is too far behind, or sees another epoch, drops everything.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from sts.store.tables import change, version

_KEPT = 10_000  # versions whose changes are kept; whoever is further behind starts afresh


class Change(NamedTuple):
    """A thing that changed: the noun and its key."""

    noun: str
    key: str


@lru_cache(4_096)
def share_change(noun: str, key: str) -> Change:
    """Return the change of a thing that much depends on, as the object that it was lately: it takes memory once."""
    return Change(noun, key)


@dataclass(frozen=True, slots=True)
class Version:
    """A state of the store. Versions are compared for inequality only: a restored store may count from less."""

    epoch: str
    counter: int


def read_version(connection: Connection) -> Version:
    """Return the present version of the store."""
    row = connection.execute(select(version.c.epoch, version.c.counter)).one()
    return Version(row.epoch, row.counter)


def find_key_check(connection: Connection) -> tuple[str, bytes | None]:
    """Return the store's epoch, and the MAC that shows which keys it was made with: None before the first start."""
    row = connection.execute(select(version.c.epoch, version.c.key_check)).one()
    return row.epoch, row.key_check


def put_key_check(connection: Connection, key_check: bytes) -> None:
    """Keep the MAC that shows which keys the store was made with, unless there is one."""
    connection.execute(update(version).where(version.c.key_check.is_(None)).values(key_check=key_check))


def begin_epoch(connection: Connection, epoch: str, key_check: bytes) -> None:
    """Begin a new epoch, under its own *key_check*: what anybody remembers of the one before is believed no more."""
    connection.execute(update(version).values(epoch=epoch, key_check=key_check))


def probe(connection: Connection) -> None:
    """Write, and change nothing: raises what any writing would."""
    connection.execute(update(version).values(counter=version.c.counter))


def raise_version(connection: Connection, changes: Collection[Change]) -> Version:
    """Raise the version by one, note what it changed, and return it."""
    raised = connection.execute(
        update(version).values(counter=version.c.counter + 1).returning(version.c.epoch, version.c.counter)
    ).one()
    if changes:
        rows = [{"counter": raised.counter, "noun": c.noun, "key": c.key} for c in changes]
        connection.execute(insert(change), rows)
    connection.execute(delete(change).where(change.c.counter <= raised.counter - _KEPT))
    return Version(raised.epoch, raised.counter)


def find_changes(connection: Connection, since: Version) -> tuple[Version, frozenset[Change] | None]:
    """Return the present version and what has changed since *since*; None for the changes: everything may have."""
    present = read_version(connection)
    behind = present.counter - since.counter
    if present.epoch != since.epoch or not 0 <= behind <= _KEPT:
        return present, None
    rows = connection.execute(select(change.c.noun, change.c.key).where(change.c.counter > since.counter))
    return present, frozenset(Change(row.noun, row.key) for row in rows)
