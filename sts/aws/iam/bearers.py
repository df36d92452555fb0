"""The user, group or role that a command names: one path for the three."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.aws.row import Command, Find, Target
from sts.aws.tags import show_tags
from sts.directory.bearers import Bearer, find_bearer, unknown_bearer
from sts.model import Caller, Group, Role, User
from sts.store.attachments import BearerKind
from sts.tags import Tags

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


def show_borne(boundary_arn: str | None, tags: Tags) -> dict[str, Any]:
    """Return what the answer about one user or role tells of it, and a list does not.

    As AWS answers: without boundary or tags there is no such member.
    """
    said: dict[str, Any] = {}
    if boundary_arn is not None:
        said["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": boundary_arn,
        }
    return said | ({"Tags": show_tags(tags)} if tags else {})
