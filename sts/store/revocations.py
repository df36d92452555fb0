"""What was revoked: single sessions, and all sessions of a principal up to an instant.

Few are in force at a time, since none outlives the longest session; so all of them are held in memory together, and a
session is opened without asking the store.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, extract, func, insert, select

from sts.model import Hop
from sts.store.columns import is_among
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import revocation
from sts.store.versions import Change

# The one thing that a snapshot holds of revocations; whatever changes them touches it.
EVERYTHING = Change("revocation", "all")
FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)  # up to which whoever is disabled is revoked: nothing is spared
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Revocation:
    """A session (by `name_session`), sign-ins (by `name_sign_ins`) or a principal (by its unique id), up to *before*.

    The digits of an account stand for everybody in it.
    """

    subject: str
    before: datetime
    ends_at: datetime  # from here on no session is left that it could concern


@dataclass(frozen=True, slots=True)
class Revoked:
    """Everything that is revoked: the subject, and the instant (microseconds of the epoch) up to which."""

    before: Mapping[str, int]

    def concerns(self, subject: str, began_at: datetime) -> bool:
        """Say whether what began at *began_at* by, or as, *subject* is revoked."""
        before = self.before.get(subject)
        return before is not None and to_microseconds(began_at) <= before

    def concerns_hop(self, hop: Hop) -> bool:
        """Say whether the hop, or the principal or account by which it was, is revoked."""
        return any(self.concerns(subject, hop.at) for subject in name_subjects(hop))

    def next_instant(self, subjects: Iterable[str], now: datetime) -> datetime:
        """Return the first instant, *now* or later, whose beginnings by, or as, *subjects* are not revoked.

        It is *now*, and what begins at it is revoked, while one of *subjects* is disabled: then nothing is spared.
        """
        reached = from_microseconds(max((self.before.get(subject, 0) for subject in subjects), default=0))
        return now if reached == FOR_EVER else max(now, reached + _MICROSECOND)


def name_session(account_id: str, jti: str) -> str:
    """Return the subject that a single session is revoked by: its `jti` within the account that its role is of.

    By the `jti` alone whoever learns one, from a log or a token, could end the session of another account.
    """
    return f"{account_id}/{jti}"


def name_sign_ins(principal_id: str) -> str:
    """Return the subject that the sign-ins under way of a principal are ended by, and nothing that has begun."""
    return f"sign-ins/{principal_id}"


def name_subjects(hop: Hop) -> tuple[str, ...]:
    """Return by what a hop of a chain is revoked: its session, its principal, its account."""
    account_id = hop.arn.split(":")[4]
    return name_session(account_id, hop.jti), hop.principal_id, account_id


def find_revocation(connection: Connection, subject: str) -> Revocation | None:
    """Return what is revoked of *subject*."""
    row = connection.execute(select(revocation).where(revocation.c.subject == subject)).one_or_none()
    if row is None:
        return None
    return Revocation(row.subject, from_microseconds(row.before), from_microseconds(row.ends_at))


def count_sessions(connection: Connection, account_id: str) -> int:
    """Return how many single sessions of the account are revoked."""
    prefix = name_session(account_id, "")
    of_account = func.substr(revocation.c.subject, 1, len(prefix)) == prefix
    return connection.execute(select(func.count()).select_from(revocation).where(of_account)).scalar_one()


def insert_revocation(connection: Connection, new: Revocation) -> None:
    """Keep *new*, in place of an earlier one of the same subject."""
    connection.execute(delete(revocation).where(revocation.c.subject == new.subject))
    connection.execute(
        insert(revocation).values(
            subject=new.subject, before=to_microseconds(new.before), ends_at=to_microseconds(new.ends_at)
        )
    )


def delete_ended(connection: Connection, now: datetime) -> int:
    """Delete the revocations that concern no session any more; returns how many.

    One process whose clock is far ahead would bring back for all what was revoked: PostgreSQL's clock has to agree.
    """
    ended = delete(revocation).where(revocation.c.ends_at <= to_microseconds(now))
    if connection.dialect.name == "postgresql":
        ended = ended.where(revocation.c.ends_at <= extract("epoch", func.clock_timestamp()) * _SECOND)
    return connection.execute(ended).rowcount


def find_revoked_among(connection: Connection, subjects: Collection[str]) -> Revoked:
    """Return what is revoked of *subjects*."""
    query = select(revocation.c.subject, revocation.c.before).where(is_among(revocation.c.subject, subjects))
    return Revoked({row.subject: row.before for row in connection.execute(query)})


def find_revoked(connection: Connection) -> Revoked:
    """Return everything that is revoked."""
    rows = connection.execute(select(revocation.c.subject, revocation.c.before))
    return Revoked({row.subject: row.before for row in rows})
