"""What was locked because somebody guessed is opened here before its time."""

from sts.directory.bearers import confirm_bearer
from sts.model import User
from sts.store import code_failures
from sts.store.database import Transaction


def unlock(tx: Transaction, *, user: User) -> None:
    """Forget the wrong codes that were counted for the user, so that it may try again now; raises NotFound."""
    confirm_bearer(tx.connection, user)
    code_failures.reset_count(tx.connection, user.unique_id)
