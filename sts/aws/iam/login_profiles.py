"""IAM's operations on login profiles, and on the caller's own password."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.authn.passwords import PasswordProof
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.rows import iam_row
from sts.aws.iam.users import find_user_or_caller, require_user
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.login_profiles import (
    NewPasswords,
    create_login_profile,
    delete_login_profile,
    get_login_profile,
    update_login_profile,
)
from sts.errors import ParameterInvalid
from sts.model import Caller, LoginProfile, User
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class LoginProfileOperations:
    """The rows about login profiles, authorized on the user; the passwords in their commands come in hashed."""

    passwords: NewPasswords
    proof: PasswordProof

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        on_user, own, prepare = on_bearer(BearerKind.USER), find_user_or_caller, self._prepare
        create, update, delete = Changes(_create), Changes(_update), Changes(_delete)
        return (
            iam_row("CreateLoginProfile", Event.LOGIN_PROFILE_CREATE, own, create, prepare=prepare),
            iam_row("GetLoginProfile", Event.LOGIN_PROFILE_READ, own, Reads(_get)),
            iam_row("UpdateLoginProfile", Event.LOGIN_PROFILE_UPDATE, on_user, update, prepare=prepare),
            iam_row("DeleteLoginProfile", Event.LOGIN_PROFILE_DELETE, own, delete),
        )

    async def _prepare(self, _caller: Caller, command: Command, target: Target, _address: str) -> Command:
        if "Password" not in command:
            return command
        return {**command, "Password": await self.passwords.make(require_user(target), command["Password"])}


def _create(tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
    if "Password" not in command:
        raise ParameterInvalid("A login profile has a password from its beginning: Password is missing")
    user, reset_required = require_user(target), command.get("PasswordResetRequired", False)
    profile = create_login_profile(tx, owner=user, password=command["Password"], reset_required=reset_required)
    return {"LoginProfile": _describe(user, profile)}


def _get(connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
    user = require_user(target)
    return {"LoginProfile": _describe(user, get_login_profile(connection, user))}


def _update(tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
    update_login_profile(
        tx,
        owner=require_user(target),
        password=command.get("Password"),
        reset_required=command.get("PasswordResetRequired"),
    )
    return {}


def _delete(tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
    delete_login_profile(tx, owner=require_user(target))
    return {}


def _describe(user: User, profile: LoginProfile) -> Mapping[str, object]:
    return {
        "UserName": user.name,
        "CreateDate": profile.created_at,
        "PasswordResetRequired": profile.reset_required,
    }
