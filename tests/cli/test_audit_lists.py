"""`sts audit list` and `export`, and what `sts audit verify` makes of an export."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest
from click.testing import Result

from tests.cli.conftest import Command
from tests.service import Service, Tenant

Ask = Callable[..., Result]


@pytest.fixture
def ask(elsewhere: Command, server: Service, resident: Tenant) -> Ask:
    """Ask for records with the credentials of the account's administrator."""
    key = {"AWS_ACCESS_KEY_ID": resident.key.access_key_id, "AWS_SECRET_ACCESS_KEY": resident.key.secret}

    def run(*words: str) -> Result:
        return elsewhere("audit", *words, "--endpoint-url", server.url, **key)

    return run


@pytest.fixture
def users(server: Service, resident: Tenant) -> tuple[str, ...]:
    names = ("ann", "ben", "cid")
    for name in names:
        server.call(resident.key, "CreateUser", UserName=name)
    return names


def lines(result: Result) -> list[Mapping[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def names(records: list[Mapping[str, Any]]) -> list[Any]:
    return [record["parameters"].get("UserName") for record in records]


@pytest.mark.usefixtures("users")
def test_a_list_is_a_table_with_the_latest_first(ask: Ask, resident: Tenant) -> None:
    shown = ask("list", "--action", "iam:CreateUser").stdout.splitlines()
    assert shown[0].split() == ["time", "event", "principal", "action", "resource", "reason", "address"]
    arn = f"arn:aws:iam::{resident.account_id}:user"
    assert [line.split()[1:] for line in shown[1:]] == [
        ["user.create.done", f"{arn}/admin", "iam:CreateUser", f"{arn}/{name}", "-", "127.0.0.1"]
        for name in ("cid", "ben", "ann")
    ]


@pytest.mark.usefixtures("users")
def test_a_list_goes_on_with_the_marker_that_it_tells(ask: Ask) -> None:
    first = ask("list", "--action", "user.create", "--from", "1h", "--limit", "2")
    (said,) = first.stderr.splitlines()
    marker = said.partition("--marker ")[2]
    rest = ask("list", "--action", "user.create", "--marker", marker, "--json")
    told = json.loads(rest.stdout)
    assert (names(told["records"]), told["marker"]) == (["ann"], None)
    other = ask("list", "--action", "user.read", "--marker", marker)
    assert (other.exit_code, "The marker is not one of this list" in other.stderr) == (1, True)


@pytest.mark.usefixtures("users")
def test_a_list_begins_with_the_oldest_when_asked_to(ask: Ask) -> None:
    told = json.loads(ask("list", "--action", "user.create", "--oldest-first", "--limit", "1", "--json").stdout)
    assert names(told["records"]) == ["ann"]


@pytest.mark.usefixtures("users")
def test_filters_find_by_principal_resource_outcome_and_time(ask: Ask, server: Service, resident: Tenant) -> None:
    server.call(resident.key, "CreateUser", UserName="ann")
    assert names(json.loads(ask("list", "--outcome", "refused", "--json").stdout)["records"]) == ["ann"]
    found = json.loads(ask("list", "--principal", "user/admin", "--resource", "*:user/b?n", "--json").stdout)
    assert names(found["records"]) == ["ben"]
    assert json.loads(ask("list", "--to", "2026-01-01", "--json").stdout) == {"records": [], "marker": None}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--principal", "ann"), "principal is an ARN, or user/NAME, role/NAME or root"),
        (("--principal", "users/ann"), "principal is an ARN, or user/NAME, role/NAME or root"),
        (("--action", "CreateUser"), "action is as iam:CreateUser or sts:*, or an event as user.create"),
    ],
)
def test_what_would_find_nothing_whoever_did_whatever_is_told(words: tuple[str, ...], reason: str, ask: Ask) -> None:
    for command in ("list", "export"):
        result = ask(command, *words)
        assert (result.exit_code, reason in result.stderr) == (1, True), result.output


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("action", ["user", "user.create", "*:createuser", "iam:Create?ser"])
def test_an_action_is_found_by_its_event_and_by_wildcards(action: str, ask: Ask) -> None:
    assert names(json.loads(ask("list", "--action", action, "--json").stdout)["records"]) == ["cid", "ben", "ann"]


@pytest.mark.parametrize("time", ["yesterday", "2h30m", "2026-13-01", "9" * 6 + "d"])
def test_what_is_no_time_is_wrong_usage(time: str, ask: Ask) -> None:
    result = ask("list", "--from", time)
    assert (result.exit_code, "is no time" in result.stderr) == (2, True)


@pytest.mark.usefixtures("users")
def test_reading_is_itself_on_record_with_what_was_asked(ask: Ask) -> None:
    ask("list", "--action", "user.create")
    (record,) = json.loads(ask("list", "--action", "sts-admin:ListAuditRecords", "--json").stdout)["records"]
    assert (record["event"], record["parameters"]["action"]) == ("audit.read.done", "user.create")


@pytest.mark.usefixtures("users")
def test_an_export_holds_each_record_on_a_line_the_oldest_first(ask: Ask) -> None:
    exported = lines(ask("export"))
    assert [record["event"] for record in exported] == ["user.create.done"] * 3
    assert names(exported) == ["ann", "ben", "cid"]
    assert lines(ask("export", "--action", "audit.read", "--json"))[0]["event"] == "audit.read.done"


def test_an_export_reads_page_after_page(ask: Ask, server: Service, resident: Tenant) -> None:
    at = range(1_003)
    with closing(sqlite3.connect(server.database_path)) as store:
        store.executemany(
            "INSERT INTO audit_record (stream, sequence, at, event, account_id, body, mac) VALUES (?,?,?,?,?,?,?)",
            [(resident.account_id, n, n, "user.read.done", resident.account_id, json.dumps({"n": n}), b"") for n in at],
        )
        store.commit()
    assert [record["n"] for record in lines(ask("export"))] == list(at)
    assert len(lines(ask("export", "--action", "audit.read"))) == 2


def test_an_export_that_breaks_off_says_why(elsewhere: Command, resident: Tenant) -> None:
    key = {"AWS_ACCESS_KEY_ID": resident.key.access_key_id, "AWS_SECRET_ACCESS_KEY": resident.key.secret}
    result = elsewhere("audit", "export", "--endpoint-url", "http://127.0.0.1:9", **key)
    assert result.exit_code == 1
    assert "It broke off after 0 records\n" in result.stderr
    assert "does not answer" in result.stderr


def bodies(sts: Command) -> str:
    """Return the records of the store as an export has them."""
    with closing(sqlite3.connect(sts.home / "sts.db")) as store:
        return "".join(f"{body}\n" for (body,) in store.execute("SELECT body FROM audit_record ORDER BY at"))


def alter(sts: Command, statement: str) -> None:
    with closing(sqlite3.connect(sts.home / "sts.db")) as store:
        store.execute(statement)
        store.commit()


def test_an_export_is_verified_against_the_store(sts: Command) -> None:
    sts.json("init")
    exported = bodies(sts)
    result = sts("audit", "verify", "--records", "-", given=exported)
    assert result.exit_code == 0, result.output
    assert "1 exported record was looked up in the store." in result.stdout
    altered = exported.replace("user/admin", "user/nobody").replace("account.create", "account.delete")
    told = sts("audit", "verify", "--records", "-", "--json", given=exported + altered)
    assert told.exit_code == 1
    (fault,) = json.loads(told.stdout)["faults"]
    assert fault["place"] == "exported record 2"
    assert fault["reason"].endswith("says something else in the store")


def test_a_record_that_was_taken_away_with_all_traces_of_it_shows_against_an_export(sts: Command) -> None:
    sts.json("init")
    exported = bodies(sts)
    for table in ("audit_record", "audit_stream", "audit_checkpoint"):
        alter(sts, f"DELETE FROM {table}")  # noqa: S608  one of three names
    assert sts("audit", "verify").exit_code == 0
    result = sts("audit", "verify", "--records", "-", given=exported)
    assert (result.exit_code, "is not in the store" in result.stdout) == (1, True)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "The file holds no record"),
        ("nothing\n", "Line 1 of the file is no record"),
        ('{"stream": "s", "sequence": true}\n', "Line 1 of the file is no record"),
        ("[]\n", "Line 1 of the file is no record"),
    ],
)
def test_a_file_that_is_no_export_is_refused(given: str, reason: str, sts: Command) -> None:
    sts.json("init")
    result = sts("audit", "verify", "--records", "-", given=given)
    assert (result.exit_code, reason in result.stderr) == (1, True)
