"""Permissions boundaries of users and roles (IAM User Guide, "Permissions boundaries for IAM entities")."""

from typing import TypeAlias

from sts.directory.bearers import confirm_changeable, kind_of
from sts.directory.policies import find_visible_policy, unknown_policy
from sts.errors import NotFound
from sts.model import Role, User
from sts.store.boundaries import delete_boundary, put_boundary
from sts.store.database import Transaction

Bounded: TypeAlias = User | Role


def bound(tx: Transaction, *, bearer: Bounded, policy_arn: str) -> None:
    """Make the policy, of the bearer's own account or of the service, its permissions boundary.

    Raises NotFound for a policy that is neither, and when the bearer is no longer what was authorized.
    """
    present = confirm_changeable(tx.connection, bearer)
    policy = find_visible_policy(tx.connection, present.account_id, policy_arn)
    if policy is None:
        raise unknown_policy(policy_arn)
    put_boundary(tx.connection, present.unique_id, policy.policy_id, present.account_id)
    tx.touch(kind_of(present), present.unique_id)


def unbound(tx: Transaction, *, bearer: Bounded) -> None:
    """Take the permissions boundary away; raises NotFound when there is none."""
    present = confirm_changeable(tx.connection, bearer)
    if not delete_boundary(tx.connection, present.unique_id):
        raise NotFound(f"The {kind_of(present)} with name {present.name} has no permissions boundary.")
    tx.touch(kind_of(present), present.unique_id)
