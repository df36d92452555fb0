"""Roles and their trust policies (IAM API Reference, "CreateRole" and its kin)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer, show_borne
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row, on_bounded, on_tagging
from sts.aws.row import DOCUMENT, SMALL, Changes, Command, Limit, Operation, Reads, Result, Target
from sts.aws.tags import read_tags
from sts.directory.bearers import unknown_bearer
from sts.directory.boundaries import bound
from sts.directory.roles import Roles
from sts.directory.tags import Tagging
from sts.directory.trust import show_trust, show_trusts
from sts.model import Caller, Role
from sts.store import roles
from sts.store.attachments import BearerKind
from sts.store.database import Transaction

_DEFAULT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class RoleOperations:
    """IAM's operations on roles."""

    roles: Roles
    tagging: Tagging
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return a row for each operation."""
        on_role = on_bearer(BearerKind.ROLE)
        return (
            iam_row(
                "CreateRole",
                Event.ROLE_CREATE,
                _find_new,
                Changes(self.create),
                demands=on_tagging("iam:CreateRole", "iam:TagRole"),
                limit=DOCUMENT,
            ),
            iam_row("GetRole", Event.ROLE_READ, on_role, Reads(self.get), demands=on_bounded("iam:GetRole")),
            iam_row("ListRoles", Event.ROLE_LIST, _find_path, Reads(self.list)),
            self._change("UpdateRole", Event.ROLE_UPDATE, self.update),
            self._change("UpdateRoleDescription", Event.ROLE_UPDATE, self.describe),
            self._change("DeleteRole", Event.ROLE_DELETE, self.delete),
            self._change("UpdateAssumeRolePolicy", Event.TRUST_UPDATE, self.update_trust, DOCUMENT),
        )

    def _change(
        self,
        name: str,
        event: Event,
        run: Callable[[Transaction, Caller, Command, Target], Result],
        limit: Limit = SMALL,
    ) -> Operation:
        demands = on_bounded(f"iam:{name}")
        return iam_row(name, event, on_bearer(BearerKind.ROLE), Changes(run), demands=demands, limit=limit)

    def create(self, tx: Transaction, caller: Caller, command: Command, _target: Target) -> Result:
        """Do CreateRole."""
        role = self.roles.create(
            tx,
            account_id=caller.account_id,
            name=command["RoleName"],
            trust_policy=command["AssumeRolePolicyDocument"],
            path=command.get("Path", "/"),
            description=command.get("Description", ""),
            max_session_duration=timedelta(seconds=command.get("MaxSessionDuration", _DEFAULT_SECONDS)),
        )
        self.tagging.put(tx, bearer=role, tags=read_tags(command))
        if "PermissionsBoundary" in command:
            bound(tx, bearer=role, policy_arn=command["PermissionsBoundary"])
        borne = show_borne(command.get("PermissionsBoundary"), dict(read_tags(command)))
        return {"Role": _say(role, show_trust(tx.connection, role.trust_policy)) | borne}

    def get(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        """Do GetRole."""
        role = get_role(command, target)
        use = roles.find_role_uses(connection, (role.unique_id,)).get(role.unique_id)
        told = show_borne(target.boundary_arn, target.tags) | {"RoleLastUsed": describe_last_use(use)}
        return {"Role": _say(role, show_trust(connection, role.trust_policy)) | told}

    def list(self, connection: Connection, caller: Caller, command: Command, _target: Target) -> Result:
        """Do ListRoles."""
        after = self.pager.after(command, "ListRoles", caller.account_id)
        found = roles.list_roles(
            connection, caller.account_id, command.get("PathPrefix", "/"), after, read_limit(command)
        )
        shown, more = self.pager.page(found, command, "ListRoles", caller.account_id, lambda role: role.name)
        return {"Roles": describe_roles(connection, shown), **more}

    def update(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do UpdateRole: what the command leaves out stays as it is."""
        seconds = command.get("MaxSessionDuration")
        self.roles.update(
            tx,
            role=get_role(command, target),
            description=command.get("Description"),
            max_session_duration=None if seconds is None else timedelta(seconds=seconds),
        )
        return {}

    def describe(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do UpdateRoleDescription."""
        role = self.roles.update(tx, role=get_role(command, target), description=command["Description"])
        return {"Role": _say(role, show_trust(tx.connection, role.trust_policy))}

    def delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do DeleteRole."""
        self.roles.delete(tx, role=get_role(command, target))
        return {}

    def update_trust(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        """Do UpdateAssumeRolePolicy."""
        self.roles.update_trust(tx, role=get_role(command, target), trust_policy=command["PolicyDocument"])
        return {}


def _find_new(_connection: Connection, caller: Caller, command: Command) -> Target:
    path = command.get("Path", "/")
    return Target(iam_arn(caller.account_id, f"role{path}{command['RoleName']}"), caller.account_id)


def _find_path(_connection: Connection, caller: Caller, command: Command) -> Target:
    return Target(iam_arn(caller.account_id, f"role{command.get('PathPrefix', '/')}"), caller.account_id)


def describe_roles(connection: Connection, shown: Sequence[Role]) -> list[dict[str, Any]]:
    """Return what a list tells of each role."""
    trusts = show_trusts(connection, [role.trust_policy for role in shown])
    return [_say(role, trust) for role, trust in zip(shown, trusts, strict=True)]


def get_role(command: Command, target: Target) -> Role:
    """Return the role that was authorized; raises NotFound when there was none."""
    if not isinstance(target.noun, Role):
        raise unknown_bearer(BearerKind.ROLE, command["RoleName"])
    return target.noun


def _say(role: Role, trust_policy: str) -> dict[str, Any]:
    said = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.unique_id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": trust_policy,
        "MaxSessionDuration": int(role.max_session_duration.total_seconds()),
    }
    return said | {"Description": role.description} if role.description else said


def describe_last_use(use: tuple[datetime, str] | None) -> dict[str, Any]:
    """Return what AWS says of a role's last use; nothing when it never was used."""
    return {} if use is None else {"LastUsedDate": use[0], "Region": use[1]}
