"""Groups and who is in them, by the rules: as for users, and a membership is a change of the user's rights.

A verb that changes a group takes it as it was authorized and reads it anew: one that is gone, or that bears another
ARN by now, is not found.
"""

from dataclasses import dataclass, replace

from sts.directory.bearers import confirm_bearer, require_bare
from sts.directory.names import GROUP_NAME_LENGTH, verify_name, verify_path
from sts.directory.users import get_user
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InUse, NotFound, QuotaExceeded
from sts.model import Group
from sts.store import groups
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Groups:
    """Changes groups and their members."""

    entropy: Entropy
    per_account: int = 300
    per_user: int = 10

    def create(self, tx: Transaction, *, account_id: str, name: str, path: str = "/") -> Group:
        """Create a group; raises InputInvalid, AlreadyExists, QuotaExceeded."""
        verify_name(name, GROUP_NAME_LENGTH)
        verify_path(path)
        self._require_free(tx, account_id, name)
        if groups.count_groups(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for GroupsPerAccount: {self.per_account}")
        new = Group(
            unique_id=self.entropy.unique_id("AGPA"), account_id=account_id, name=name, path=path, created_at=tx.now
        )
        groups.insert_group(tx.connection, new)
        tx.touch("group", new.unique_id)
        return new

    def update(
        self, tx: Transaction, *, group: Group, new_name: str | None = None, new_path: str | None = None
    ) -> Group:
        """Rename or move the group, None leaves as it is; raises NotFound, InputInvalid, AlreadyExists."""
        present = confirm_bearer(tx.connection, group)
        changed = replace(
            present,
            name=present.name if new_name is None else verify_name(new_name, GROUP_NAME_LENGTH),
            path=present.path if new_path is None else verify_path(new_path),
        )
        self._require_free(tx, changed.account_id, changed.name, but=changed.unique_id)
        groups.update_group(tx.connection, changed)
        tx.touch("group", changed.unique_id)
        return changed

    def delete(self, tx: Transaction, *, group: Group) -> None:
        """Delete the group; raises NotFound, and InUse while policies or members remain."""
        present = confirm_bearer(tx.connection, group)
        require_bare(tx.connection, present.unique_id)
        if groups.list_members(tx.connection, present.unique_id, None, 1):
            raise InUse("Cannot delete entity, must remove users from group first.")
        groups.delete_group(tx.connection, present.unique_id)
        tx.touch("group", present.unique_id)

    def add_member(self, tx: Transaction, *, group: Group, user_name: str) -> None:
        """Put a user of the group's account into it, once however often; raises NotFound, QuotaExceeded."""
        present = confirm_bearer(tx.connection, group)
        user = get_user(tx.connection, present.account_id, user_name)
        joined = groups.find_group_ids(tx.connection, user.unique_id)
        if present.unique_id in joined:
            return
        if len(joined) >= self.per_user:
            raise QuotaExceeded(f"Cannot exceed quota for GroupsPerUser: {self.per_user}")
        groups.insert_membership(tx.connection, present.unique_id, user.unique_id)
        tx.touch("user", user.unique_id)

    def remove_member(self, tx: Transaction, *, group: Group, user_name: str) -> None:
        """Take the user out of the group; raises NotFound, also when the user is not in it."""
        present = confirm_bearer(tx.connection, group)
        user = get_user(tx.connection, present.account_id, user_name)
        if present.unique_id not in groups.find_group_ids(tx.connection, user.unique_id):
            raise NotFound(f"User {user_name} not in group {present.name}")
        groups.delete_membership(tx.connection, present.unique_id, user.unique_id)
        tx.touch("user", user.unique_id)

    def _require_free(self, tx: Transaction, account_id: str, name: str, but: str | None = None) -> None:
        namesake = groups.find_group_ignoring_case(tx.connection, account_id, name)
        if namesake is not None and namesake.unique_id != but:
            raise AlreadyExists(f"Group with name {name} already exists.")
