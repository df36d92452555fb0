"""Who owns credentials: a user, or an account for its root."""

from typing import TypeAlias

from sqlalchemy import Connection

from sts.directory.bearers import confirm_bearer
from sts.errors import NotFound
from sts.model import Account, User
from sts.store.accounts import find_account
from sts.store.users import find_user_by_id

Owner: TypeAlias = User | Account  # an account stands for its root


def confirm_owner(connection: Connection, owner: Owner) -> None:
    """Raise NotFound when *owner* is a user that is gone or renamed since it was authorized."""
    if isinstance(owner, User):
        confirm_bearer(connection, owner)


def get_owner(connection: Connection, account_id: str, owner_id: str) -> Owner:
    """Return the owner of this id, as it stands now; raises NotFound."""
    found = find_account(connection, account_id) if owner_id == account_id else find_user_by_id(connection, owner_id)
    if found is None:
        raise NotFound(f"{owner_id} cannot be found.")
    return found


def user_id_of(owner: Owner) -> str | None:
    """Return the unique id of a user, None for root."""
    return owner.unique_id if isinstance(owner, User) else None


def owner_id_of(owner: Owner) -> str:
    """Return the unique id of a user, the account's number for root: what a proven caller is known by."""
    return owner.unique_id if isinstance(owner, User) else owner.account_id
