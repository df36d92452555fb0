"""Users, by the rules: names unique ignoring case, a rename that takes everything along, nothing deleted while in use.

A verb that changes a user takes it as it was authorized and reads it anew: one that is gone, or that bears another ARN
by now, is not found, so that nothing is done to what was not authorized.
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.directory.bearers import confirm_bearer, require_bare
from sts.directory.names import USER_NAME_LENGTH, verify_name, verify_path
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InUse, NotFound, QuotaExceeded
from sts.model import User
from sts.store import (
    access_keys,
    code_failures,
    factor_requirements,
    groups,
    links,
    login_profiles,
    mfa_devices,
    password_failures,
    recovery_codes,
    users,
)
from sts.store.boundaries import delete_boundary
from sts.store.database import Transaction
from sts.store.tags import delete_all_tags


@dataclass(frozen=True, slots=True)
class Users:
    """Changes users."""

    entropy: Entropy
    per_account: int = 5_000

    def create(self, tx: Transaction, *, account_id: str, name: str, path: str = "/") -> User:
        """Create a user; raises InputInvalid, AlreadyExists, QuotaExceeded."""
        verify_name(name, USER_NAME_LENGTH)
        verify_path(path)
        self._require_free(tx, account_id, name)
        if users.count_users(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for UsersPerAccount: {self.per_account}")
        new = User(
            unique_id=self.entropy.unique_id("AIDA"), account_id=account_id, name=name, path=path, created_at=tx.now
        )
        users.insert_user(tx.connection, new)
        _touch(tx, new)
        return new

    def update(self, tx: Transaction, *, user: User, new_name: str | None = None, new_path: str | None = None) -> User:
        """Rename or move the user, None leaves as it is; raises NotFound, InputInvalid, AlreadyExists."""
        present = confirm_bearer(tx.connection, user)
        changed = replace(
            present,
            name=present.name if new_name is None else verify_name(new_name, USER_NAME_LENGTH),
            path=present.path if new_path is None else verify_path(new_path),
        )
        self._require_free(tx, changed.account_id, changed.name, but=changed.unique_id)
        users.update_user(tx.connection, changed)
        _touch(tx, present)
        _touch(tx, changed)
        return changed

    def delete(self, tx: Transaction, *, user: User) -> None:
        """Delete the user; raises NotFound, and InUse while policies, keys, MFA devices or memberships remain."""
        present = confirm_bearer(tx.connection, user)
        self._require_unused(tx.connection, present)
        delete_boundary(tx.connection, present.unique_id)
        delete_all_tags(tx.connection, present.unique_id)
        _forget_sign_in(tx.connection, present.unique_id)
        users.delete_user(tx.connection, present.unique_id)
        _touch(tx, present)

    def _require_free(self, tx: Transaction, account_id: str, name: str, but: str | None = None) -> None:
        namesake = users.find_user_ignoring_case(tx.connection, account_id, name)
        if namesake is not None and namesake.unique_id != but:
            raise AlreadyExists(f"User with name {name} already exists.")

    def _require_unused(self, connection: Connection, user: User) -> None:
        require_bare(connection, user.unique_id)
        if login_profiles.find_login_profile(connection, user.unique_id) is not None:
            raise InUse("Cannot delete entity, must delete login profile first.")
        if access_keys.list_access_keys(connection, user.account_id, user.unique_id):
            raise InUse("Cannot delete entity, must delete access keys first.")
        if mfa_devices.list_owned(connection, user.unique_id):
            raise InUse("Cannot delete entity, must delete MFA device first.")
        if groups.find_group_ids(connection, user.unique_id):
            raise InUse("Cannot delete entity, must remove users from group first.")


def get_user(connection: Connection, account_id: str, name: str) -> User:
    """Return the user called exactly *name*; raises NotFound."""
    found = users.find_user(connection, account_id, name)
    if found is None:
        raise NotFound(f"The user with name {name} cannot be found.")
    return found


def _forget_sign_in(connection: Connection, user_id: str) -> None:
    """Let nothing of a user's ways to sign in outlive the user."""
    code_failures.delete_counts(connection, user_id)
    password_failures.delete_counts(connection, user_id)
    links.delete_link_of(connection, user_id)
    recovery_codes.delete_stamps(connection, user_id)
    factor_requirements.release_factor(connection, user_id)


def _touch(tx: Transaction, user: User) -> None:
    tx.touch("user", user.unique_id)
