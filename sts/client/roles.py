"""Who calls, and the roles that they become, by AWS's own operations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sts.arn import iam_arn
from sts.client.calls import call_sts
from sts.client.connection import Connection

_UNFIT = re.compile(r"[^\w+=,.@-]", re.ASCII)  # for a session name
_SHORTEST_NAME, _LONGEST_NAME = 2, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the service takes the caller for."""

    arn: str
    account_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCredentials:
    """Temporary credentials of a role."""

    arn: str  # of the session
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


def identify(connection: Connection) -> Identity:
    """Return who calls; raises Refusal kin."""
    told = call_sts(connection, "get_caller_identity", {})
    return Identity(arn=told["Arn"], account_id=told["Account"], user_id=told["UserId"])


def assume_role(connection: Connection, role: str, parameters: Mapping[str, Any]) -> RoleCredentials:
    """Return credentials of *role*, an ARN or the name of a role of the caller's own account; raises Refusal kin.

    *parameters* are AssumeRole's own. Without a session name among them the caller's is taken, so that the records of
    the role tell who it was.
    """
    asked = dict(parameters)
    if not role.startswith("arn:") or "RoleSessionName" not in asked:
        caller = identify(connection)
        role = role if role.startswith("arn:") else iam_arn(caller.account_id, f"role/{role}")
        asked.setdefault("RoleSessionName", name_session(caller.arn))
    told = call_sts(connection, "assume_role", {**asked, "RoleArn": role})
    given = told["Credentials"]
    return RoleCredentials(
        arn=told["AssumedRoleUser"]["Arn"],
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        session_token=given["SessionToken"],
        expires_at=given["Expiration"],
    )


def name_session(arn: str) -> str:
    """Return a session name that tells who *arn* is."""
    name = _UNFIT.sub("-", re.split("[:/]", arn)[-1])[:_LONGEST_NAME]
    return name.ljust(_SHORTEST_NAME, "-")
