"""Ending sessions, and disabling users and roles, of the caller's own account."""

import re

import msgspec
from sqlalchemy import Connection

from sts.api.request import Asked, parse_members
from sts.api.row import Command, Parts, Target
from sts.arn import iam_arn, parse_arn
from sts.directory import revocations
from sts.directory.accounts import get_account
from sts.directory.names import USER_NAME_LENGTH, verify_name
from sts.directory.revocations import verify_jti
from sts.errors import ParameterInvalid
from sts.model import Caller
from sts.store import roles, users
from sts.store.database import Transaction

_LONGEST_ARN = 2_048  # characters; what stands in a principal element is no longer either
_PRINCIPAL = re.compile(r"arn:aws:iam::[0-9]{12}:(?:root|(?:user|role)/[\x21-\x7e]+)")


class _Session(msgspec.Struct, forbid_unknown_fields=True):
    jti: str


class _Principal(msgspec.Struct, forbid_unknown_fields=True):
    arn: str


class _Named(msgspec.Struct, forbid_unknown_fields=True):
    name: str


def parse_session(asked: Asked) -> Command:
    """Parse `{"jti": …}`; raises Malformed kin."""
    return {"jti": verify_jti(parse_members(asked, _Session).jti)}


def parse_principal(asked: Asked) -> Command:
    """Parse `{"arn": …}`, the ARN of a user or a role, or an account's root; raises Malformed kin."""
    arn = parse_members(asked, _Principal).arn
    if len(arn) > _LONGEST_ARN or not _PRINCIPAL.fullmatch(arn):
        raise ParameterInvalid("arn is that of a user or a role, or of an account's root")
    return {"arn": arn}


def parse_name(asked: Asked) -> Command:
    """Parse `{"name": …}`, of a user or a role; raises Malformed kin."""
    return {"name": verify_name(parse_members(asked, _Named).name, USER_NAME_LENGTH)}


def find_session(_connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the session of this `jti` in the caller's account, whether or not there is one."""
    return Target(f"arn:aws:sts-admin::{caller.account_id}:session/{command['jti']}")


def find_principal(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the principal of exactly this ARN; raises ParameterInvalid when it is of another account."""
    arn: str = command["arn"]
    parsed = parse_arn(arn)
    if parsed.account_id != caller.account_id:
        raise ParameterInvalid(f"{arn} is not of your account, {caller.account_id}")
    if parsed.resource == "root":
        return Target(arn, get_account(connection, caller.account_id))
    kind, _, path = parsed.resource.partition("/")
    find = users.find_user if kind == "user" else roles.find_role
    found = find(connection, caller.account_id, path.rsplit("/", 1)[-1])
    return Target(arn, found if found is not None and found.arn == arn else None)


def find_user(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the user of this name in the caller's account."""
    found = users.find_user(connection, caller.account_id, command["name"])
    return Target(iam_arn(caller.account_id, f"user/{command['name']}") if found is None else found.arn, found)


def find_role(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the role of this name in the caller's account."""
    found = roles.find_role(connection, caller.account_id, command["name"])
    return Target(iam_arn(caller.account_id, f"role/{command['name']}") if found is None else found.arn, found)


def revoke_session(_parts: Parts, tx: Transaction, caller: Caller, command: Command, target: Target) -> bytes:
    """End the session, and what was begun from it."""
    revocations.revoke_session(tx, account_id=caller.account_id, jti=command["jti"])
    return msgspec.json.encode({"arn": target.arn, "ended_at": tx.now})


def revoke_principal(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """End all that the principal has begun by now."""
    revocations.revoke_principal(tx, principal=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "ended_at": tx.now})


def disable(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Disable the user or role, and end what it has begun."""
    changed = revocations.disable(tx, principal=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "enabled": False, "changed": changed})


def enable(_parts: Parts, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> bytes:
    """Enable the user or role again."""
    changed = revocations.enable(tx, principal=target.get_noun())
    return msgspec.json.encode({"arn": target.arn, "enabled": True, "changed": changed})
