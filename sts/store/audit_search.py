"""Audit records looked for: by time, principal, what was done, on what, and how it ended.

Time, principal and whether a thing was done are in indexes. What else is asked for stands in a record's body, so a page
looks at a bounded number of bodies, and may hold fewer records than fit, or none, while others follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, select, text, tuple_

from sts.store.audit import Row
from sts.store.tables import audit_record

_WINDOW = 5_000  # records whose bodies are looked at for a page
_ORDER = audit_record.c.at, audit_record.c.stream, audit_record.c.sequence
_NOT_DONE = text("audit_record.event NOT LIKE '%.done'")  # word for word as the index has it


class Place(NamedTuple):
    """Where a record stands among all of its account."""

    at: int
    stream: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is looked for; None: whatever it is. Instants are microseconds of the epoch.

    *principal* is as the column has it, *session* an ARN of the body. In *action* and *resource* `*` stands for any
    characters and `?` for one; *action* takes small letters for capitals, and without a colon it is an event's name.
    """

    account_id: str
    begins_at: int | None = None  # at this instant or later
    ends_at: int | None = None  # before it
    principal: str | None = None
    session: str | None = None
    action: str | None = None
    resource: str | None = None
    outcome: str | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class _Words:
    """How a kind of database says what SQL has no words of its own for."""

    principal: str
    operation: str
    pairs: str
    pair_action: str
    pair_resource: str
    matches: str  # letter for letter

    def write_pattern(self, pattern: str) -> str:
        """Return *pattern* as `matches` takes it."""
        return _write_like(pattern) if self.matches.startswith("LIKE") else pattern.replace("[", "[[]")


# PostgreSQL reads no JSON with an escaped NUL anywhere in it. A blank of the same length leaves what stands before it,
# another backslash maybe, with the meaning that it had.
_JSON = r"replace(audit_record.body, '\u0000', '\u0020')::json"
_WORDS: Mapping[str, _Words] = {
    "sqlite": _Words(
        principal="json_extract(audit_record.body, '$.principal.arn')",
        operation="json_extract(audit_record.body, '$.operation')",
        pairs="json_each(audit_record.body, '$.pairs') AS pair",
        pair_action="json_extract(pair.value, '$[0]')",
        pair_resource="json_extract(pair.value, '$[1]')",
        matches="GLOB",
    ),
    "postgresql": _Words(
        principal=_JSON + " #>> '{principal,arn}'",
        operation=_JSON + " ->> 'operation'",
        pairs=f"json_array_elements({_JSON} -> 'pairs') AS pair(value)",
        pair_action="pair.value ->> 0",
        pair_resource="pair.value ->> 1",
        matches="LIKE",
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a page holds, and where the next begins behind; None: nothing follows."""

    rows: list[Row]
    behind: Place | None


def find_page(connection: Connection, criteria: Criteria, behind: Place | None, limit: int) -> Found:
    """Return up to *limit* records of *criteria*, in their order, that stand behind the place *behind*."""
    candidates = _order(select(audit_record).where(*_find_indexed(criteria, behind)), criteria)
    within = _find_within(connection.dialect.name, criteria)
    edge = None
    if within:
        edge = _find_edge(connection, criteria, behind)
        candidates = candidates.where(*within, *([] if edge is None else [_is_up_to(criteria, edge)]))
    rows = [Row(*row) for row in connection.execute(candidates.limit(limit))]
    if len(rows) == limit:
        return Found(rows, place_of(rows[-1]))
    return Found(rows, edge)


def place_of(row: Row) -> Place:
    """Return where *row* stands."""
    return Place(row.at, row.stream, row.sequence)


def _order(query: Select[Any], criteria: Criteria) -> Select[Any]:
    return query.order_by(*(column.desc() if criteria.newest_first else column for column in _ORDER))


def _find_edge(connection: Connection, criteria: Criteria, behind: Place | None) -> Place | None:
    """Return the last place whose body is looked at for this page; None when all are."""
    places = _order(select(*_ORDER).where(*_find_indexed(criteria, behind)), criteria)
    edge = connection.execute(places.offset(_WINDOW - 1).limit(1)).one_or_none()
    return None if edge is None else Place(*edge)


def _find_indexed(criteria: Criteria, behind: Place | None) -> list[Any]:
    """Return the conditions that an index answers."""
    conditions: list[Any] = [audit_record.c.account_id == criteria.account_id]
    if criteria.principal is not None:
        conditions.append(audit_record.c.principal == criteria.principal)
    if criteria.begins_at is not None:
        conditions.append(audit_record.c.at >= criteria.begins_at)
    if criteria.ends_at is not None:
        conditions.append(audit_record.c.at < criteria.ends_at)
    if criteria.outcome not in {None, "done"}:
        conditions.append(_NOT_DONE)
    if behind is not None:
        conditions += _is_behind(criteria, behind)
    return conditions


def _is_behind(criteria: Criteria, place: Place) -> list[ColumnElement[bool]]:
    """Return what bounds the index by the time of *place*, and tells apart what has that very time."""
    order, at = tuple_(*_ORDER), audit_record.c.at
    if criteria.newest_first:
        return [at <= place.at, order < tuple_(*place)]
    return [at >= place.at, order > tuple_(*place)]


def _is_up_to(criteria: Criteria, edge: Place) -> ColumnElement[bool]:
    order, at = tuple_(*_ORDER), audit_record.c.at
    if criteria.newest_first:
        return and_(at >= edge.at, order >= tuple_(*edge))
    return and_(at <= edge.at, order <= tuple_(*edge))


def _find_within(dialect: str, criteria: Criteria) -> list[Any]:
    """Return the conditions for which records are looked at one by one."""
    words = _WORDS[dialect]
    conditions: list[Any] = []
    if criteria.outcome is not None:
        conditions.append(audit_record.c.event.like(f"%.{criteria.outcome}"))
    if criteria.session is not None:
        conditions.append(text(f"{words.principal} = :session").bindparams(session=criteria.session))
    if criteria.action is not None and ":" not in criteria.action:
        conditions.append(audit_record.c.event.like(_write_like(criteria.action) + ".%", escape="\\"))
        if criteria.resource is not None:
            conditions.append(_has_pair(words, None, criteria.resource))
    elif criteria.action is not None or criteria.resource is not None:
        conditions.append(_has_pair(words, criteria.action, criteria.resource))
    return conditions


def _has_pair(words: _Words, action: str | None, resource: str | None) -> Any:
    """Return the condition that one and the same pair is of *action* and *resource*.

    What was refused before it was clear what it is about has no pair, and its operation still says the action.
    """
    given: dict[str, str] = {}
    conditions = []
    if action is not None:
        given["action"] = _write_like(action.lower())
        conditions.append(f"lower({words.pair_action}) LIKE :action ESCAPE '\\'")
    if resource is not None:
        given["resource"] = words.write_pattern(resource)
        conditions.append(f"{words.pair_resource} {words.matches} :resource")
    found = f"EXISTS (SELECT 1 FROM {words.pairs} WHERE {' AND '.join(conditions)})"  # noqa: S608  our own words
    if resource is None:
        found = f"(lower({words.operation}) LIKE :action ESCAPE '\\' OR {found})"
    return text(found).bindparams(**given)


def _write_like(pattern: str) -> str:
    """Return *pattern* as LIKE takes it."""
    escaped = "".join(f"\\{each}" if each in "\\%_" else each for each in pattern)
    return escaped.replace("*", "%").replace("?", "_")
