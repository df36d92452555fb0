"""Managed policies and their versions (IAM User Guide, "Versioning IAM policies").

An account sees its own policies and those that are kept by the service; the latter it can read and attach, not change.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.arn import parse_arn
from sts.directory.names import verify_name, verify_path
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InputInvalid, InUse, Malformed, NotFound, QuotaExceeded, Unmodifiable
from sts.model import Policy, PolicyVersion
from sts.policy.document import Kind, measure_document, parse_document
from sts.store import policies
from sts.store.attachments import count_attachments
from sts.store.boundaries import count_boundaries
from sts.store.database import Transaction
from sts.store.tags import delete_all_tags

_NAME_LENGTH = 128
# Nine digits stay within the column; no policy comes near as many versions.
_VERSION_ID = re.compile(r"v([1-9][0-9]{0,8})", re.ASCII)


def find_visible_policy(connection: Connection, account_id: str, arn: str) -> Policy | None:
    """Return the policy that has this very ARN when it is the account's own or the service's.

    A policy of another account is never looked up, so that nothing tells whether it exists.
    """
    if parse_policy_arn(arn) not in {account_id, policies.SERVICE_ACCOUNT}:
        return None
    return policies.find_policy(connection, arn, viewer=account_id)


def parse_policy_arn(text: str) -> str:
    """Return the account in the ARN of a policy; raises InputInvalid when *text* is no ARN."""
    try:
        return parse_arn(text).account_id
    except Malformed:
        raise InputInvalid(f"ARN {text} is not valid.") from None


def get_version(connection: Connection, policy: Policy, version_id: str) -> PolicyVersion:
    """Return the version called *version_id* (`v1`, `v2`, …); raises NotFound."""
    number = _VERSION_ID.fullmatch(version_id)
    found = policies.find_version(connection, policy.policy_id, int(number[1])) if number else None
    if found is None:
        raise NotFound(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")
    return found


@dataclass(frozen=True, slots=True)
class Policies:
    """Changes managed policies; a version has at most *size* characters, white space not counted."""

    entropy: Entropy
    per_account: int = 1_500
    versions: int = 5
    size: int = 6_144

    def create(
        self, tx: Transaction, *, account_id: str, name: str, document: str, path: str = "/", description: str = ""
    ) -> Policy:
        """Create a policy whose first version is *document*.

        Raises InputInvalid, PolicyMalformed, AlreadyExists, QuotaExceeded.
        """
        self._require_sound(document)
        if policies.is_policy_name_taken(tx.connection, account_id, name):
            raise AlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
        if policies.count_policies(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for PoliciesPerAccount: {self.per_account}")
        policy = Policy(
            policy_id=self.entropy.unique_id("ANPA"),
            account_id=account_id,
            name=verify_name(name, _NAME_LENGTH),
            path=verify_path(path),
            description=description,
            default_version_id="v1",
            attachment_count=0,
            boundary_count=0,
            created_at=tx.now,
            updated_at=tx.now,
        )
        policies.insert_policy(tx.connection, policy, document)
        _touch(tx, policy)
        return policy

    def delete(self, tx: Transaction, *, policy: Policy) -> None:
        """Forget a policy that is attached to nothing and has its default version only; raises InUse, NotFound."""
        present = get_changeable_policy(tx.connection, policy)
        if is_used(tx.connection, present.policy_id):
            raise InUse("Cannot delete a policy attached to entities.")
        if policies.count_versions(tx.connection, present.policy_id) > 1:
            raise InUse(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        delete_all_tags(tx.connection, present.policy_id)
        policies.delete_policy(tx.connection, present.policy_id)
        _touch(tx, present)

    def create_version(
        self, tx: Transaction, *, policy: Policy, document: str, set_as_default: bool = False
    ) -> PolicyVersion:
        """Give *policy* another version and return it; raises PolicyMalformed, QuotaExceeded, NotFound."""
        present = get_changeable_policy(tx.connection, policy)
        self._require_sound(document)
        if policies.count_versions(tx.connection, present.policy_id) >= self.versions:
            raise QuotaExceeded(
                f"A managed policy can have up to {self.versions} versions. Before you create a new version, "
                "you must delete an existing version."
            )
        number = policies.insert_version(tx.connection, present.policy_id, document, tx.now)
        if set_as_default:
            policies.set_default_version(tx.connection, present.policy_id, number)
            _touch(tx, present)
        return get_version(tx.connection, present, f"v{number}")

    def delete_version(self, tx: Transaction, *, policy: Policy, version_id: str) -> None:
        """Forget a version that is not the default; raises InUse, NotFound."""
        present = get_changeable_policy(tx.connection, policy)
        if get_version(tx.connection, present, version_id).is_default:
            raise InUse("Cannot delete the default version of a policy.")
        policies.delete_version(tx.connection, present.policy_id, int(version_id[1:]))

    def set_default_version(self, tx: Transaction, *, policy: Policy, version_id: str) -> None:
        """Make the version the one that speaks for the policy; raises NotFound."""
        present = get_changeable_policy(tx.connection, policy)
        if not get_version(tx.connection, present, version_id).is_default:
            policies.set_default_version(tx.connection, present.policy_id, int(version_id[1:]))
            _touch(tx, present)

    def _require_sound(self, document: str) -> None:
        parse_document(document, Kind.IDENTITY)
        if measure_document(document) > self.size:
            raise QuotaExceeded(f"Cannot exceed quota for PolicySize: {self.size}")


def is_used(connection: Connection, policy_id: str) -> bool:
    """Say whether the policy is attached to anything, or is anybody's permissions boundary, in whatever account."""
    return bool(count_attachments(connection, policy_id) or count_boundaries(connection, policy_id))


def unknown_policy(arn: str) -> NotFound:
    """Return the refusal of an ARN that no policy has which the account can see."""
    return NotFound(f"Policy {arn} does not exist or is not attachable.")


def get_changeable_policy(connection: Connection, authorized: Policy) -> Policy:
    """Return what was authorized as it stands now; raises NotFound when it is gone, Unmodifiable for the service's."""
    if authorized.account_id == policies.SERVICE_ACCOUNT:
        raise Unmodifiable(f"Policy {authorized.arn} is kept by the service and cannot be changed.")
    present = policies.find_policy(connection, authorized.arn)
    if present is None or present.policy_id != authorized.policy_id:
        # A policy that was deleted and made anew under the same name is not the one that was authorized.
        raise unknown_policy(authorized.arn)
    return present


def _touch(tx: Transaction, policy: Policy) -> None:
    tx.touch("policy", policy.policy_id)
    # That no policy has this ARN is remembered too.
    tx.touch("policy-arn", policy.arn)
