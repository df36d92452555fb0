"""The user, group or role that a command names: one path for the three."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.aws.row import Command, Find, Target
from sts.directory.bearers import Bearer, find_bearer, unknown_bearer
from sts.model import Caller, Group, Role, User
from sts.store.attachments import BearerKind

NAME_MEMBERS: Final[Mapping[BearerKind, str]] = {
    BearerKind.USER: "UserName",
    BearerKind.GROUP: "GroupName",
    BearerKind.ROLE: "RoleName",
}


def on_bearer(kind: BearerKind) -> Find:
    """Return what finds the bearer that a command names in the caller's account.

    One that does not exist stands for the root path, so that only who may act there learns that it does not exist.
    """

    def find(connection: Connection, caller: Caller, command: Command) -> Target:
        name = command[NAME_MEMBERS[kind]]
        bearer = find_bearer(connection, kind, caller.account_id, name)
        arn = iam_arn(caller.account_id, f"{kind}/{name}") if bearer is None else bearer.arn
        return Target(arn, caller.account_id, bearer)

    return find


def get_bearer(kind: BearerKind, command: Command, target: Target) -> Bearer:
    """Return the bearer that was authorized; raises NotFound when there was none."""
    if not isinstance(target.noun, User | Group | Role):
        raise unknown_bearer(kind, command[NAME_MEMBERS[kind]])
    return target.noun
