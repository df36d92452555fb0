"""Who must have a second factor to sign in: one user, or everybody of an account with its root.

Whoever must and has none is made to enrol one at their next sign-in.
"""

from sqlalchemy import Connection

from sts.directory.owners import Owner, confirm_owner, owner_id_of
from sts.store import factor_requirements
from sts.store.database import Transaction


def require_factor(tx: Transaction, *, subject: Owner) -> bool:
    """Require a second factor of a user or of all of an account; say whether that is new. Raises NotFound."""
    confirm_owner(tx.connection, subject)
    return factor_requirements.require_factor(tx.connection, owner_id_of(subject), tx.now)


def release_factor(tx: Transaction, *, subject: Owner) -> bool:
    """Take the requirement from a user or an account; say whether there was one. Raises NotFound.

    A user of an account of which all must have one still must.
    """
    confirm_owner(tx.connection, subject)
    return factor_requirements.release_factor(tx.connection, owner_id_of(subject))


def is_factor_required(connection: Connection, *, account_id: str, owner_id: str) -> bool:
    """Say whether the owner of credentials must have a second factor to sign in."""
    subjects = (owner_id, account_id)
    return any(factor_requirements.is_factor_required(connection, subject) for subject in subjects)
