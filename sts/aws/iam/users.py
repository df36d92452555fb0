"""IAM's operations on users."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer, show_borne
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row, on_both, on_tagging
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.aws.tags import read_tags
from sts.directory.bearers import unknown_bearer
from sts.directory.boundaries import bound
from sts.directory.owners import Owner
from sts.directory.tags import Tagging
from sts.directory.users import Users
from sts.errors import ParameterInvalid
from sts.model import Account, Caller, CallerKind, User
from sts.store import users as stored
from sts.store.accounts import find_account
from sts.store.attachments import BearerKind
from sts.store.database import Transaction
from sts.store.login_profiles import list_login_profiles


@dataclass(frozen=True, slots=True)
class UserOperations:
    """The rows about users."""

    users: Users
    tagging: Tagging
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        on_user, move = on_bearer(BearerKind.USER), on_both("iam:UpdateUser", "user", "NewUserName")
        return (
            iam_row(
                "CreateUser",
                Event.USER_CREATE,
                _find_asked,
                Changes(self._create),
                demands=on_tagging("iam:CreateUser", "iam:TagUser"),
            ),
            iam_row("GetUser", Event.USER_READ, find_user_or_caller, Reads(self._get)),
            iam_row("ListUsers", Event.USER_LIST, _find_path, Reads(self._list)),
            iam_row("UpdateUser", Event.USER_UPDATE, on_user, Changes(self._update), demands=move),
            iam_row("DeleteUser", Event.USER_DELETE, on_user, Changes(self._delete)),
        )

    def _create(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        user = self.users.create(
            tx, account_id=target.account_id, name=command["UserName"], path=command.get("Path", "/")
        )
        self.tagging.put(tx, bearer=user, tags=read_tags(command))
        if "PermissionsBoundary" in command:
            bound(tx, bearer=user, policy_arn=command["PermissionsBoundary"])
        return {"User": describe_user(user) | show_borne(command.get("PermissionsBoundary"), dict(read_tags(command)))}

    def _get(self, connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
        if isinstance(target.noun, Account):
            return {"User": describe_root(target.noun) | _show_last_uses(connection, [target.account_id])[0]}
        user = require_user(target)
        shown = describe_user(user) | _show_last_uses(connection, [user.unique_id])[0]
        return {"User": shown | show_borne(target.boundary_arn, target.tags)}

    def _list(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        after = self.pager.after(command, "ListUsers", target.account_id)
        found = stored.list_users(
            connection, target.account_id, command.get("PathPrefix", "/"), after, read_limit(command)
        )
        shown, more = self.pager.page(found, command, "ListUsers", target.account_id, lambda user: user.name)
        used = _show_last_uses(connection, [user.unique_id for user in shown])
        return {"Users": [describe_user(user) | use for user, use in zip(shown, used, strict=True)], **more}

    def _update(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.users.update(
            tx,
            user=require_user(target),
            new_name=command.get("NewUserName"),
            new_path=command.get("NewPath"),
        )
        return {}

    def _delete(self, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
        self.users.delete(tx, user=require_user(target))
        return {}


def find_user_or_caller(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the target that UserName names, or without it the caller: a User, or for root its Account.

    Raises ParameterInvalid when it is missing and the caller is neither.
    """
    if "UserName" in command:
        return on_bearer(BearerKind.USER)(connection, caller, command)
    if caller.kind is CallerKind.ROOT:
        return Target(caller.arn, caller.account_id, find_account(connection, caller.account_id))
    if caller.kind is not CallerKind.USER:
        raise ParameterInvalid("Must specify userName when calling with non-User credentials")
    # By unique id: whoever bears the caller's name since it was proven is somebody else.
    user = stored.find_user_by_id(connection, caller.unique_id)
    return Target(caller.arn if user is None else user.arn, caller.account_id, user)


def require_user(target: Target) -> User:
    """Return the user that was authorized; raises NotFound when there was none, whoever bears the name by now."""
    if not isinstance(target.noun, User):
        raise unknown_bearer(BearerKind.USER, target.arn.rsplit("/", 1)[-1])
    return target.noun


def require_owner(target: Target) -> Owner:
    """Return the user, or the account for its root, that was authorized; raises NotFound when there was none."""
    return target.noun if isinstance(target.noun, Account) else require_user(target)


def get_user(_command: Command, target: Target) -> User:
    """Do what `require_user` does, where what is got depends on the row."""
    return require_user(target)


def describe_user(user: User) -> Result:
    """Return what AWS says of a user."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.unique_id,
        "Arn": user.arn,
        "CreateDate": user.created_at,
    }


def describe_root(account: Account) -> Result:
    """Return what AWS says of an account's root where it speaks of a user."""
    # As AWS answers: root has neither name nor path, and the number of its account for an id.
    return {"UserId": account.account_id, "Arn": account.root_arn, "CreateDate": account.created_at}


def _show_last_uses(connection: Connection, owner_ids: Sequence[str]) -> list[Result]:
    """Return for each owner what is told of when its password was last used, if it was."""
    profiles = list_login_profiles(connection, owner_ids)
    used = [profiles[each].used_at if each in profiles else None for each in owner_ids]
    return [{} if at is None else {"PasswordLastUsed": at} for at in used]


def _find_asked(_connection: Connection, caller: Caller, command: Command) -> Target:
    arn = iam_arn(caller.account_id, f"user{command.get('Path', '/')}{command['UserName']}")
    return Target(arn, caller.account_id)


def _find_path(_connection: Connection, caller: Caller, command: Command) -> Target:
    return Target(iam_arn(caller.account_id, f"user{command.get('PathPrefix', '/')}"), caller.account_id)
