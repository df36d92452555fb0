"""GetAccountAuthorizationDetails: everything of an account that its authorization rests on, in one list of pages.

The pages run through users, groups, roles, the account's own policies and those of the service, each kind by name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.account import find_everything
from sts.aws.iam.bearers import show_borne
from sts.aws.iam.groups import describe_group
from sts.aws.iam.instance_profiles import describe_profiles
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.policies import describe_policy, describe_version
from sts.aws.iam.roles import describe_last_use, describe_roles
from sts.aws.iam.rows import iam_row
from sts.aws.iam.users import describe_user
from sts.aws.row import Command, Operation, Reads, Result, Target
from sts.model import Caller, Group, Policy, Role, User
from sts.store import policies, roles
from sts.store.details import Details, find_details
from sts.store.groups import list_groups
from sts.store.instance_profiles import find_instance_profiles_of
from sts.store.users import list_users

_OPERATION = "GetAccountAuthorizationDetails"
_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_MOST_VERSIONS = 100  # more than a policy may have
_BEYOND_DETAIL = frozenset({"Description", "MaxSessionDuration"})  # what GetRole tells and this does not

Listed = User | Group | Role | Policy
Find = Callable[[Connection, str, str | None, int], Sequence[Listed]]
Show = Callable[[Connection, Sequence[Any]], list[Result]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the filter calls it, in which list it is shown, how it is found (from behind a position on) and told."""

    name: str
    member: str
    find: Find
    position: Callable[[Any], str]
    show: Show


@dataclass(frozen=True, slots=True)
class AuthorizationDetails:
    """The row of GetAccountAuthorizationDetails."""

    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the row."""
        return (iam_row(_OPERATION, Event.ACCOUNT_READ, find_everything, Reads(self._get)),)

    def _get(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        after = self.pager.after(command, _OPERATION, target.account_id)
        found = tuple(islice(_find(connection, target.account_id, command, after), read_limit(command)))
        shown, more = self.pager.page(found, command, _OPERATION, target.account_id, _position_of)
        told: Result = {member: [] for member in _LISTS}
        for kind in _KINDS:
            told[kind.member] += kind.show(connection, [each for of, each in shown if of is kind])
        return {**told, **more}


def _find(
    connection: Connection, account_id: str, command: Command, after: str | None
) -> Iterator[tuple[_Kind, Listed]]:
    """Yield what the filter wants from behind the position *after* on; only as much is read as is taken."""
    wanted = command.get("Filter") or [kind.name for kind in _KINDS]
    name, _, behind = (after or "").partition(" ")
    begun = [kind.name for kind in _KINDS].index(name) if name else 0
    limit = read_limit(command)
    for number, kind in enumerate(_KINDS):
        if kind.name in wanted and number >= begun:
            place = behind if name and number == begun else None
            for each in kind.find(connection, account_id, place, limit):
                limit -= 1
                yield kind, each


def _position_of(listed: tuple[_Kind, Listed]) -> str:
    kind, each = listed
    return f"{kind.name} {kind.position(each)}"


def _find_own_policies(connection: Connection, account_id: str, after: str | None, limit: int) -> Sequence[Policy]:
    return _find_policies(connection, account_id, account_id, after, limit)


def _find_service_policies(connection: Connection, account_id: str, after: str | None, limit: int) -> Sequence[Policy]:
    return _find_policies(connection, account_id, policies.SERVICE_ACCOUNT, after, limit)


def _find_policies(connection: Connection, viewer: str, owner: str, after: str | None, limit: int) -> Sequence[Policy]:
    return policies.list_policies(
        connection, viewer, (owner,), "/", only_attached=False, only_boundaries=False, after=after, limit=limit
    )


def _show_users(connection: Connection, users: Sequence[User]) -> list[Result]:
    details = find_details(connection, [user.unique_id for user in users])
    return [
        describe_user(user)
        | _show_policies_of("User", details[user.unique_id])
        | {"GroupList": details[user.unique_id].groups}
        | show_borne(details[user.unique_id].boundary_arn, details[user.unique_id].tags)
        for user in users
    ]


def _show_groups(connection: Connection, groups: Sequence[Group]) -> list[Result]:
    details = find_details(connection, [group.unique_id for group in groups])
    return [describe_group(group) | _show_policies_of("Group", details[group.unique_id]) for group in groups]


def _show_roles(connection: Connection, shown: Sequence[Role]) -> list[Result]:
    ids = [role.unique_id for role in shown]
    details, uses = find_details(connection, ids), roles.find_role_uses(connection, ids)
    profiles = find_instance_profiles_of(connection, ids)
    described = zip(shown, describe_roles(connection, shown), strict=True)
    return [
        {name: value for name, value in said.items() if name not in _BEYOND_DETAIL}
        | _show_policies_of("Role", details[role.unique_id])
        | {"InstanceProfileList": describe_profiles(connection, profiles.get(role.unique_id, ()))}
        | {"RoleLastUsed": describe_last_use(uses.get(role.unique_id))}
        | show_borne(details[role.unique_id].boundary_arn, details[role.unique_id].tags)
        for role, said in described
    ]


def _show_policies(connection: Connection, shown: Sequence[Policy]) -> list[Result]:
    return [
        describe_policy(policy)
        | {
            "PolicyVersionList": [
                describe_version(version) | {"Document": version.document}
                for version in policies.list_versions(connection, policy.policy_id, None, _MOST_VERSIONS)
            ]
        }
        | ({"Description": policy.description} if policy.description else {})
        for policy in shown
    ]


def _show_policies_of(noun: str, details: Details) -> Result:
    return {
        f"{noun}PolicyList": [{"PolicyName": name, "PolicyDocument": text} for name, text in details.inline],
        "AttachedManagedPolicies": [{"PolicyName": name, "PolicyArn": arn} for name, arn in details.attached],
    }


def _below_root(
    find: Callable[[Connection, str, str, str | None, int], Sequence[Listed]],
) -> Find:
    return lambda connection, account_id, after, limit: find(connection, account_id, "/", after, limit)


def _name_of(named: User | Group | Role) -> str:
    return named.name


_KINDS: Final[Sequence[_Kind]] = (
    _Kind("User", "UserDetailList", _below_root(list_users), _name_of, _show_users),
    _Kind("Group", "GroupDetailList", _below_root(list_groups), _name_of, _show_groups),
    _Kind("Role", "RoleDetailList", _below_root(roles.list_roles), _name_of, _show_roles),
    _Kind("LocalManagedPolicy", "Policies", _find_own_policies, policies.position_of, _show_policies),
    _Kind("AWSManagedPolicy", "Policies", _find_service_policies, policies.position_of, _show_policies),
)
