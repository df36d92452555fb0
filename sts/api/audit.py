"""The audit records of the caller's own account."""

from dataclasses import asdict

import msgspec
from sqlalchemy import Connection

from sts.api.request import Asked
from sts.api.row import Command, Parts, Target
from sts.audit.search import Search, parse_search
from sts.model import Caller


class _Page(msgspec.Struct):
    records: list[msgspec.Raw]
    marker: str | None  # of the next page


def parse_records(asked: Asked) -> Command:
    """Parse the query; raises ParameterInvalid."""
    return asdict(parse_search(asked.parameters))


def find_records(_connection: Connection, caller: Caller, _command: Command) -> Target:
    """Return what stands for the records of the caller's account."""
    return Target(f"arn:aws:sts-admin::{caller.account_id}:audit/records")


def render_records(parts: Parts, connection: Connection, caller: Caller, command: Command, _target: Target) -> bytes:
    """Return a page of records as JSON, and the marker of the next."""
    page = parts.searches.find_page(connection, caller.account_id, Search(**command))
    return msgspec.json.encode(_Page([msgspec.Raw(body.encode("utf-8")) for body in page.bodies], page.marker))
