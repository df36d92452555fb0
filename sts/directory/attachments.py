"""Managed policies attached to users, groups and roles (IAM API Reference, "AttachUserPolicy" and its kin)."""

from dataclasses import dataclass

from sts.directory.bearers import Bearer, confirm_changeable, kind_of
from sts.directory.policies import find_visible_policy, unknown_policy
from sts.errors import NotFound, QuotaExceeded
from sts.store import attachments
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Attachments:
    """Attaches and detaches; *per_bearer* managed policies may be attached to one bearer."""

    per_bearer: int = 10

    def attach(self, tx: Transaction, *, bearer: Bearer, policy_arn: str) -> None:
        """Attach the policy of the bearer's own account or of the service; to attach it again changes nothing.

        Raises NotFound for a policy that is neither, or a bearer that is no longer what was authorized, QuotaExceeded.
        """
        present = confirm_changeable(tx.connection, bearer)
        policy = find_visible_policy(tx.connection, present.account_id, policy_arn)
        if policy is None:
            raise unknown_policy(policy_arn)
        if attachments.is_attached(tx.connection, present.unique_id, policy.policy_id):
            return
        if attachments.count_attached_policies(tx.connection, present.unique_id) >= self.per_bearer:
            raise QuotaExceeded(
                f"Cannot exceed quota for PoliciesPer{kind_of(present).capitalize()}: {self.per_bearer}"
            )
        attachments.insert_attachment(tx.connection, present.unique_id, policy.policy_id, present.account_id, tx.now)
        tx.touch(kind_of(present), present.unique_id)

    def detach(self, tx: Transaction, *, bearer: Bearer, policy_arn: str) -> None:
        """Detach the policy; raises NotFound when it is not attached to the bearer."""
        present = confirm_changeable(tx.connection, bearer)
        policy = find_visible_policy(tx.connection, present.account_id, policy_arn)
        if policy is None or not attachments.delete_attachment(tx.connection, present.unique_id, policy.policy_id):
            raise NotFound(f"Policy {policy_arn} was not found.")
        tx.touch(kind_of(present), present.unique_id)
