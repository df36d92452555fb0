import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select, text

from sts.store import schema
from sts.store.database import Database, open_database
from sts.store.schema import HEAD, find_revision, metadata
from sts.store.tables import audit_record, change, code_failure, policy, tag, version
from tests.conftest import BEGINNING

# A process that says when it is ready, begins on a word, and says whether it had anything to do.
START = """
import sys
from sts.foundation import prepare_store
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.store.database import open_database
from alembic import command, config
print("ready", flush=True)
sys.stdin.readline()
database = open_database(sys.argv[1])
print(database.migrate(lambda connection: prepare_store(connection, SystemClock(), Entropy())), flush=True)
database.close()
"""


def _refuse(_connection: Connection) -> None:
    raise AssertionError("nothing was left to do")


def _starting(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(schema.__file__).parents[2],
    )


def test_processes_that_start_at_once_on_a_fresh_store_all_succeed_and_one_makes_it(url: str) -> None:
    processes = [_starting(url) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=30) for process in processes]
    assert sorted(out for out, _ in told) == ["False\n", "False\n", "True\n"], told
    opened = open_database(url)
    rows = opened.read_now(lambda c: c.execute(select(version)).all())
    policies = opened.read_now(lambda c: c.execute(select(policy.c.name)).scalars().all())
    opened.close()
    assert [(row.id, row.counter) for row in rows] == [(1, 1)]
    assert sorted(set(policies)) == sorted(policies)


def test_the_migrations_make_the_tables_that_the_queries_know(database: Database) -> None:
    found = database.read_now(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    assert found == []


def test_the_head_is_the_newest_revision(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
    assert database.read_now(find_revision) == HEAD


def test_a_store_that_is_up_to_date_is_left_alone(database: Database) -> None:
    assert database.migrate(_refuse) is False


def test_an_empty_store_has_no_revision(url: str) -> None:
    opened = open_database(url)
    assert opened.read_now(find_revision) is None
    opened.close()


def test_a_first_start_that_fails_leaves_an_empty_store(url: str) -> None:
    opened = open_database(url)
    try:
        opened.migrate(_refuse)
    except AssertionError as stopped:
        assert str(stopped) == "nothing was left to do"  # noqa: PT017  it is ours, and the store is looked at after it
    assert opened.read_now(find_revision) is None
    assert not opened.read_now(lambda c: inspect(c).get_table_names())
    opened.close()


def test_a_first_start_notes_what_it_made(database: Database) -> None:
    nouns = database.read_now(lambda c: set(c.execute(select(change.c.noun)).scalars()))
    assert nouns == {"policy", "policy-arn"}


def _migrate_up_to_before(connection: Connection, named: str) -> None:
    """Run the revisions that stand before the one whose file has this name."""
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.attributes["connection"] = connection
    (found,) = [each for each in ScriptDirectory.from_config(config).walk_revisions() if each.path.endswith(named)]
    assert isinstance(found.down_revision, str)
    command.upgrade(config, found.down_revision)


def _keep_bodies(connection: Connection, arns: Iterable[str | None]) -> None:
    insert = (
        "INSERT INTO audit_record (stream, sequence, at, event, body, mac) VALUES ('s', :number, 0, 'e', :body, '')"
    )
    for number, arn in enumerate(arns):
        principal = None if arn is None else {"arn": arn}
        body = {"account_id": None, "principal": principal, "parameters": {"principal": {"arn": "other"}}}
        values = {"number": number, "body": json.dumps(body, separators=(",", ":"))}
        connection.execute(text(insert), values)


def test_records_from_before_principals_had_a_column_are_found_by_them_too(url: str) -> None:
    alice, ops = "arn:aws:iam::111122223333:user/a/alice", "arn:aws:sts::111122223333:assumed-role/ops"
    opened = open_database(url)
    opened.transact_now(lambda tx: _migrate_up_to_before(tx.connection, "_audit_principals.py"), BEGINNING)
    opened.transact_now(lambda tx: _keep_bodies(tx.connection, [alice, f"{ops}/me", None]), BEGINNING)
    assert opened.migrate(lambda _connection: None)
    principals = select(audit_record.c.principal).order_by(audit_record.c.sequence)
    found = opened.read_now(lambda c: list(c.execute(principals).scalars()))
    opened.close()
    assert found == [alice, ops, None]


def test_tags_from_before_are_found_by_what_their_keys_have_in_common_now(url: str) -> None:
    opened = open_database(url)
    opened.transact_now(lambda tx: _migrate_up_to_before(tx.connection, "_tag_keys.py"), BEGINNING)
    kept = [
        {"bearer_id": bearer, "key": key, "key_key": key.casefold() if bearer != "ANPAONE" else key, "value": ""}
        for bearer in ("AIDAONE", "AROAONE", "ANPAONE")
        for key in ("Team", "acce\u017fs", "GRÖßE")
    ]
    opened.transact_now(lambda tx: tx.connection.execute(insert(tag), kept), BEGINNING)
    assert opened.migrate(lambda _connection: None)
    found = opened.read_now(lambda c: {(row.bearer_id, row.key_key) for row in c.execute(select(tag))})
    opened.close()
    folded = {(bearer, key) for bearer in ("AIDAONE", "AROAONE") for key in ("team", "acce\u017fs", "größe")}
    assert found == folded | {("ANPAONE", key) for key in ("Team", "acce\u017fs", "GRÖßE")}


def test_codes_that_were_counted_before_are_counted_as_from_elsewhere_and_those_of_older_servers_too(url: str) -> None:
    opened = open_database(url)
    opened.transact_now(lambda tx: _migrate_up_to_before(tx.connection, "_code_failures_by_device.py"), BEGINNING)
    counted = text("INSERT INTO code_failure (owner_id, failures, locked_until) VALUES (:owner, 9, 7)")
    opened.transact_now(lambda tx: tx.connection.execute(counted, {"owner": "AIDAONE"}), BEGINNING)
    assert opened.migrate(lambda _connection: None)
    opened.transact_now(lambda tx: tx.connection.execute(counted, {"owner": "AIDATWO"}), BEGINNING)
    twice = insert(code_failure).values(owner_id="AIDAONE", device_id="d", failures=1, locked_until=0)
    opened.transact_now(lambda tx: tx.connection.execute(twice), BEGINNING)
    found = opened.read_now(lambda c: {tuple(row) for row in c.execute(select(code_failure))})
    opened.close()
    assert found == {("AIDAONE", "", 9, 7), ("AIDATWO", "", 9, 7), ("AIDAONE", "d", 1, 0)}
