"""How the users of the caller's own account stand."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from sts.api.request import Asked
from sts.api.row import Command, Parts, Target
from sts.arn import iam_arn
from sts.directory.names import USER_NAME_LENGTH, verify_name
from sts.errors import InputInvalid, ParameterInvalid
from sts.model import Caller
from sts.parameters import parse_limit, require_offered
from sts.store.credential_report import ReportedKey
from sts.store.user_states import UserState, list_user_states

_PARAMETERS = ("after", "containing", "limit")


def parse_users(asked: Asked) -> Command:
    """Parse the query: `after` and `containing` are names of users, or a part of one; raises ParameterInvalid."""
    require_offered(asked.parameters, _PARAMETERS)
    return {"limit": parse_limit(asked.parameters)} | {
        name: _parse_name(asked, name) for name in ("after", "containing")
    }


def find_users(_connection: Connection, caller: Caller, _command: Command) -> Target:
    """Return what stands for the users of the caller's account, as for iam:ListUsers."""
    return Target(iam_arn(caller.account_id, "user/"))


def render_users(parts: Parts, connection: Connection, caller: Caller, command: Command, _target: Target) -> bytes:
    """Return a page of users by name, and the name that the next page begins after."""
    limit: int = command["limit"]
    found = list_user_states(
        connection,
        caller.account_id,
        parts.clock.now(),
        after=command["after"],
        limit=limit + 1,
        containing=command["containing"] or "",
    )
    shown = found[:limit]
    after = shown[-1].user.name if len(found) > limit else None
    return msgspec.json.encode({"users": [_describe(state) for state in shown], "after": after})


def _parse_name(asked: Asked, parameter: str) -> str | None:
    if parameter not in asked.parameters:
        return None
    try:
        return verify_name(asked.parameters[parameter], USER_NAME_LENGTH)
    except InputInvalid as invalid:
        raise ParameterInvalid(f"{parameter}: {invalid.message}") from None


def _describe(state: UserState) -> Mapping[str, Any]:
    return {
        "name": state.user.name,
        "arn": state.user.arn,
        "enabled": state.user.enabled,
        "created_at": state.user.created_at,
        "password": state.has_password,
        "must_change": state.must_change,
        "signed_in_at": state.signed_in_at,
        "locked_until": state.locked_until,
        "factors": state.factors,
        "factor_required": state.factor_required,
        "link_until": state.link_until,
        "keys": [_describe_key(access_key_id, key) for access_key_id, key in state.keys],
    }


def _describe_key(access_key_id: str, key: ReportedKey) -> Mapping[str, Any]:
    return {
        "access_key_id": access_key_id,
        "active": key.active,
        "created_at": key.created_at,
        "used_at": key.used_at,
    }
