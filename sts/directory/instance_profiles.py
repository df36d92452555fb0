"""Instance profiles: what a virtual machine is started with, and the one role in it (IAM User Guide, same title)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.directory.bearers import confirm_changeable
from sts.directory.names import verify_name, verify_path
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InUse, NotFound, QuotaExceeded
from sts.model import InstanceProfile, Role
from sts.store import instance_profiles as stored
from sts.store.database import Transaction
from sts.store.tags import delete_all_tags

_NAME_LENGTH = 128


@dataclass(frozen=True, slots=True)
class InstanceProfiles:
    """Changes instance profiles; they are in no snapshot, so nothing is touched."""

    entropy: Entropy
    per_account: int = 1_000

    def create(self, tx: Transaction, *, account_id: str, name: str, path: str = "/") -> InstanceProfile:
        """Create an instance profile without a role; raises InputInvalid, AlreadyExists, QuotaExceeded."""
        if stored.find_instance_profile_ignoring_case(tx.connection, account_id, name) is not None:
            raise AlreadyExists(f"Instance Profile {name} already exists.")
        if stored.count_instance_profiles(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for InstanceProfilesPerAccount: {self.per_account}")
        new = InstanceProfile(
            unique_id=self.entropy.unique_id("AIPA"),
            account_id=account_id,
            name=verify_name(name, _NAME_LENGTH),
            path=verify_path(path),
            role_id=None,
            created_at=tx.now,
        )
        stored.insert_instance_profile(tx.connection, new)
        return new

    def delete(self, tx: Transaction, *, profile: InstanceProfile) -> None:
        """Delete an instance profile that holds no role; raises NotFound, InUse."""
        present = confirm_profile(tx.connection, profile)
        if present.role_id is not None:
            raise InUse("Cannot delete entity, must remove roles from instance profile first.")
        delete_all_tags(tx.connection, present.unique_id)
        stored.delete_instance_profile(tx.connection, present.unique_id)

    def add_role(self, tx: Transaction, *, profile: InstanceProfile, role: Role) -> None:
        """Put the role into the profile, which holds one at most; raises NotFound, QuotaExceeded."""
        present, passed = confirm_profile(tx.connection, profile), confirm_changeable(tx.connection, role)
        if present.role_id is not None:
            raise QuotaExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
        stored.put_role(tx.connection, present.unique_id, passed.unique_id)

    def remove_role(self, tx: Transaction, *, profile: InstanceProfile, role: Role) -> None:
        """Take the role out of the profile; raises NotFound, also when it is not in it."""
        present = confirm_profile(tx.connection, profile)
        if present.role_id != role.unique_id:
            raise NotFound(f"Role {role.name} cannot be found in Instance Profile {present.name}.")
        stored.put_role(tx.connection, present.unique_id, None)


def confirm_profile(connection: Connection, authorized: InstanceProfile) -> InstanceProfile:
    """Return what was authorized as it stands now; raises NotFound when it is gone, whatever bears its name."""
    present = stored.find_instance_profile(connection, authorized.account_id, authorized.name)
    if present is None or present.unique_id != authorized.unique_id:
        raise unknown_profile(authorized.name)
    return present


def unknown_profile(name: str) -> NotFound:
    """Return the refusal of a name that no instance profile has."""
    return NotFound(f"Instance Profile {name} cannot be found.")
