"""What a fault of PostgreSQL costs: what cannot be recorded is refused, and it ends by itself."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sts.app import create_app
from sts.clock import ManualClock, SystemClock
from sts.entropy import Entropy
from sts.errors import Unavailable
from sts.settings import read_settings
from tests.faults.relay import Relay, relaying
from tests.faults.stores import create, health, recovers, users, verify_audit
from tests.postgresql_server import PostgresqlServer, find_program
from tests.redis_servers import until
from tests.service import Service, running

pytestmark = pytest.mark.alone


@pytest.fixture
def service(home: Path, clock: ManualClock, fragile: PostgresqlServer, database: str) -> Iterator[Service]:
    with running(home, clock, STS_DATABASE_URL=fragile.url(database)) as started:
        yield started


def test_a_restart_costs_what_was_asked_meanwhile(service: Service, fragile: PostgresqlServer) -> None:
    tenant = service.tenant()
    assert create(service, tenant, "before") == 200
    fragile.stop()
    try:
        assert health(service) == (503, {"status": "down", "down": {"store": "The store is not available"}})
        assert create(service, tenant, "meanwhile") == 503
    finally:
        fragile.start()
    recovers(service, tenant)
    assert users(service, tenant) == ["before", "later"]
    verify_audit(service)


def test_a_restart_between_requests_costs_nothing(service: Service, fragile: PostgresqlServer) -> None:
    tenant = service.tenant()
    assert create(service, tenant, "before") == 200
    fragile.stop()
    fragile.start()
    assert create(service, tenant, "after") == 200
    assert health(service)[0] == 200


def test_a_server_that_hangs_is_told_of_within_a_second(service: Service, fragile: PostgresqlServer) -> None:
    tenant = service.tenant()
    assert create(service, tenant, "before") == 200
    fragile.send(signal.SIGSTOP)
    try:
        for _ in range(3):
            assert health(service)[0] == 503
        assert create(service, tenant, "meanwhile") == 503
    finally:
        fragile.send(signal.SIGCONT)
    recovers(service, tenant)
    verify_audit(service)


def test_a_store_that_takes_no_changes_is_told_of(service: Service, fragile: PostgresqlServer) -> None:
    tenant = service.tenant()
    fragile.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    fragile.ask("SELECT pg_reload_conf()")
    try:
        until(lambda: health(service)[0] == 503, "a service that knows that the store takes no changes")
        assert health(service)[1]["down"] == {"store": "The store takes no changes"}
        assert create(service, tenant, "meanwhile") == 503
    finally:
        fragile.ask("ALTER SYSTEM RESET default_transaction_read_only")
        fragile.ask("SELECT pg_reload_conf()")
    recovers(service, tenant)
    assert users(service, tenant) == ["later"]
    verify_audit(service)


@contextmanager
def holding(server: PostgresqlServer, database: str, statement: str) -> Iterator[None]:
    """Hold what *statement* takes in a transaction of another's."""
    client = (find_program("psql"), "-XqAt", server.url(database))
    with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write(f"BEGIN; {statement}; SELECT 'held';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "held\n"
        yield
        session.stdin.close()


def test_a_lock_that_is_not_let_go_is_waited_for_no_longer_than_a_few_seconds(
    service: Service, fragile: PostgresqlServer, database: str
) -> None:
    tenant = service.tenant()
    assert create(service, tenant, "before") == 200
    with holding(fragile, database, "LOCK TABLE iam_user IN ACCESS EXCLUSIVE MODE"):
        assert create(service, tenant, "meanwhile") == 503
        assert "store" not in health(service)[1].get("down", {})  # it is no other's fault
    recovers(service, tenant)
    assert users(service, tenant) == ["before", "later"]


def test_with_no_connection_left_who_has_theirs_goes_on_and_who_starts_is_told(
    home: Path, clock: ManualClock, fragile: PostgresqlServer, database: str
) -> None:
    fragile.ask(f"CREATE ROLE few LOGIN; ALTER DATABASE {database} OWNER TO few")
    url = fragile.url(database).replace("postgres@", "few@")
    with running(home, clock, STS_DATABASE_URL=url) as service:
        tenant = service.tenant()
        assert create(service, tenant, "before") == 200
        assert health(service)[0] == 200
        fragile.ask("ALTER ROLE few CONNECTION LIMIT 0")
        assert create(service, tenant, "meanwhile") == 200
        assert health(service)[0] == 200
        with pytest.raises(Unavailable) as refused:
            create_app(service.settings, clock=SystemClock(), entropy=Entropy())
        assert "too many connections" in (refused.value.detail or "")


@pytest.fixture
def relay(fragile: PostgresqlServer) -> Iterator[Relay]:
    with relaying(fragile.port) as started:
        yield started


@pytest.fixture
def relayed(home: Path, clock: ManualClock, relay: Relay, database: str) -> Iterator[Service]:
    """A service that reaches its store through a relay."""
    url = f"postgresql://postgres@127.0.0.1:{relay.listening}/{database}"
    with running(home, clock, STS_DATABASE_URL=url) as started:
        yield started


def test_a_commit_whose_answer_is_lost_is_refused_and_the_record_goes_on_behind_it(
    relayed: Service, relay: Relay
) -> None:
    """Whoever waited cannot know whether it was made. The next record has to, or it would take the same place."""
    tenant = relayed.tenant()
    assert create(relayed, tenant, "before") == 200
    relay.loses_commit = True
    assert create(relayed, tenant, "lost") == 503
    assert relay.lost.is_set()
    assert create(relayed, tenant, "after") == 200
    assert create(relayed, tenant, "lost") == 409  # it was made
    assert users(relayed, tenant) == ["after", "before", "lost"]
    assert verify_audit(relayed) >= 5


def test_when_the_line_is_dead_new_ones_are_made_as_soon_as_it_lives(relayed: Service, relay: Relay) -> None:
    tenant = relayed.tenant()
    assert create(relayed, tenant, "before") == 200
    relay.swallows = True
    assert health(relayed)[0] == 503
    assert create(relayed, tenant, "meanwhile") == 503
    relay.swallows = False
    recovers(relayed, tenant)
    assert users(relayed, tenant) == ["before", "later"]
    verify_audit(relayed)


@pytest.mark.parametrize("password", ["", ":hush%40hush"])
def test_who_starts_while_it_is_down_is_told_so_and_no_password(
    home: Path, fragile: PostgresqlServer, password: str
) -> None:
    url = fragile.url("nowhere").replace("postgres@", f"postgres{password}@")
    settings = read_settings({"STS_HOME": str(home), "STS_DATABASE_URL": url})
    with pytest.raises(Unavailable) as refused:
        create_app(settings, clock=SystemClock(), entropy=Entropy())
    told = f"{refused.value} {refused.value.detail} {refused.value.__cause__} {settings!r}"
    assert 'database "nowhere" does not exist' in told
    assert "hush" not in told
