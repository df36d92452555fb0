"""IAM's operations on groups and their members."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row, on_both
from sts.aws.iam.users import describe_user, require_user
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.bearers import unknown_bearer
from sts.directory.groups import Groups
from sts.model import Caller, Group
from sts.store import groups as stored
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class GroupOperations:
    """The rows about groups; who joins or leaves one is authorized on the group."""

    groups: Groups
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        on_group, move = on_bearer(BearerKind.GROUP), on_both("iam:UpdateGroup", "group", "NewGroupName")
        return (
            iam_row("CreateGroup", Event.GROUP_CREATE, _find_asked, Changes(self._create)),
            iam_row("GetGroup", Event.GROUP_READ, on_group, Reads(self._get)),
            iam_row("ListGroups", Event.GROUP_LIST, _find_path, Reads(self._list)),
            iam_row("UpdateGroup", Event.GROUP_UPDATE, on_group, Changes(self._update), demands=move),
            iam_row("DeleteGroup", Event.GROUP_DELETE, on_group, Changes(self._delete)),
            iam_row("AddUserToGroup", Event.MEMBER_ADD, on_group, Changes(self._add_member)),
            iam_row("RemoveUserFromGroup", Event.MEMBER_REMOVE, on_group, Changes(self._remove_member)),
            iam_row("ListGroupsForUser", Event.MEMBER_LIST, on_bearer(BearerKind.USER), Reads(self._list_for_user)),
        )

    def _create(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        group = self.groups.create(
            tx, account_id=target.account_id, name=command["GroupName"], path=command.get("Path", "/")
        )
        return {"Group": describe_group(group)}

    def _get(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        group = _require_group(target)
        after = self.pager.after(command, "GetGroup", target.account_id)
        found = stored.list_members(connection, group.unique_id, after, read_limit(command))
        shown, more = self.pager.page(found, command, "GetGroup", target.account_id, lambda user: user.name)
        return {"Group": describe_group(group), "Users": [describe_user(user) for user in shown], **more}

    def _list(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        after = self.pager.after(command, "ListGroups", target.account_id)
        found = stored.list_groups(
            connection, target.account_id, command.get("PathPrefix", "/"), after, read_limit(command)
        )
        shown, more = self.pager.page(found, command, "ListGroups", target.account_id, lambda group: group.name)
        return {"Groups": [describe_group(group) for group in shown], **more}

    def _update(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.groups.update(
            tx,
            group=_require_group(target),
            new_name=command.get("NewGroupName"),
            new_path=command.get("NewPath"),
        )
        return {}

    def _delete(self, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
        self.groups.delete(tx, group=_require_group(target))
        return {}

    def _add_member(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.groups.add_member(tx, group=_require_group(target), user_name=command["UserName"])
        return {}

    def _remove_member(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.groups.remove_member(tx, group=_require_group(target), user_name=command["UserName"])
        return {}

    def _list_for_user(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        user = require_user(target)
        after = self.pager.after(command, "ListGroupsForUser", target.account_id)
        found = stored.list_groups_of(connection, user.unique_id, after, read_limit(command))
        shown, more = self.pager.page(found, command, "ListGroupsForUser", target.account_id, lambda group: group.name)
        return {"Groups": [describe_group(group) for group in shown], **more}


def _require_group(target: Target) -> Group:
    """Return the group that was authorized; raises NotFound when there was none, whatever bears the name by now."""
    if not isinstance(target.noun, Group):
        raise unknown_bearer(BearerKind.GROUP, target.arn.rsplit("/", 1)[-1])
    return target.noun


def _find_asked(_connection: Connection, caller: Caller, command: Command) -> Target:
    arn = iam_arn(caller.account_id, f"group{command.get('Path', '/')}{command['GroupName']}")
    return Target(arn, caller.account_id)


def _find_path(_connection: Connection, caller: Caller, command: Command) -> Target:
    return Target(iam_arn(caller.account_id, f"group{command.get('PathPrefix', '/')}"), caller.account_id)


def describe_group(group: Group) -> Result:
    """Return what AWS says of a group."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.unique_id,
        "Arn": group.arn,
        "CreateDate": group.created_at,
    }
