"""Who must have a second factor to sign in: the queries.

The subject is a user, by unique id, or all of an account with its root, by the account's digits.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from sts.store.database import to_microseconds
from sts.store.tables import factor_requirement


def is_factor_required(connection: Connection, subject: str) -> bool:
    """Say whether the requirement was made of the subject itself."""
    query = select(factor_requirement.c.subject).where(factor_requirement.c.subject == subject)
    return connection.execute(query).one_or_none() is not None


def require_factor(connection: Connection, subject: str, now: datetime) -> bool:
    """Require a second factor of the subject; say whether that was not so before."""
    if is_factor_required(connection, subject):
        return False
    connection.execute(insert(factor_requirement).values(subject=subject, required_at=to_microseconds(now)))
    return True


def release_factor(connection: Connection, subject: str) -> bool:
    """Require none of the subject any more; say whether one was."""
    return connection.execute(delete(factor_requirement).where(factor_requirement.c.subject == subject)).rowcount == 1
