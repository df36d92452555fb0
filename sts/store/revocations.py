"""What was revoked: single sessions, and all sessions of a principal up to an instant.

Few are in force at a time, since none outlives the longest session; so all of them are held in memory together, and a
session is opened without asking the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from sts.store.database import to_microseconds
from sts.store.tables import revocation
from sts.store.versions import Change

# The one thing that a snapshot holds of revocations; whatever changes them touches it.
EVERYTHING = Change("revocation", "all")


@dataclass(frozen=True, slots=True)
class Revocation:
    """A session (by its `jti`), or a principal (by unique id, an account by its digits), with all begun by *before*."""

    subject: str
    before: datetime
    ends_at: datetime  # from here on no session is left that it could concern


@dataclass(frozen=True, slots=True)
class Revoked:
    """Everything that is revoked: the subject, and the instant (microseconds of the epoch) up to which."""

    before: Mapping[str, int]

    def concerns(self, subject: str, began_at: datetime) -> bool:
        """Say whether what began at *began_at* (known to the second) by, or as, *subject* is revoked."""
        before = self.before.get(subject)
        return before is not None and to_microseconds(began_at) <= before


def insert_revocation(connection: Connection, new: Revocation) -> None:
    """Keep *new*, in place of an earlier one of the same subject."""
    connection.execute(delete(revocation).where(revocation.c.subject == new.subject))
    connection.execute(
        insert(revocation).values(
            subject=new.subject, before=to_microseconds(new.before), ends_at=to_microseconds(new.ends_at)
        )
    )


def delete_ended(connection: Connection, now: datetime) -> int:
    """Delete the revocations that concern no session any more; returns how many."""
    return connection.execute(delete(revocation).where(revocation.c.ends_at <= to_microseconds(now))).rowcount


def find_revoked(connection: Connection) -> Revoked:
    """Return everything that is revoked."""
    rows = connection.execute(select(revocation.c.subject, revocation.c.before))
    return Revoked({row.subject: row.before for row in rows})
