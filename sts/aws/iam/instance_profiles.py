"""Instance profiles (IAM API Reference, "CreateInstanceProfile" and its kin)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.access import Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.roles import describe_roles, get_role
from sts.aws.iam.rows import demand, iam_row, on_tagging
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.aws.tags import read_tags, show_tags
from sts.directory.bearers import unknown_bearer
from sts.directory.instance_profiles import InstanceProfiles, unknown_profile
from sts.directory.tags import Tagging
from sts.evaluator import describe_principal
from sts.model import Caller, InstanceProfile, Role
from sts.store import instance_profiles as stored
from sts.store.attachments import BearerKind
from sts.store.database import Transaction
from sts.store.roles import find_role, find_roles_by_id
from sts.store.tags import find_tags
from sts.tags import Tags

_SERVICE = "ec2.amazonaws.com"  # what a role in an instance profile is passed to


@dataclass(frozen=True, slots=True)
class _Joining:
    """A profile and the role that goes into it or out of it; None: there is none of that name."""

    profile: InstanceProfile | None
    role: Role | None
    role_arn: str
    role_tags: Tags


@dataclass(frozen=True, slots=True)
class InstanceProfileOperations:
    """The rows about instance profiles; whoever puts a role into one must be allowed to pass the role on."""

    profiles: InstanceProfiles
    tagging: Tagging
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        add, remove = "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"
        create = on_tagging("iam:CreateInstanceProfile", "iam:TagInstanceProfile")
        on_role = on_bearer(BearerKind.ROLE)
        return (
            iam_row(
                "CreateInstanceProfile", Event.INSTANCE_PROFILE_CREATE, _find_new, Changes(self._create), demands=create
            ),
            iam_row("GetInstanceProfile", Event.INSTANCE_PROFILE_READ, find_profile, Reads(self._get)),
            iam_row("ListInstanceProfiles", Event.INSTANCE_PROFILE_LIST, _find_path, Reads(self._list)),
            iam_row("ListInstanceProfilesForRole", Event.INSTANCE_PROFILE_LIST, on_role, Reads(self._list_for_role)),
            iam_row("DeleteInstanceProfile", Event.INSTANCE_PROFILE_DELETE, find_profile, Changes(self._delete)),
            iam_row(add, Event.INSTANCE_ROLE_ADD, _find_joining, Changes(self._add_role), demands=_demand_passing),
            iam_row(remove, Event.INSTANCE_ROLE_REMOVE, _find_joining, Changes(self._remove_role)),
        )

    def _create(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        profile = self.profiles.create(
            tx, account_id=target.account_id, name=command["InstanceProfileName"], path=command.get("Path", "/")
        )
        self.tagging.put(tx, bearer=profile, tags=read_tags(command))
        (described,) = describe_profiles(tx.connection, [profile])
        return {"InstanceProfile": described | _describe_tags(dict(read_tags(command)))}

    def _get(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        (described,) = describe_profiles(connection, [get_profile(command, target)])
        return {"InstanceProfile": described | _describe_tags(target.tags)}

    def _list(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        after = self.pager.after(command, "ListInstanceProfiles", target.account_id)
        found = stored.list_instance_profiles(
            connection, target.account_id, command.get("PathPrefix", "/"), after, read_limit(command)
        )
        return self._show(connection, command, "ListInstanceProfiles", target, found)

    def _list_for_role(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        role = get_role(command, target)
        after = self.pager.after(command, "ListInstanceProfilesForRole", target.account_id)
        found = stored.list_instance_profiles_of(connection, role.unique_id, after, read_limit(command))
        return self._show(connection, command, "ListInstanceProfilesForRole", target, found)

    def _show(
        self,
        connection: Connection,
        command: Command,
        operation: str,
        target: Target,
        found: Sequence[InstanceProfile],
    ) -> Result:
        shown, more = self.pager.page(found, command, operation, target.account_id, lambda profile: profile.name)
        return {"InstanceProfiles": describe_profiles(connection, shown), **more}

    def _delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.profiles.delete(tx, profile=get_profile(command, target))
        return {}

    def _add_role(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        profile, role = _get_joining(command, target)
        self.profiles.add_role(tx, profile=profile, role=role)
        return {}

    def _remove_role(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        profile, role = _get_joining(command, target)
        self.profiles.remove_role(tx, profile=profile, role=role)
        return {}


def find_profile(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the instance profile that a command names in the caller's account."""
    name = command["InstanceProfileName"]
    profile = stored.find_instance_profile(connection, caller.account_id, name)
    arn = iam_arn(caller.account_id, f"instance-profile/{name}") if profile is None else profile.arn
    return Target(arn, caller.account_id, profile)


def get_profile(command: Command, target: Target) -> InstanceProfile:
    """Return the instance profile that was authorized; raises NotFound when there was none."""
    if not isinstance(target.noun, InstanceProfile):
        raise unknown_profile(command["InstanceProfileName"])
    return target.noun


def _find_joining(connection: Connection, caller: Caller, command: Command) -> Target:
    found, name = find_profile(connection, caller, command), command["RoleName"]
    role = find_role(connection, caller.account_id, name)
    role_arn = iam_arn(caller.account_id, f"role/{name}") if role is None else role.arn
    role_tags = {} if role is None else find_tags(connection, role.unique_id)
    tags = {} if found.noun is None else find_tags(connection, found.noun.unique_id)
    return Target(found.arn, found.account_id, _Joining(found.noun, role, role_arn, role_tags), tags=tags)


def _get_joining(command: Command, target: Target) -> tuple[InstanceProfile, Role]:
    joining: _Joining = target.noun
    if joining.profile is None:
        raise unknown_profile(command["InstanceProfileName"])
    if joining.role is None:
        raise unknown_bearer(BearerKind.ROLE, command["RoleName"])
    return joining.profile, joining.role


def _demand_passing(_caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
    """Return what adding a role demands: that as well which keeps one from passing on a role with more rights."""
    joining: _Joining = target.noun
    passing = Demand(
        action="iam:PassRole",
        resource=joining.role_arn,
        resource_account_id=target.account_id,
        context={
            **describe_principal(joining.role_tags),
            "iam:passedtoservice": (_SERVICE,),
            # Any instance of the account, in any region: which it will be is not known yet.
            "iam:associatedresourcearn": (f"arn:aws:ec2:*:{target.account_id}:instance/*",),
        },
    )
    return demand("iam:AddRoleToInstanceProfile", target), passing


def _find_new(_connection: Connection, caller: Caller, command: Command) -> Target:
    arn = iam_arn(caller.account_id, f"instance-profile{command.get('Path', '/')}{command['InstanceProfileName']}")
    return Target(arn, caller.account_id)


def _find_path(_connection: Connection, caller: Caller, command: Command) -> Target:
    return Target(iam_arn(caller.account_id, f"instance-profile{command.get('PathPrefix', '/')}"), caller.account_id)


def describe_profiles(connection: Connection, profiles: Sequence[InstanceProfile]) -> list[Result]:
    """Return what AWS says of each instance profile in a list."""
    ids = {profile.role_id for profile in profiles if profile.role_id is not None}
    roles = [role for role, _enabled in find_roles_by_id(connection, ids)] if ids else []
    described = dict(zip([role.unique_id for role in roles], describe_roles(connection, roles), strict=True))
    return [
        {
            "Path": profile.path,
            "InstanceProfileName": profile.name,
            "InstanceProfileId": profile.unique_id,
            "Arn": profile.arn,
            "CreateDate": profile.created_at,
            "Roles": [] if profile.role_id is None else [described[profile.role_id]],
        }
        for profile in profiles
    ]


def _describe_tags(tags: Tags) -> Result:
    return {"Tags": show_tags(tags)} if tags else {}
