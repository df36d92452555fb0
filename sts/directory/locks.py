"""What was locked because somebody guessed is opened here before its time."""

from sts.directory.bearers import confirm_bearer
from sts.model import User
from sts.store import code_failures, password_failures
from sts.store.database import Transaction


def unlock(tx: Transaction, *, user: User) -> None:
    """Forget the wrong passwords and codes that were counted for the user, who may try again now; raises NotFound."""
    confirm_bearer(tx.connection, user)
    password_failures.unlock(tx.connection, user.unique_id)
    code_failures.unlock(tx.connection, user.unique_id)
