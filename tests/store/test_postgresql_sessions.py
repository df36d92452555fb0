"""What is said of PostgreSQL alone."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from sts.errors import Unavailable
from sts.store.database import Transaction, open_database
from sts.store.versions import read_version
from tests.certificates import Authority
from tests.conftest import BEGINNING
from tests.ports import find_port
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.store.stored_accounts import FIRST, add, kept


def prepare(_connection: Connection) -> None:
    """There is nothing to prepare."""


def show(name: str) -> Callable[[Connection], str]:
    return lambda connection: str(connection.execute(text(f"SHOW {name}")).scalar_one())


def test_every_commit_is_durable_whatever_database_and_role_say(postgresql: PostgresqlServer, made: str) -> None:
    name = postgresql.make_database(made)
    postgresql.ask("CREATE ROLE hasty LOGIN; ALTER ROLE hasty SET synchronous_commit = off")
    postgresql.ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
    postgresql.ask("GRANT ALL ON ALL TABLES IN SCHEMA public TO hasty", name)
    database = open_database(postgresql.url(name).replace("postgres@", "hasty@"))
    assert database.transact_now(lambda tx: show("synchronous_commit")(tx.connection), BEGINNING)[0] == "on"
    assert database.migrate(prepare) is False


def test_a_change_waits_and_a_read_sees_one_state_whatever_the_server_takes_for_usual(
    postgresql: PostgresqlServer, made: str
) -> None:
    name = postgresql.make_database(made)
    postgresql.ask(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    database = open_database(postgresql.url(name))
    isolation = show("transaction_isolation")
    assert database.transact_now(lambda tx: isolation(tx.connection), BEGINNING)[0] == "read committed"
    assert database.read_now(isolation) == "repeatable read"
    assert database.read_now(show("transaction_read_only")) == "on"


def test_a_look_begins_no_transaction_and_leaves_none_out_of_a_later_read(kept_url: str) -> None:
    database = open_database(kept_url)

    async def take_turns() -> list[str]:
        async with database.serving():
            return [await ask(show("transaction_isolation")) for ask in (database.read, database.look, database.read)]

    # The second is what the server takes for usual: nobody told it otherwise by a BEGIN.
    assert asyncio.run(take_turns()) == ["repeatable read", "read committed", "repeatable read"]


@pytest.mark.parametrize("name", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
def test_no_transaction_holds_up_others_for_long(kept_url: str, name: str) -> None:
    database = open_database(kept_url)
    told, _ = database.transact_now(lambda tx: show(name)(tx.connection), BEGINNING)
    assert told in {"3500ms", "3s", "5s"}


def test_a_migration_takes_as_long_as_it_must(postgresql: PostgresqlServer) -> None:
    database = open_database(postgresql.url(postgresql.make_database()))
    told: list[str] = []

    def look(connection: Connection) -> None:
        told.extend(show(name)(connection) for name in ("statement_timeout", "lock_timeout"))

    assert database.migrate(look) is True
    assert told == ["0", "0"]


def test_a_database_that_cannot_keep_every_text_is_refused(postgresql: PostgresqlServer) -> None:
    postgresql.ask("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
    database = open_database(postgresql.url("latin"))
    with pytest.raises(Unavailable, match="the encoding UTF8"):
        database.migrate(prepare)
    assert postgresql.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "latin") == "0"


def test_a_fault_of_the_store_tells_nothing_of_what_was_sent(kept_url: str) -> None:
    """PostgreSQL's own words quote the row that broke a rule."""
    database = open_database(kept_url)

    def break_a_rule(tx: Transaction) -> None:
        statement = text("INSERT INTO account VALUES (:id, :name, NULL, 0)")
        tx.connection.execute(statement, {"id": FIRST, "name": "spoken of nowhere"})

    with pytest.raises(Exception, match="not-null constraint") as broken:
        database.transact_now(break_a_rule, BEGINNING)
    fault: BaseException | None = broken.value
    while fault is not None:
        assert "spoken of nowhere" not in f"{fault} {fault!r}"
        fault = fault.__cause__ or fault.__context__


def test_the_host_that_answers_is_used(kept_url: str) -> None:
    database = open_database(kept_url.replace("@", f"@127.0.0.1:{find_port()},"))
    database.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    assert kept(database) == [FIRST]


def test_connections_that_serve_are_few_and_gone_at_the_end(
    postgresql: PostgresqlServer, kept_url: str, made: str
) -> None:
    database = open_database(kept_url)
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{made}'"  # noqa: S608  a name of our own

    async def serve() -> str:
        async with database.serving():
            work: list[Any] = [database.read(read_version) for _ in range(50)]
            work += [database.transact(lambda tx: tx.touch("user", "AIDA"), BEGINNING) for _ in range(50)]
            await asyncio.gather(*work)
            await database.check()
            return postgresql.ask(count)

    assert asyncio.run(serve()) == "5"
    assert postgresql.ask(count) == "0"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_server_is_reached_by_its_socket(with_tls: PostgresqlServer) -> None:
    url = f"postgresql://postgres@/postgres?host={with_tls.folder}&port={with_tls.port}"
    assert open_database(url).read_now(show("server_encoding")) == "UTF8"


@pytest.fixture(scope="module")
def with_tls(authority: Authority) -> Iterator[PostgresqlServer]:
    """A server that speaks TLS, with a certificate for its number, and that has a socket."""
    with postgresql_server() as started:
        started.options = (f"-c unix_socket_directories={started.folder}",)
        started.speak_tls(authority)
        yield started


def is_encrypted(connection: Connection) -> bool:
    return bool(connection.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar_one())


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_is_spoken_when_it_is_asked_for(with_tls: PostgresqlServer, authority: Authority, mode: str) -> None:
    url = with_tls.url("postgres", sslmode=mode, sslrootcert=str(authority.file))
    assert open_database(url).read_now(is_encrypted) is True


def test_a_certificate_that_nobody_known_signed_is_refused(with_tls: PostgresqlServer, tmp_path: Path) -> None:
    for ca in ({}, {"sslrootcert": str(Authority(tmp_path).file)}):
        with pytest.raises(Unavailable) as refused:
            open_database(with_tls.url("postgres", sslmode="verify-full", **ca)).read_now(is_encrypted)
        assert "certificate verify failed" in (refused.value.detail or "")


def test_a_certificate_for_another_host_is_refused_unless_any_host_of_the_authority_will_do(
    with_tls: PostgresqlServer, authority: Authority
) -> None:
    def url(mode: str) -> str:
        told = with_tls.url("postgres", sslmode=mode, sslrootcert=str(authority.file))
        return told.replace("127.0.0.1", "localhost")

    with pytest.raises(Unavailable) as refused:
        open_database(url("verify-full")).read_now(is_encrypted)
    assert "certificate verify failed" in (refused.value.detail or "")
    assert open_database(url("verify-ca")).read_now(is_encrypted) is True


def test_a_server_without_tls_is_refused_when_it_is_asked_for(postgresql: PostgresqlServer) -> None:
    with pytest.raises(Unavailable) as refused:
        open_database(postgresql.url("postgres", sslmode="require")).read_now(is_encrypted)
    assert "SSL" in (refused.value.detail or "")
