import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sts.cli.commands import main
from tests.postgresql_server import PostgresqlServer


@pytest.fixture
def url(postgresql: PostgresqlServer) -> str:
    return postgresql.url(postgresql.make_database())


def sts(home: Path, url: str, *words: str) -> Result:
    return CliRunner().invoke(main, words, env={"STS_HOME": str(home), "STS_DATABASE_URL": url})


def test_the_command_on_the_host_works_on_postgresql(tmp_path: Path, url: str) -> None:
    empty = sts(tmp_path, url, "accounts", "list")
    assert (empty.exit_code, "begin with `sts init`" in empty.output) == (1, True)
    begun = sts(tmp_path, url, "init", "--json")
    assert begun.exit_code == 0, begun.output
    assert sts(tmp_path, url, "init").exit_code == 3
    listed = sts(tmp_path, url, "accounts", "list", "--json")
    assert json.loads(begun.stdout)["account_id"] in listed.stdout
    migrated = json.loads(sts(tmp_path, url, "migrate", "--json").stdout)
    assert migrated["changed"] is False
    verified = sts(tmp_path, url, "audit", "verify", "--json")
    assert verified.exit_code == 0, verified.output


def test_a_store_is_made_by_migrate_and_the_record_says_so(tmp_path: Path, url: str) -> None:
    migrated = sts(tmp_path, url, "migrate", "--json")
    assert migrated.exit_code == 0, migrated.output
    assert json.loads(migrated.stdout)["changed"] is True
    assert sts(tmp_path, url, "audit", "verify").exit_code == 0


def test_with_keys_but_another_database_than_the_one_meant_a_command_makes_nothing(
    tmp_path: Path, url: str, postgresql: PostgresqlServer
) -> None:
    assert sts(tmp_path, url, "init").exit_code == 0
    name = postgresql.make_database()
    strange = sts(tmp_path, postgresql.url(name), "accounts", "list")
    assert (strange.exit_code, "The database of STS_DATABASE_URL is empty" in strange.output) == (1, True)
    assert postgresql.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"


def test_a_command_says_why_the_store_cannot_be_used_and_no_password(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    url = postgresql.url("nowhere").replace("postgres@", "postgres:hush@")
    failed = sts(tmp_path, url, "init")
    assert failed.exit_code == 1
    assert "The store is not available" in failed.output
    assert "does not exist" in failed.output
    assert "hush" not in failed.output
