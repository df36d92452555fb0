"""Managed policies and their versions (IAM API Reference, "CreatePolicy" and its kin)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row, on_tagging
from sts.aws.row import DOCUMENT, Changes, Command, Operation, Reads, Result, Target
from sts.aws.tags import read_tags, show_tags
from sts.directory.policies import Policies, find_visible_policy, get_version, unknown_policy
from sts.directory.tags import Tagging
from sts.errors import NotFound
from sts.model import Caller, Policy, PolicyVersion
from sts.store import policies
from sts.store.attachments import BearerKind, BearerName, Usage, list_bearers
from sts.store.database import Transaction
from sts.tags import Tags

_AS_BOUNDARY = "PermissionsBoundary"
_USAGES: Final[Mapping[str | None, Collection[Usage]]] = {
    None: tuple(Usage),
    "PermissionsPolicy": (Usage.PERMISSIONS,),
    _AS_BOUNDARY: (Usage.BOUNDARY,),
}
_FILTERS: Final[Mapping[str, BearerKind]] = {
    "User": BearerKind.USER,
    "Group": BearerKind.GROUP,
    "Role": BearerKind.ROLE,
}


@dataclass(frozen=True, slots=True)
class PolicyOperations:
    """IAM's operations on managed policies."""

    policies: Policies
    tagging: Tagging
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return a row for each operation."""
        choose = Event.POLICY_VERSION_CHOOSE
        return (
            iam_row(
                "CreatePolicy",
                Event.POLICY_CREATE,
                _find_new,
                Changes(self.create),
                demands=on_tagging("iam:CreatePolicy", "iam:TagPolicy"),
                limit=DOCUMENT,
            ),
            iam_row("GetPolicy", Event.POLICY_READ, find_visible, Reads(self.get)),
            iam_row("ListPolicies", Event.POLICY_LIST, _find_path, Reads(self.list)),
            iam_row("DeletePolicy", Event.POLICY_DELETE, find_changeable, Changes(self.delete)),
            iam_row(
                "CreatePolicyVersion",
                Event.POLICY_VERSION_CREATE,
                find_changeable,
                Changes(self.create_version),
                limit=DOCUMENT,
            ),
            iam_row("GetPolicyVersion", Event.POLICY_VERSION_READ, find_visible, Reads(self.get_version)),
            iam_row("ListPolicyVersions", Event.POLICY_VERSION_LIST, find_visible, Reads(self.list_versions)),
            iam_row("DeletePolicyVersion", Event.POLICY_VERSION_DELETE, find_changeable, Changes(self.delete_version)),
            iam_row("SetDefaultPolicyVersion", choose, find_changeable, Changes(self.set_default_version)),
            iam_row("ListEntitiesForPolicy", Event.ATTACHMENT_LIST, find_visible, Reads(self.list_entities)),
        )

    def create(self, tx: Transaction, caller: Caller, command: Command, _target: Target) -> Result:
        """Do CreatePolicy."""
        policy = self.policies.create(
            tx,
            account_id=caller.account_id,
            name=command["PolicyName"],
            document=command["PolicyDocument"],
            path=command.get("Path", "/"),
            description=command.get("Description", ""),
        )
        self.tagging.put(tx, bearer=policy, tags=read_tags(command))
        return {"Policy": describe_policy(policy) | _say_more("", dict(read_tags(command)))}

    def get(self, _connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        """Do GetPolicy; description and tags are told here and in no list."""
        if not isinstance(target.noun, Policy):
            raise NotFound(f"Policy {command['PolicyArn']} was not found.")
        return {"Policy": describe_policy(target.noun) | _say_more(target.noun.description, target.tags)}

    def list(self, connection: Connection, caller: Caller, command: Command, _target: Target) -> Result:
        """Do ListPolicies; every policy can be used to permit, so only the filter for boundaries leaves any out."""
        found = policies.list_policies(
            connection,
            caller.account_id,
            _read_owners(command, caller),
            command.get("PathPrefix", "/"),
            only_attached=command.get("OnlyAttached", False),
            only_boundaries=command.get("PolicyUsageFilter") == _AS_BOUNDARY,
            after=self.pager.after(command, "ListPolicies", caller.account_id),
            limit=read_limit(command),
        )
        shown, more = self.pager.page(found, command, "ListPolicies", caller.account_id, policies.position_of)
        return {"Policies": [describe_policy(policy) for policy in shown], **more}

    def delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do DeletePolicy."""
        self.policies.delete(tx, policy=get_policy(command, target))
        return {}

    def create_version(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do CreatePolicyVersion."""
        version = self.policies.create_version(
            tx,
            policy=get_policy(command, target),
            document=command["PolicyDocument"],
            set_as_default=command.get("SetAsDefault", False),
        )
        return {"PolicyVersion": describe_version(version)}

    def get_version(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        """Do GetPolicyVersion, the only one that returns the document."""
        version = get_version(connection, get_policy(command, target), command["VersionId"])
        return {"PolicyVersion": describe_version(version) | {"Document": version.document}}

    def list_versions(self, connection: Connection, caller: Caller, command: Command, target: Target) -> Result:
        """Do ListPolicyVersions, the newest first."""
        policy, operation = get_policy(command, target), "ListPolicyVersions"
        after = self.pager.after(command, operation, caller.account_id)
        before = None if after is None else int(after)
        found = policies.list_versions(connection, policy.policy_id, before, read_limit(command))
        shown, more = self.pager.page(found, command, operation, caller.account_id, lambda each: each.version_id[1:])
        return {"Versions": [describe_version(version) for version in shown], **more}

    def delete_version(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do DeletePolicyVersion."""
        self.policies.delete_version(tx, policy=get_policy(command, target), version_id=command["VersionId"])
        return {}

    def set_default_version(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do SetDefaultPolicyVersion."""
        self.policies.set_default_version(tx, policy=get_policy(command, target), version_id=command["VersionId"])
        return {}

    def list_entities(self, connection: Connection, caller: Caller, command: Command, target: Target) -> Result:
        """Do ListEntitiesForPolicy: what uses the policy in the caller's account."""
        policy, operation = get_policy(command, target), "ListEntitiesForPolicy"
        found = list_bearers(
            connection,
            policy.policy_id,
            caller.account_id,
            _read_kinds(command),
            command.get("PathPrefix", "/"),
            usages=_USAGES[command.get("PolicyUsageFilter")],
            after=self.pager.after(command, operation, caller.account_id),
            limit=read_limit(command),
        )
        shown, more = self.pager.page(found, command, operation, caller.account_id, lambda bearer: bearer.unique_id)
        return {f"Policy{noun}s": _say_bearers(noun, kind, shown) for noun, kind in _FILTERS.items()} | more


def _find_new(_connection: Connection, caller: Caller, command: Command) -> Target:
    path = command.get("Path", "/")
    return Target(iam_arn(caller.account_id, f"policy{path}{command['PolicyName']}"), caller.account_id)


def _find_path(_connection: Connection, caller: Caller, command: Command) -> Target:
    return Target(iam_arn(caller.account_id, f"policy{command.get('PathPrefix', '/')}"), caller.account_id)


def find_visible(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the policy that PolicyArn names, of the caller's account or of the service."""
    arn = command["PolicyArn"]
    return Target(arn, caller.account_id, find_visible_policy(connection, caller.account_id, arn))


def find_changeable(connection: Connection, caller: Caller, command: Command) -> Target:
    """Find the policy; one that is kept by the service is in the service's account, where no caller may do anything."""
    target = find_visible(connection, caller, command)
    owned = isinstance(target.noun, Policy) and target.noun.account_id == policies.SERVICE_ACCOUNT
    return replace(target, account_id=policies.SERVICE_ACCOUNT) if owned else target


def get_policy(command: Command, target: Target) -> Policy:
    """Return the policy that was authorized; raises NotFound when there was none."""
    if not isinstance(target.noun, Policy):
        raise unknown_policy(command["PolicyArn"])
    return target.noun


def _read_owners(command: Command, caller: Caller) -> tuple[str, ...]:
    match command.get("Scope", "All"):
        case "AWS":
            return (policies.SERVICE_ACCOUNT,)
        case "Local":
            return (caller.account_id,)
    return (caller.account_id, policies.SERVICE_ACCOUNT)


def _read_kinds(command: Command) -> tuple[BearerKind, ...]:
    """Return the kinds of bearers asked for: none for the filters that name policies."""
    wanted = command.get("EntityFilter")
    return tuple(kind for noun, kind in _FILTERS.items() if wanted in {None, noun})


def describe_policy(policy: Policy) -> dict[str, Any]:
    """Return what AWS says of a managed policy in a list."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": policy.attachment_count,
        "PermissionsBoundaryUsageCount": policy.boundary_count,
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def _say_more(description: str, tags: Tags) -> dict[str, Any]:
    described = {"Description": description} if description else {}
    return described | ({"Tags": show_tags(tags)} if tags else {})


def describe_version(version: PolicyVersion) -> dict[str, Any]:
    """Return what AWS says of a version, without its document."""
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.created_at,
    }


def _say_bearers(noun: str, kind: BearerKind, bearers: Sequence[BearerName]) -> list[dict[str, str]]:
    return [{f"{noun}Name": each.name, f"{noun}Id": each.unique_id} for each in bearers if each.kind is kind]
