"""IAM's operations on login profiles, and on the caller's own password."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.authn.passwords import PasswordProof, require_unchanged
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.rows import iam_row, unless_granted
from sts.aws.iam.users import find_user_or_caller, require_user
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.login_profiles import (
    NewPasswords,
    choose_password,
    create_login_profile,
    delete_login_profile,
    get_login_profile,
    update_login_profile,
)
from sts.directory.password_rules import lets_change
from sts.errors import ParameterInvalid, UserUnsuitable
from sts.model import Caller, CallerKind, User
from sts.passwords import LoginProfile
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
            iam_row(
                "ChangePassword",
                Event.PASSWORD_CHANGE,
                _find_self,
                Changes(_change),
                demands=unless_granted("iam:ChangePassword"),
                prepare=self._prepare_change,
            ),
        )

    async def _prepare(self, _caller: Caller, command: Command, target: Target, _address: str) -> Command:
        if "Password" not in command:
            return command
        return {**command, "Password": await self.passwords.make_first(require_user(target), command["Password"])}

    async def _prepare_change(self, caller: Caller, command: Command, target: Target, address: str) -> Command:
        """Prove the old password, whose failures count as those of a sign-in do, before the new one is looked at.

        Raises UserUnsuitable for root and for who is no user at all.
        """
        if caller.kind is not CallerKind.USER:
            raise UserUnsuitable("Only an IAM user can change its own password by this operation")
        user = require_user(target)
        proven = await self.proof.prove_again(user.unique_id, command["OldPassword"], address)
        return {"proven": proven, "NewPassword": await self.passwords.make_chosen(user, command["NewPassword"])}


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


def _find_self(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the user that calls; root, and who is no user at all, stand for nobody."""
    if caller.kind is not CallerKind.USER:
        return Target(caller.principal_arn, caller.account_id)
    return replace(find_user_or_caller(connection, caller, command), is_granted=lets_change(connection, caller))


def _change(tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
    require_unchanged(tx, command["proven"])
    choose_password(tx, owner=require_user(target), password=command["NewPassword"])
    return {}


def _describe(user: User, profile: LoginProfile) -> Mapping[str, object]:
    return {
        "UserName": user.name,
        "CreateDate": profile.created_at,
        "PasswordResetRequired": profile.reset_required,
    }
