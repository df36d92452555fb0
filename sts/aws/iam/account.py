"""The account itself: its alias, its numbers, and the password policy that it has not."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.access_keys import AccessKeys
from sts.directory.aliases import create_alias, delete_alias
from sts.directory.attachments import Attachments
from sts.directory.groups import Groups
from sts.directory.inline_policies import InlinePolicies
from sts.directory.instance_profiles import InstanceProfiles
from sts.directory.policies import Policies
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.model import Caller
from sts.store.aliases import find_alias
from sts.store.attachments import BearerKind
from sts.store.database import Transaction
from sts.store.summary import count_everything

# Nobody has any of these: they are not offered.
_NONE = (
    "AccountSigningCertificatesPresent",
    "ServerCertificates",
    "ServerCertificatesQuota",
    "SigningCertificatesPerUserQuota",
)
_IN_ALL_REGIONS = 2  # the version of session tokens that are taken everywhere (IAM User Guide, "Manage AWS STS")
_FLAGS = ("AccountMFAEnabled", "AccountAccessKeysPresent", "AccountPasswordPresent")  # AWS says whether, not how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Those who keep to the quotas."""

    users: Users
    access_keys: AccessKeys
    groups: Groups
    roles: Roles
    profiles: InstanceProfiles
    policies: Policies
    inline: InlinePolicies
    attachments: Attachments

    def describe(self) -> Mapping[str, int]:
        """Return the quotas under AWS's names (IAM API Reference, "GetAccountSummary")."""
        attached = {f"AttachedPoliciesPer{kind.capitalize()}Quota": self.attachments.per_bearer for kind in BearerKind}
        inline = {f"{kind.capitalize()}PolicySizeQuota": size for kind, size in self.inline.sizes.items()}
        return (
            attached
            | inline
            | {
                "UsersQuota": self.users.per_account,
                "AccessKeysPerUserQuota": self.access_keys.per_owner,
                "GroupsQuota": self.groups.per_account,
                "GroupsPerUserQuota": self.groups.per_user,
                "RolesQuota": self.roles.per_account,
                "AssumeRolePolicySizeQuota": self.roles.trust_size,
                "InstanceProfilesQuota": self.profiles.per_account,
                "PoliciesQuota": self.policies.per_account,
                "PolicySizeQuota": self.policies.size,
                "VersionsPerPolicyQuota": self.policies.versions,
                "PolicyVersionsInUseQuota": self.policies.per_account * self.policies.versions,
            }
        )


@dataclass(frozen=True, slots=True)
class AccountOperations:
    """The rows about the account; *quotas* are told beside the counts."""

    quotas: Quotas
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        return (
            iam_row("CreateAccountAlias", Event.ALIAS_CREATE, find_everything, Changes(_create_alias)),
            iam_row("DeleteAccountAlias", Event.ALIAS_DELETE, find_everything, Changes(_delete_alias)),
            iam_row("ListAccountAliases", Event.ALIAS_LIST, find_everything, Reads(self._list_aliases)),
            iam_row("GetAccountSummary", Event.ACCOUNT_READ, find_everything, Reads(self._get_summary)),
        )

    def _list_aliases(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        after, alias = self.pager.after(command, "ListAccountAliases", target.account_id), None
        if after is None:
            alias = find_alias(connection, target.account_id)
        shown, more = self.pager.page(
            ([] if alias is None else [alias])[: read_limit(command)],
            command,
            "ListAccountAliases",
            target.account_id,
            str,
        )
        return {"AccountAliases": list(shown), **more}

    def _get_summary(self, connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
        counts = dict(count_everything(connection, target.account_id))
        flags = {name: min(counts[name], 1) for name in _FLAGS}
        fixed = {**dict.fromkeys(_NONE, 0), "GlobalEndpointTokenVersion": _IN_ALL_REGIONS}
        return {"SummaryMap": {**counts, **flags, **fixed, **self.quotas.describe()}}


def find_everything(_connection: Connection, caller: Caller, _command: Command) -> Target:
    """Return the target of an operation that is about no resource but the account."""
    return Target("*", caller.account_id)


def _create_alias(tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
    create_alias(tx, account_id=target.account_id, alias=command["AccountAlias"])
    return {}


def _delete_alias(tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
    delete_alias(tx, account_id=target.account_id, alias=command["AccountAlias"])
    return {}
