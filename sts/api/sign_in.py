"""How users of the caller's own account sign in: links, locks, sessions of browsers, second factors."""

import msgspec
from sqlalchemy import Connection

from sts.api.request import Asked, parse_members
from sts.api.row import Command, Parts, Target
from sts.directory import factor_requirements, locks, login_profiles
from sts.directory.accounts import get_account
from sts.directory.bearers import confirm_bearer
from sts.directory.names import verify_account_id
from sts.errors import ParameterInvalid
from sts.logins.grants import end_sign_ins
from sts.model import Caller, User
from sts.store.database import Transaction


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    account_id: str


def parse_account(asked: Asked) -> Command:
    """Parse `{"account_id": …}`; raises Malformed kin."""
    return {"account_id": verify_account_id(parse_members(asked, _Account).account_id)}


def find_account(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the caller's own account, by the ARN of its root; raises ParameterInvalid when it is another."""
    if command["account_id"] != caller.account_id:
        raise ParameterInvalid(f"{command['account_id']} is not your account, {caller.account_id}")
    account = get_account(connection, caller.account_id)
    return Target(account.root_arn, account)


def create_link(parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Make a link by which the user sets a password, in place of an earlier one."""
    minted = parts.links.create(tx, owner=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "url": str(minted.url), "expires_at": minted.link.expires_at})


def unlock(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Let the user try again now whose passwords and codes are locked."""
    locks.unlock(tx, user=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "unlocked_at": tx.now})


def require_password_change(
    _parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target
) -> bytes:
    """Have the user choose another password before anything else, and end what it has begun."""
    login_profiles.require_change(tx, owner=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "ended_at": tx.now})


def end_user_sessions(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """End all sessions of browsers and logins of the user, what was begun from them, and sign-ins under way."""
    user: User = confirm_bearer(tx.connection, target.get_noun())
    return msgspec.json.encode({"arn": user.arn, "ended": end_sign_ins(tx, user.unique_id)})


def require_factor(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Require a second factor of the user, or of everybody in the account."""
    changed = factor_requirements.require_factor(tx, subject=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "required": True, "changed": changed})


def release_factor(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Take the requirement of a second factor back."""
    changed = factor_requirements.release_factor(tx, subject=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "required": False, "changed": changed})
