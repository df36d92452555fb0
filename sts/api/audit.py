"""The audit records of the caller's own account."""

from typing import TypedDict

import msgspec
from sqlalchemy import Connection

from sts.api.request import Asked
from sts.api.row import Command, Target
from sts.errors import ParameterInvalid
from sts.model import Caller
from sts.store import audit as table

_LARGEST_PAGE = 1_000
_DEFAULT_PAGE = 100
_LONGEST_NUMBER = 16  # digits: microseconds of the epoch until the year 2286


class Range(TypedDict):
    """Which records: those later than *after* (microseconds of the epoch), or the latest when it is None."""

    after: int | None
    limit: int


class _Page(msgspec.Struct):
    records: list[msgspec.Raw]
    after: int  # where to go on


def parse_range(asked: Asked) -> Range:
    """Parse the query; raises ParameterInvalid."""
    parameters = asked.parameters
    strange = sorted(parameters.keys() - {"after", "limit"})
    if strange:
        raise ParameterInvalid(f"There is no parameter {strange[0]}: `after` and `limit` are offered")
    limit = _parse_number("limit", parameters.get("limit", str(_DEFAULT_PAGE)))
    if not 1 <= limit <= _LARGEST_PAGE:
        raise ParameterInvalid(f"limit is 1 to {_LARGEST_PAGE}")
    return {"after": _parse_number("after", parameters["after"]) if "after" in parameters else None, "limit": limit}


def find_records(_connection: Connection, caller: Caller, _command: Command) -> Target:
    """Return what stands for the records of the caller's account."""
    return Target(f"arn:aws:sts-admin::{caller.account_id}:audit/records")


def render_records(connection: Connection, caller: Caller, command: Command, _target: Target) -> bytes:
    """Return a page of records as JSON, oldest first, and the instant to go on after."""
    after, limit = command["after"], command["limit"] or _DEFAULT_PAGE
    if after is None:
        rows = table.find_latest(connection, caller.account_id, limit)
    else:
        rows = table.find_later(connection, caller.account_id, after, limit)
    page = _Page([msgspec.Raw(row.body.encode("utf-8")) for row in rows], rows[-1].at if rows else after or 0)
    return msgspec.json.encode(page)


def _parse_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise ParameterInvalid(f"{name} is a whole number of at most {_LONGEST_NUMBER} digits")
    return int(text)
