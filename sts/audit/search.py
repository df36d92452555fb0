"""The records of an account, looked for and read in pages.

What is asked is text, as a query or a form brings it. A marker says where the next page begins. It is authenticated,
with the account and all that was asked, so that it leads nowhere but on through the very list that it came from.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Outcome
from sts.audit.record import principal_of
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.errors import Malformed, ParameterInvalid, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import STAMP_BYTES, make_stamp, verify_stamp
from sts.parameters import parse_limit, require_offered
from sts.store import audit as table
from sts.store.audit_search import Criteria, Place, find_page, place_of
from sts.store.database import to_microseconds

_LARGEST_BYTES = 4 * 1024 * 1024  # of a page's bodies, past the first
_LONGEST_PATTERN = 2_048  # characters, as an ARN
_LABEL = b"audit-marker"
_PARAMETERS = ("principal", "action", "resource", "outcome", "from", "to", "order", "limit", "marker")
_ROLE = re.compile(r"arn:aws:iam::([0-9]{12}):role/(?:[^/]+/)*([^/]+)")
# Anything else would find nothing, whoever did whatever: a bare name, an action without its service.
_PRINCIPAL = re.compile(r"arn:.*|(?:user|role)/.+|root", re.DOTALL)
_ACTION = re.compile(r".*[:.*?].*|[a-z-]+", re.DOTALL)
_ORDERS = ("oldest", "newest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for, None where anything is, and which page of it."""

    principal: str | None
    action: str | None
    resource: str | None
    outcome: Outcome | None
    begins_at: datetime | None
    ends_at: datetime | None
    newest_first: bool
    limit: int
    marker: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """The bodies of records, each a JSON object, and the marker of the next page; None: nothing follows.

    A page may hold fewer records than fit, or none, while others follow.
    """

    bodies: Sequence[str]
    marker: str | None


class _Position(msgspec.Struct):
    """Where a page begins: behind a place (None: the first page), and the instants that the whole list is between."""

    place: Place | None
    begins_at: int | None
    ends_at: int | None


@dataclass(frozen=True, slots=True)
class Searches:
    """Finds pages of records."""

    keyring: Keyring

    def find_page(self, connection: Connection, account_id: str, search: Search) -> Page:
        """Return a page of the records of *account_id*; raises ParameterInvalid for a marker of another list."""
        criteria = _criteria(account_id, search)
        said = msgspec.json.encode(criteria)
        marker = search.marker
        begin = _begin(connection, account_id, search) if marker is None else self._read_marker(marker, said)
        bounded = replace(criteria, begins_at=begin.begins_at, ends_at=begin.ends_at)
        found = find_page(connection, bounded, begin.place, search.limit)
        rows = _cut(found.rows)
        end = found.behind if len(rows) == len(found.rows) else place_of(rows[-1])
        following = None if end is None else self._mint_marker(msgspec.structs.replace(begin, place=end), said)
        return Page([row.body for row in rows], following)

    def _mint_marker(self, position: _Position, said: bytes) -> str:
        told = msgspec.json.encode(position)
        return encode_base64url(make_stamp(self.keyring, Purpose.MARKER, _LABEL, told + said) + told)

    def _read_marker(self, marker: str, said: bytes) -> _Position:
        try:
            stamped = parse_base64url(marker.encode("ascii"))
            stamp, told = stamped[:STAMP_BYTES], stamped[STAMP_BYTES:]
            verify_stamp(self.keyring, Purpose.MARKER, _LABEL, told + said, stamp)
        except (UnicodeEncodeError, Malformed, SealBroken) as error:
            raise ParameterInvalid("The marker is not one of this list", detail=f"marker refused: {error}") from None
        return msgspec.json.decode(told, type=_Position)


def parse_search(parameters: Mapping[str, str]) -> Search:
    """Parse what is asked; raises ParameterInvalid, which names the parameter that breaks a rule."""
    require_offered(parameters, _PARAMETERS)
    order = _parse_choice("order", parameters.get("order", _ORDERS[0]), _ORDERS)
    begins_at, ends_at = _parse_instant("from", parameters), _parse_instant("to", parameters)
    if begins_at is not None and ends_at is not None and begins_at >= ends_at:
        raise ParameterInvalid("from is an instant before to")
    if "marker" in parameters and (begins_at or ends_at):
        raise ParameterInvalid("from and to come with the marker: leave them out beside it")
    outcome = parameters.get("outcome")
    return Search(
        principal=_parse_form("principal", parameters, _PRINCIPAL, "an ARN, or user/NAME, role/NAME or root"),
        action=_parse_form("action", parameters, _ACTION, "as iam:CreateUser or sts:*, or an event as user.create"),
        resource=_parse_text("resource", parameters),
        outcome=None if outcome is None else Outcome(_parse_choice("outcome", outcome, tuple(Outcome))),
        begins_at=begins_at,
        ends_at=ends_at,
        newest_first=order == "newest",
        limit=parse_limit(parameters),
        marker=parameters.get("marker"),
    )


def _criteria(account_id: str, search: Search) -> Criteria:
    principal, session = _resolve_principal(account_id, search.principal)
    return Criteria(
        account_id=account_id,
        principal=principal,
        session=session,
        action=search.action,
        resource=search.resource,
        outcome=search.outcome,
        newest_first=search.newest_first,
    )


def _resolve_principal(account_id: str, said: str | None) -> tuple[str | None, str | None]:
    """Return what the records of whom *said* names are found under, and the one session among them, if it names one.

    What does not begin as an ARN is of the account itself: `user/alice`, `role/deploy`, `root`. A role stands for all
    of its sessions.
    """
    if said is None:
        return None, None
    arn = said if said.startswith("arn:") else iam_arn(account_id, said)
    role = _ROLE.fullmatch(arn)
    if role is not None:
        return f"arn:aws:sts::{role[1]}:assumed-role/{role[2]}", None
    principal = principal_of(arn)
    return principal, None if principal == arn else arn


def _begin(connection: Connection, account_id: str, search: Search) -> _Position:
    """Return where the list of *search* begins.

    A list from the oldest on would never end where records are added faster than it is read, by its own reading too:
    it holds what was recorded by now.
    """
    begins_at = None if search.begins_at is None else to_microseconds(search.begins_at)
    if search.ends_at is not None:
        return _Position(None, begins_at, to_microseconds(search.ends_at))
    last = None if search.newest_first else table.find_last_instant(connection, account_id)
    return _Position(None, begins_at, None if last is None else last + 1)


def _cut(rows: list[table.Row]) -> list[table.Row]:
    """Return the first of *rows*, as many as an answer holds."""
    size = 0
    for place, row in enumerate(rows):
        size += len(row.body)
        if place and size > _LARGEST_BYTES:
            return rows[:place]
    return rows


def _parse_text(name: str, parameters: Mapping[str, str]) -> str | None:
    value = parameters.get(name)
    if value is not None and not 1 <= len(value) <= _LONGEST_PATTERN:
        raise ParameterInvalid(f"{name} has 1 to {_LONGEST_PATTERN} characters")
    if value is not None and "\0" in value:
        raise ParameterInvalid(f"{name} holds no NUL")
    return value


def _parse_form(name: str, parameters: Mapping[str, str], form: re.Pattern[str], words: str) -> str | None:
    value = _parse_text(name, parameters)
    if value is not None and not form.fullmatch(value):
        raise ParameterInvalid(f"{name} is {words}")
    return value


def _parse_choice(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ParameterInvalid(f"{name} is one of {', '.join(choices)}")
    return value


def _parse_instant(name: str, parameters: Mapping[str, str]) -> datetime | None:
    value = parameters.get(name)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ParameterInvalid(f"{name} is an instant such as 2026-03-02T12:00:00Z") from None
