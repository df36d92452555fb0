"""Roles, by the rules: names unique ignoring case, trust by unique id, nothing deleted while in use.

A verb that changes a role takes it as it was authorized and reads it anew: one that is gone, or that bears another ARN
by now, is not found, so that nothing is done to what was not authorized.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from sts.directory.bearers import confirm_bearer, confirm_changeable, require_bare, require_unlinked
from sts.directory.names import verify_name, verify_path
from sts.directory.trust import resolve_trust
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InputInvalid, InUse, QuotaExceeded
from sts.model import SERVICE_LINKED_PATH, Role
from sts.policy.document import measure_document
from sts.store import roles
from sts.store.boundaries import delete_boundary
from sts.store.database import Transaction
from sts.store.instance_profiles import list_instance_profiles_of
from sts.store.tags import delete_all_tags

_NAME_LENGTH = 64
_SHORTEST_MAXIMUM = timedelta(hours=1)
_LONGEST_MAXIMUM = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Roles:
    """Changes roles; a trust policy has at most *trust_size* characters, white space not counted."""

    entropy: Entropy
    per_account: int = 1_000
    trust_size: int = 2_048

    def create(
        self,
        tx: Transaction,
        *,
        account_id: str,
        name: str,
        trust_policy: str,
        path: str = "/",
        description: str = "",
        max_session_duration: timedelta = _SHORTEST_MAXIMUM,
        linked: bool = False,
    ) -> Role:
        """Create a role, *linked* to a service when its path says so.

        Raises InputInvalid, PolicyMalformed, AlreadyExists, QuotaExceeded.
        """
        if path.startswith(SERVICE_LINKED_PATH) and not linked:
            raise InputInvalid(f"The path {SERVICE_LINKED_PATH} is reserved for service-linked roles.")
        if roles.find_role_ignoring_case(tx.connection, account_id, name) is not None:
            raise AlreadyExists(f"Role with name {name} already exists.")
        if roles.count_roles(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for RolesPerAccount: {self.per_account}")
        new = Role(
            unique_id=self.entropy.unique_id("AROA"),
            account_id=account_id,
            name=verify_name(name, _NAME_LENGTH),
            path=verify_path(path),
            trust_policy=self._resolve_trust(tx.connection, trust_policy),
            description=description,
            max_session_duration=_verify_maximum(max_session_duration),
            created_at=tx.now,
        )
        roles.insert_role(tx.connection, new)
        _touch(tx, new)
        return new

    def update(
        self,
        tx: Transaction,
        *,
        role: Role,
        description: str | None = None,
        max_session_duration: timedelta | None = None,
    ) -> Role:
        """Describe the role anew or change its longest session, None leaves as it is.

        Raises NotFound, InputInvalid, and Unmodifiable for the longest session of a service-linked role.
        """
        present = confirm_bearer(tx.connection, role)
        if max_session_duration is not None:
            require_unlinked(present)
        longest = present.max_session_duration if max_session_duration is None else max_session_duration
        changed = replace(
            present,
            description=present.description if description is None else description,
            max_session_duration=_verify_maximum(longest),
        )
        return _keep(tx, changed)

    def update_trust(self, tx: Transaction, *, role: Role, trust_policy: str) -> Role:
        """Give the role another trust policy; raises NotFound, Unmodifiable, PolicyMalformed, QuotaExceeded."""
        present = confirm_changeable(tx.connection, role)
        return _keep(tx, replace(present, trust_policy=self._resolve_trust(tx.connection, trust_policy)))

    def delete(self, tx: Transaction, *, role: Role) -> None:
        """Delete the role; raises NotFound, Unmodifiable, InUse while it has policies or is in an instance profile."""
        forget_role(tx, confirm_changeable(tx.connection, role))

    def _resolve_trust(self, connection: Connection, document: str) -> str:
        resolved = resolve_trust(connection, document)
        if measure_document(document) > self.trust_size:
            raise QuotaExceeded(f"Cannot exceed quota for ACLSizePerRole: {self.trust_size}")
        return resolved


def forget_role(tx: Transaction, present: Role) -> None:
    """Delete a role that may be deleted; raises InUse while it has policies or is in an instance profile."""
    require_bare(tx.connection, present.unique_id)
    if list_instance_profiles_of(tx.connection, present.unique_id, None, 1):
        raise InUse("Cannot delete entity, must remove roles from instance profile first.")
    delete_boundary(tx.connection, present.unique_id)
    delete_all_tags(tx.connection, present.unique_id)
    roles.delete_role(tx.connection, present.unique_id)
    _touch(tx, present)


def _verify_maximum(span: timedelta) -> timedelta:
    if not _SHORTEST_MAXIMUM <= span <= _LONGEST_MAXIMUM:
        raise InputInvalid("The longest session of a role lasts between 3600 and 43200 seconds.")
    return span


def _keep(tx: Transaction, changed: Role) -> Role:
    roles.update_role(tx.connection, changed)
    _touch(tx, changed)
    return changed


def _touch(tx: Transaction, role: Role) -> None:
    tx.touch("role", role.unique_id)
    tx.touch("role-name", f"{role.account_id}/{role.name}")
