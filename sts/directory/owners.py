"""Who owns credentials: a user, or an account for its root."""

from typing import TypeAlias

from sqlalchemy import Connection

from sts.directory.bearers import confirm_bearer
from sts.model import Account, User

Owner: TypeAlias = User | Account  # an account stands for its root


def confirm_owner(connection: Connection, owner: Owner) -> None:
    """Raise NotFound when *owner* is a user that is gone or renamed since it was authorized."""
    if isinstance(owner, User):
        confirm_bearer(connection, owner)


def user_id_of(owner: Owner) -> str | None:
    """Return the unique id of a user, None for root."""
    return owner.unique_id if isinstance(owner, User) else None


def owner_id_of(owner: Owner) -> str:
    """Return the unique id of a user, the account's number for root: what a proven caller is known by."""
    return owner.unique_id if isinstance(owner, User) else owner.account_id
