"""Records are found the same way on either store, by indexes, and with a bounded look at bodies."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, event

from sts.store.audit import Row, insert_records
from sts.store.audit_search import Criteria, Found, Place, find_page
from sts.store.database import Database
from tests.conftest import BEGINNING

ACCOUNT, OTHER = "111122223333", "444455556666"
ALICE, DEPLOY = f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy"
BUCKETS = ("arn:aws:s3:::logs", "arn:aws:s3:::LOGS", "arn:aws:s3:::lo[g]s", "arn:aws:s3:::100%")
MANY = 100_000
BODY = '{"operation":"iam:GetUser","principal":{"arn":"user"},"pairs":[["iam:GetUser","arn"]]}'


def make_row(number: int, account_id: str = ACCOUNT) -> Row:
    """Return a record that differs from its neighbours in all that is looked for; three share an instant."""
    principal = (ALICE, DEPLOY, None)[number % 3]
    outcome = ("done", "done", "refused", "failed")[number % 4]
    arn = f"{principal}/{'ab'[number % 2]}" if principal == DEPLOY else principal
    pairs = [["iam:CreateUser", ALICE], ["s3:GetObject", BUCKETS[number % 4]]][: number % 5]
    body = {
        "operation": "iam:CreateUser" if number % 2 else None,
        "principal": None if arn is None else {"arn": arn},
        "pairs": pairs,
        "parameters": {"text": "\0 and \\u0000"},
    }
    name = ("user.create", "user_session.create")[number % 2]
    return Row(f"s{number % 2}", number, number // 3, f"{name}.{outcome}", account_id, json.dumps(body), b"", principal)


ROWS = [*(make_row(number) for number in range(60)), *(make_row(number, OTHER) for number in range(60, 80))]


def is_sought(row: Row, criteria: Criteria) -> bool:
    """Say whether *row* is one that *criteria* look for, as the page of the documentation says it."""
    body = json.loads(row.body)
    name, _, outcome = row.event.rpartition(".")
    actions = [action.lower() for action, _ in body["pairs"]]
    by_name, sought = ":" not in (criteria.action or ":"), (criteria.action or "*").lower()
    pairs = list(zip(actions, (on for _, on in body["pairs"]), strict=True))
    does = (
        by_name
        or any(fnmatchcase(action, sought) and is_on(on, criteria) for action, on in pairs)
        or (criteria.resource is None and fnmatchcase((body["operation"] or "").lower(), sought))
    )
    return (
        row.account_id == criteria.account_id
        and (criteria.principal in {None, row.principal})
        and (criteria.session is None or (body["principal"] or {}).get("arn") == criteria.session)
        and (criteria.outcome in {None, outcome})
        and (criteria.begins_at is None or row.at >= criteria.begins_at)
        and (criteria.ends_at is None or row.at < criteria.ends_at)
        and (not by_name or fnmatchcase(name, sought))
        and (not by_name or criteria.resource is None or any(is_on(on, criteria) for _, on in pairs))
        and (criteria.action is not None or criteria.resource is None or any(is_on(on, criteria) for _, on in pairs))
        and (criteria.action is None or does)
    )


def is_on(resource: str, criteria: Criteria) -> bool:
    return criteria.resource is None or fnmatchcase(resource, criteria.resource.replace("[", "[[]"))


def read_all(connection: Connection, criteria: Criteria, limit: int) -> Iterator[Row]:
    behind: Place | None = None
    for _ in range(2 * len(ROWS)):
        found = find_page(connection, criteria, behind, limit)
        assert len(found.rows) <= limit
        yield from found.rows
        if found.behind is None:
            return
        behind = found.behind
    raise AssertionError("the pages do not end")


GRID: dict[str, Sequence[Any]] = {
    "principal": (None, ALICE, DEPLOY),
    "outcome": (None, "done", "refused", "failed"),
    "action": (None, "IAM:createuser", "s3:Get*", "iam:Create?ser", "user.create", "user_session.*", "*:*"),
    "resource": (None, ALICE, "arn:aws:s3:::lo*", BUCKETS[1], BUCKETS[2], "*%", "arn:aws:s3:::l?gs"),
}


@pytest.fixture
def filled(database: Database) -> Database:
    database.transact_now(lambda tx: insert_records(tx.connection, ROWS), BEGINNING)
    return database


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_every_search_finds_just_its_records_in_order_on_either_store(filled: Database, newest_first: bool) -> None:  # noqa: FBT001
    order = sorted(ROWS, key=lambda row: (row.at, row.stream, row.sequence), reverse=newest_first)
    searches = [
        Criteria(account_id=ACCOUNT, newest_first=newest_first, **dict(zip(GRID, each, strict=True)))
        for each in product(*GRID.values())
    ]
    found = filled.read_now(lambda c: [list(read_all(c, each, 7)) for each in searches])
    for search, rows in zip(searches, found, strict=True):
        assert rows == [row for row in order if is_sought(row, search)], search
    assert sum(1 for rows in found if rows) > len(found) / 3


def test_times_bound_a_search_at_its_beginning_and_before_its_end(filled: Database) -> None:
    search = Criteria(account_id=ACCOUNT, begins_at=4, ends_at=6)
    rows = filled.read_now(lambda c: list(read_all(c, search, 1)))
    assert [row.at for row in rows] == [4, 4, 4, 5, 5, 5]


def test_one_session_is_found_among_those_of_its_role(filled: Database) -> None:
    search = Criteria(account_id=ACCOUNT, principal=DEPLOY, session=f"{DEPLOY}/b")
    rows = filled.read_now(lambda c: list(read_all(c, search, 3)))
    assert rows == [row for row in ROWS if is_sought(row, search)]
    assert 0 < len(rows) < len([row for row in ROWS if is_sought(row, replace(search, session=None))])


_MANY = {
    "sqlite": (
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {many}) INSERT INTO audit_record "
        "SELECT 's', i, i, CASE WHEN i % 1000 = 7 THEN 'user.read.refused' ELSE 'user.read.done' END, '{account}', "
        "'{body}', x'', 'user/' || (i % 500) FROM n"
    ),
    "postgresql": (
        "INSERT INTO audit_record (stream, sequence, at, event, account_id, body, mac, principal) "
        "SELECT 's', i, i, CASE WHEN i % 1000 = 7 THEN 'user.read.refused' ELSE 'user.read.done' END, '{account}', "
        "'{body}', '', 'user/' || (i % 500) FROM generate_series(0, {many} - 1) AS i"
    ),
}


@pytest.fixture
def crowded(database: Database, kind: str) -> Database:
    """A store with a hundred thousand records of five hundred users."""
    statement = _MANY[kind].format(many=MANY, account=ACCOUNT, body=BODY)
    database.transact_now(lambda tx: tx.connection.exec_driver_sql(statement), BEGINNING)
    if kind == "postgresql":  # as its own upkeep does
        database.transact_now(lambda tx: tx.connection.exec_driver_sql("ANALYZE audit_record"), BEGINNING)
    return database


def explain(connection: Connection, search: Callable[[Connection], Found]) -> list[str]:
    """Return the plan of each statement that *search* makes."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    search(connection)
    event.remove(connection, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    plans = [connection.exec_driver_sql(f"{word} {statement}", parameters).all() for statement, parameters in said]
    return ["\n".join(str(line[-1]) for line in plan) for plan in plans]


INDEXED: Sequence[tuple[dict[str, Any], str]] = (
    ({}, "ix_audit_record_account_id_at"),
    ({"begins_at": 40_000, "ends_at": 60_000}, "ix_audit_record_account_id_at"),
    ({"principal": "user/77"}, "ix_audit_record_account_id_principal_at"),
    ({"principal": "user/77", "outcome": "refused"}, "ix_audit_record_"),  # either of two is good
    ({"outcome": "refused"}, "ix_audit_record_undone"),
    ({"action": "iam:DeleteUser"}, "ix_audit_record_account_id_at"),
)


def test_a_search_among_many_records_goes_by_an_index_either_way_and_from_any_place(crowded: Database) -> None:
    places = (None, Place(50_000, "s", 50_000))
    for (sought, index), newest_first, behind in product(INDEXED, (False, True), places):
        criteria = Criteria(account_id=ACCOUNT, newest_first=newest_first, **sought)
        search = partial(find_page, criteria=criteria, behind=behind, limit=100)
        plans = crowded.read_now(partial(explain, search=search))
        assert plans
        assert all(index in plan for plan in plans), (criteria, plans)
        assert not any("Seq Scan" in plan or "TEMP B-TREE" in plan for plan in plans), (criteria, plans)


def test_a_page_looks_at_a_bounded_number_of_bodies_and_says_where_to_go_on(crowded: Database) -> None:
    rare = Criteria(account_id=ACCOUNT, action="iam:DeleteUser")
    pages, behind = 0, None
    for _ in range(MANY):
        found = crowded.read_now(partial(find_page, criteria=rare, behind=behind, limit=100))
        pages, behind = pages + 1, found.behind
        assert found.rows == []
        if behind is None:
            break
        assert behind.at == pages * 5_000 - 1
    assert pages == MANY // 5_000 + 1


def test_refusals_are_found_without_a_look_at_what_was_done(crowded: Database) -> None:
    found = crowded.read_now(lambda c: find_page(c, Criteria(account_id=ACCOUNT, outcome="refused"), None, 1_000))
    assert [row.at for row in found.rows] == list(range(7, MANY, 1_000))
    assert found.behind is None
